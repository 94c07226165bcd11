/**
 * ONNX Runtime, on the ONNX files that MDL's own compiler writes: the native WebGPU execution provider (its own Dawn in
 * the package, on the same adapter), the same provider as wasm on this process's WebGPU, and the CPU for scale.
 *
 * It has no training of its own; the training row runs our gradient and update graphs, whose gradients pass through
 * the host between the two.
 */
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { sizeOf } from '../../../src/shared/tensor.ts';
import { PORTS } from '../../../src/shared/training.ts';
import type { Contestant, Prepared, Results } from '../contestant.ts';
import { installGpu } from '../gpu.ts';
import { LEARNING_RATE, onnxOf, type Problem, type Tensors } from '../problem.ts';
import { folderOf, imported, required, versionOf } from './modules.ts';

interface OrtTensor {
  readonly data: Float32Array;
}
interface OrtSession {
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, OrtTensor>>, fetch: readonly string[]): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  readonly Tensor: new (type: string, data: HostTensor['data'], shape: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OrtSession>;
  };
  readonly env: { readonly wasm: { numThreads: number; wasmPaths: string } };
}

/** `Attention`, `RMSNormalization`, `RotaryEmbedding` and `Gelu` as one node each, which is the best case for ONNX Runtime. */
const OPSET = 23;

export async function native(provider: 'webgpu' | 'cpu'): Promise<Contestant> {
  const ort = required('onnxruntime-node') as Ort;
  const about = `onnxruntime-node ${versionOf('onnxruntime-node')}, ${provider}, opset ${OPSET}`;
  return contestant(ort, provider, about, false);
}

export async function web(): Promise<Contestant> {
  await installGpu();
  const ort = (await imported('onnxruntime-web', 'dist/ort.webgpu.mjs')) as Ort;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = `${folderOf('onnxruntime-web')}dist/`;
  return contestant(ort, 'webgpu', `onnxruntime-web ${versionOf('onnxruntime-web')}, webgpu, opset ${OPSET}`, true);
}

function contestant(ort: Ort, provider: string, about: string, counted: boolean): Contestant {
  const tensor = ({ dtype, shape, data }: HostTensor): OrtTensor =>
    new ort.Tensor({ f32: 'float32', i64: 'int64', bool: 'bool' }[dtype], data, shape);
  const tensors = (all: Tensors): Record<string, OrtTensor> =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, tensor(value)]));
  const open = (problem: Problem, entry: string): Promise<OrtSession> =>
    ort.InferenceSession.create(onnxOf(problem, entry, OPSET), { executionProviders: [provider], logSeverityLevel: 4 });

  async function inference(problem: Problem, entry: string, outputs: readonly string[]): Promise<Prepared> {
    const session = await open(problem, entry);
    const feeds = tensors(problem.inputs);
    return {
      run: async () => {
        const results = await session.run(feeds, outputs);
        return Object.fromEntries(outputs.map((name) => [name, results[name]!.data]));
      },
      dispose: () => session.release(),
    };
  }

  async function training(problem: Problem): Promise<Prepared> {
    const [gradient, update] = [await open(problem, 'gradient'), await open(problem, 'update')];
    const { trained, slots } = problem.plan!;
    const number = (value: number): OrtTensor => tensor({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
    const inputs = { ...tensors(problem.inputs), [PORTS.lossScale]: number(1) };
    let state: Record<string, OrtTensor> = {};
    for (const { key, shape } of trained) {
      state[PORTS.parameter(key)] = tensor(problem.parameters[key]!);
      for (const slot of slots) {
        state[PORTS.state(slot, key)] = tensor({ dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)) });
      }
    }
    let step = 0;
    return {
      run: async () => {
        const parameters = trained.map(({ key }) => [PORTS.parameter(key), state[PORTS.parameter(key)]!] as const);
        const fetch = [PORTS.loss, ...trained.map(({ key }) => PORTS.gradient(key))];
        const results = await gradient.run({ ...inputs, ...Object.fromEntries(parameters) }, fetch);
        const { [PORTS.loss]: loss, ...gradients } = results;
        const scalars = {
          [PORTS.learningRate]: number(LEARNING_RATE),
          [PORTS.step]: number(++step),
          [PORTS.gradientScale]: number(1),
        };
        const next = await update.run({ ...scalars, ...state, ...gradients }, update.outputNames);
        state = Object.fromEntries(Object.keys(state).map((port) => [port, next[PORTS.next(port)]!]));
        return { loss: loss!.data };
      },
      details: async () => {
        const details: Record<string, Float32Array> = {};
        for (const { key } of trained) {
          details[`exp_avg.${key}`] = state[PORTS.state('exp_avg', key)]!.data;
          details[`parameter.${key}`] = state[PORTS.parameter(key)]!.data;
        }
        return details satisfies Results;
      },
      dispose: async () => {
        await gradient.release();
        await update.release();
      },
    };
  }

  return {
    about,
    counted,
    prepare: (problem) => {
      const { row } = problem;
      return row.kind === 'training' ? training(problem) : inference(problem, row.entry, row.outputs);
    },
  };
}
