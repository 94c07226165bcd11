/** Models of models/ beside transformers' own modules (test/fixtures/zoo/make.py), on every target. */
import { readFileSync } from 'node:fs';
import { type Loaded, loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { computeGradients } from '../../src/compiler/workbench/training/gradients.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import type { Session } from '../../src/runtime/session.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { TEST_HOST } from '../support/host.ts';
import { fixture, type ReferenceTensor, readTensors } from '../support/reference.ts';
import type { Target } from '../support/targets.ts';

/** |actual − expected| ≤ this × the largest |expected|. */
export const TOLERANCE = 1e-5;
export const GRADIENT_TOLERANCE = 1e-4;

export interface Case {
  /** a folder of test/fixtures/zoo */
  readonly name: string;
  /** a file of models/ */
  readonly file: string;
}

export interface Opened {
  readonly session: Session;
  readonly loaded: Loaded;
  readonly weights: WeightProvider;
  /** inputs and results of the fixture */
  readonly expected: ReadonlyMap<string, ReferenceTensor>;
  gradients(inputs: Readonly<Record<string, HostTensor>>): Promise<ReadonlyMap<string, HostTensor>>;
  close(): Promise<void>;
}

/** As `mdl run` opens a model: its sizes from the fixture's JSON, its weights from the file that transformers' names are in. */
export async function openCase({ name, file }: Case, target: Target): Promise<Opened> {
  const said = recordingOutput();
  const configFile = fixture(`zoo/${name}/config.json`);
  const loaded = loadModel(`models/${file}`, { configFile }, said);
  const weights = (await openWeights(loaded.model, { weights: [fixture(`zoo/${name}/weights.safetensors`)] }, said))!;
  const [backend, opset] = target.split(' ') as ['reference' | 'onnx' | 'webgpu', string | undefined];
  const engine = { backend, opset: opset === '23' ? 23 : 17 } as const;
  const session = await openForRun(loaded, weights, engine, TEST_HOST);
  return {
    session,
    loaded,
    weights,
    expected: readTensors(fixture(`zoo/${name}/expected.safetensors`)),
    gradients: (inputs) =>
      computeGradients(loaded, weights, { entry: 'loss', stage: 'all', inputs, ...engine }, TEST_HOST),
    async close() {
      await session.dispose();
      await weights.close();
    },
  };
}

/** The fixture's inputs of these names. */
export function inputsOf({ expected }: Pick<Opened, 'expected'>, names: readonly string[]): Record<string, HostTensor> {
  return Object.fromEntries(
    names.map((name) => {
      const { shape, data } = expected.get(name)!;
      const dtype = data instanceof BigInt64Array ? 'i64' : 'f32';
      return [name, { dtype, shape, data: data as BigInt64Array | Float32Array }];
    }),
  );
}

/** Columns from … to of a tensor [B, T] or [B, T, d]. */
export function columns(tensor: ReferenceTensor, from: number, to: number): { shape: number[]; data: number[] } {
  const [rows, width, ...rest] = tensor.shape as [number, number, ...number[]];
  const inner = rest.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: rows }, (_, row) =>
    Array.from(tensor.data.slice((row * width + from) * inner, (row * width + to) * inner), Number),
  ).flat();
  return { shape: [rows, to - from, ...rest], data };
}

export const i64 = ({ shape, data }: { shape: number[]; data: number[] }): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(data, BigInt),
});

/** What config.json of a fixture says of texts. */
export function sizesOf(name: string): { readonly vocab_size: number } {
  const sizes = JSON.parse(readFileSync(fixture(`zoo/${name}/config.json`), 'utf8')) as {
    readonly text?: { readonly vocab_size: number };
    readonly vocab_size: number;
  };
  return sizes.text ?? sizes;
}
