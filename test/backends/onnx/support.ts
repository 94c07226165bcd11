/** Runs IR graphs in ONNX Runtime (CPU, from bytes), and single ops in the reference. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  encodeModel,
  lowerToOnnx,
  type OnnxOpset,
  type OnnxOptions,
} from '../../../src/compiler/backends/onnx/index.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import type { DType } from '../../../src/shared/dtype.ts';
import { type HostTensor, narrow, sizeOf, type WideTensor } from '../../../src/shared/tensor.ts';
import { difference, tolerance } from '../../support/compare.ts';

export const OPSETS: readonly OnnxOpset[] = [17, 23];

export { difference, tolerance };

const ORT_DTYPE = { f32: 'float32', i64: 'int64', bool: 'bool' } as const satisfies Record<DType, string>;
const OUR_DTYPE: { readonly [type: string]: DType } = { float32: 'f32', int64: 'i64', bool: 'bool' };

function toOrt({ dtype, shape, data }: HostTensor): Tensor {
  return new Tensor(ORT_DTYPE[dtype], data as Float32Array, [...shape]);
}

function fromOrt(tensor: Tensor): HostTensor {
  const dtype = OUR_DTYPE[tensor.type];
  if (!dtype) throw new Error(`ONNX Runtime returned ${tensor.type}`);
  return { dtype, shape: [...tensor.dims], data: tensor.data as HostTensor['data'] };
}

export interface RunOptions {
  readonly opset: OnnxOpset;
  readonly parameters?: ReadonlyMap<string, WideTensor>;
  readonly optimization?: 'disabled' | 'all';
}

export function inline(parameters: ReadonlyMap<string, WideTensor> = new Map()): OnnxOptions['parameters'] {
  return (key) => {
    const tensor = parameters.get(key);
    if (!tensor) throw new Error(`the test gives no numbers for parameter ${key}`);
    return { kind: 'inline', tensor: narrow(tensor) };
  };
}

export async function loadSession(
  graph: Graph,
  { opset, parameters, optimization = 'all' }: RunOptions,
): Promise<InferenceSession> {
  const { model } = lowerToOnnx(graph, { opset, parameters: inline(parameters) });
  return InferenceSession.create(encodeModel(model), {
    graphOptimizationLevel: optimization,
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
}

export async function runSession(
  session: InferenceSession,
  feeds: Readonly<Record<string, WideTensor>>,
): Promise<Record<string, HostTensor>> {
  const results = await session.run(
    Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(narrow(tensor))])),
  );
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
}

/** The outputs by name. */
export async function runOnnx(
  graph: Graph,
  feeds: Readonly<Record<string, WideTensor>>,
  options: RunOptions,
): Promise<Record<string, HostTensor>> {
  const session = await loadSession(graph, options);
  try {
    return await runSession(session, feeds);
  } finally {
    await session.release();
  }
}

/** Deterministic numbers: a sine at a stride that never repeats, in [−1, 1]. */
export function noise(shape: readonly number[], seed = 1, scale = 1): WideTensor {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.fround(scale * Math.sin(seed * 97.3 + i * 12.9898)),
  );
  return { dtype: 'f32', shape, data };
}

export function tensor(dtype: DType, shape: readonly number[], values: readonly number[]): WideTensor {
  return { dtype, shape, data: Float64Array.from(values) };
}

/** Undefined when every output agrees with the float64 interpreter, else the first that does not and how. */
export async function disagreement(
  graph: Graph,
  feeds: Readonly<Record<string, WideTensor>>,
  options: RunOptions,
): Promise<string | undefined> {
  const parameters = (key: string): WideTensor => {
    const found = options.parameters?.get(key);
    if (!found) throw new Error(`the test gives no numbers for parameter ${key}`);
    return found;
  };
  const expected = interpret(graph, { inputs: new Map(Object.entries(feeds)), parameters });
  const actual = await runOnnx(graph, feeds, options);
  for (const [name, tensor] of expected) {
    const found = difference(actual[name]!, tensor);
    if (found !== undefined) return `${name}: ${found}`;
  }
  return undefined;
}
