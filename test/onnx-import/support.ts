/** Imported ONNX files beside what they were made from. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Loaded, loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { importOnnxFile, type OnnxImportOptions } from '../../src/compiler/workbench/onnx-import.ts';
import { openForRun, type RunRequest } from '../../src/compiler/workbench/session.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import type { Session } from '../../src/runtime/session.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { folderWith } from '../cli/support.ts';
import { TEST_HOST } from '../support/host.ts';

export const RUNS: readonly (readonly [string, RunRequest])[] = [
  ['reference', { backend: 'reference', opset: 17 }],
  ['onnx 17', { backend: 'onnx', opset: 17 }],
  ['onnx 23', { backend: 'onnx', opset: 23 }],
];

export interface Imported {
  readonly text: string;
  readonly path: string;
  readonly weightsPath: string | undefined;
  readonly notes: readonly string[];
}

export async function imported(
  file: string,
  dim: readonly string[] = [],
  input: readonly string[] = [],
  more: Partial<OnnxImportOptions> = {},
): Promise<Imported> {
  const path = join(folderWith(), `${basename(file, '.onnx')}.mdl`);
  const { weights, notes } = await importOnnxFile(file, { out: path, force: false, dim, input, ...more });
  return { text: readFileSync(path, 'utf8'), path, weightsPath: weights, notes };
}

export interface OpenedImport {
  readonly loaded: Loaded;
  readonly weights: WeightProvider;
  readonly session: Session;
  readonly entry: string;
  close(): Promise<void>;
}

export async function opened({ path, weightsPath }: Imported, request: RunRequest): Promise<OpenedImport> {
  const said = recordingOutput();
  const loaded = loadModel(path, {}, said);
  const given = weightsPath === undefined ? { init: 0 } : { weights: [weightsPath] };
  const weights = (await openWeights(loaded.model, given, said))!;
  const session = await openForRun(loaded, weights, request, TEST_HOST);
  return {
    loaded,
    weights,
    session,
    entry: loaded.model.entries[0]!,
    async close() {
      await session.dispose();
      await weights.close();
    },
  };
}

/** The outputs of a file as onnxruntime computes them, in order. */
export async function originalOutputs(file: string, inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> {
  const session = await InferenceSession.create(file, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const types = { f32: 'float32', i64: 'int64', bool: 'bool' } as const;
  const dtypes = { float32: 'f32', int64: 'i64', bool: 'bool' } as const;
  const feeds = session.inputNames.map((name, index) => {
    const { dtype, shape, data } = inputs[index]!;
    return [name, new Tensor(types[dtype], data as Float32Array, [...shape])] as const;
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return session.outputNames.map((name) => {
    const { type, dims, data } = results[name]!;
    return { dtype: dtypes[type as keyof typeof dtypes], shape: [...dims], data: data as HostTensor['data'] };
  });
}

export interface Ports {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export function portsOf({ loaded, entry }: OpenedImport): Ports {
  const { graph } = loaded.model.entry(entry)!;
  return { inputs: graph.inputs.map(({ name }) => name), outputs: graph.outputs.map(({ name }) => name) };
}
