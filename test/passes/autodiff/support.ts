/** Gradients in tests: a graph's outputs made one scalar, the torch cases with their gradients, finite differences. */
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { typeOf } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';
import { copyNode, copySources } from '../../../src/compiler/passes/autodiff/copy.ts';
import { Emit } from '../../../src/compiler/passes/autodiff/emit.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { sizeOf, type WideTensor } from '../../../src/shared/tensor.ts';
import { caseInputs, loadCases, type ReferenceCase } from '../../ops/reference-cases.ts';
import { fixture, readJson, readTensors } from '../../support/reference.ts';

export type Tensors = ReadonlyMap<string, WideTensor>;

/** Numbers that never repeat, in [−1, 1]. */
export function noise(shape: readonly number[], seed = 1, scale = 1): WideTensor {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.fround(scale * Math.sin(seed * 97.3 + i * 12.9898)),
  );
  return { dtype: 'f32', shape, data };
}

export interface LossOptions {
  /**
   * false: loss = Σ output · cotangent. true: the op stands in the middle, with f32 inputs scaled before and
   * loss = Σ tanh(output / 2) · cotangent after, so what flows into it is neither 1 nor uniform.
   */
  readonly midGraph?: boolean;
}

/** The graph with the scalar output `loss`; each f32 output gets an input `cotangent.<output>` of its type. */
export function withLoss(graph: Graph, { midGraph = false }: LossOptions = {}): Graph {
  const b = new GraphBuilder(graph.name);
  const values = copySources(graph, b, new Emit(b));
  if (midGraph) {
    for (const { value } of graph.inputs) {
      if (typeOf(graph, value).dtype !== 'f32') continue;
      values.set(value, b.node('mul', [values.get(value)!, b.scalar(1.125)], {}));
    }
  }
  for (const node of graph.nodes) {
    const made = copyNode(
      b,
      node,
      node.inputs.map((value) => values.get(value)!),
    );
    for (const [index, value] of node.outputs.entries()) values.set(value, made[index]!);
  }
  let loss: ValueId | undefined;
  for (const { name, value } of graph.outputs) {
    const { dtype, shape } = typeOf(graph, value);
    const result = values.get(value)!;
    b.output(name, result);
    if (dtype !== 'f32') continue;
    const bent = midGraph ? b.node('tanh', [b.node('mul', [result, b.scalar(0.5)], {})], {}) : result;
    const weighted = b.node('mul', [bent, b.input(`cotangent.${name}`, 'f32', shape)], {});
    const sum = b.node('sum', [weighted], { axes: shape.map((_, axis) => axis), keepdims: false });
    loss = loss === undefined ? sum : b.node('add', [loss, sum], {});
  }
  if (loss === undefined) throw new Error(`graph ${graph.name} has no f32 output`);
  b.output('loss', loss);
  return b.build();
}

const noParameters = (key: string): never => {
  throw new Error(`the test gives no numbers for parameter ${key}`);
};

/** Runs a graph in the reference, parameters and inputs from one map. */
export function run(graph: Graph, tensors: Tensors, only?: readonly string[]): Map<string, WideTensor> {
  const inputs = new Map(graph.inputs.map(({ name }) => [name, tensors.get(name)!]));
  return interpret(graph, { inputs, parameters: (key) => tensors.get(key) ?? noParameters(key) }, only ? { only } : {});
}

/** Gradients of the output `loss` by input name and parameter key, on the reference. */
export function gradientsOf(graph: Graph, tensors: Tensors, wanted: readonly string[]): Map<string, WideTensor> {
  const keys = new Set(graph.parameters.map(({ key }) => key));
  const backward = differentiate(graph, {
    output: 'loss',
    parameters: new Set(wanted.filter((name) => keys.has(name))),
    inputs: new Set(wanted.filter((name) => !keys.has(name))),
  });
  verifyGraph(backward);
  const names = wanted.map((name) => `gradient.${name}`);
  return new Map([...run(backward, tensors, names)].map(([name, tensor]) => [name.slice('gradient.'.length), tensor]));
}

/** At most this many elements of a tensor are moved, spread over it. */
const MOST_MOVED = 24;

/**
 * Central differences, as gradcheck does them (eps 1e-6, atol 1e-5, rtol 1e-3): the first gradient that is off, or undefined.
 */
export function finiteDifferences(graph: Graph, tensors: Tensors, wanted: readonly string[]): string | undefined {
  const eps = 1e-6;
  const gradients = gradientsOf(graph, tensors, wanted);
  const lossAt = (name: string, at: number, by: number): number => {
    const { data, ...rest } = tensors.get(name)!;
    const moved = new Map(tensors).set(name, { ...rest, data: data.with(at, data[at]! + by) });
    return run(graph, moved, ['loss']).get('loss')!.data[0]!;
  };
  for (const name of wanted) {
    const { data } = gradients.get(name)!;
    const stride = Math.max(1, Math.floor(data.length / MOST_MOVED));
    for (let at = 0; at < data.length; at += stride) {
      const slope = (lossAt(name, at, eps) - lossAt(name, at, -eps)) / (2 * eps);
      if (Math.abs(data[at]! - slope) <= 1e-5 + 1e-3 * Math.abs(slope)) continue;
      return `d loss / d ${name}[${at}] is ${data[at]} and moving it gives ${slope}`;
    }
  }
  return undefined;
}

export interface GradientCase {
  readonly reference: ReferenceCase;
  /** cotangents and inputs, by input name of the graph with a loss */
  readonly tensors: Tensors;
  /** torch's gradients, by input */
  readonly gradients: Tensors;
}

interface RawCase {
  readonly name: string;
  readonly input_names: readonly string[];
  readonly outputs: readonly string[];
  readonly cotangents: readonly (string | null)[];
  readonly grads: readonly (string | null)[];
}

/** The cases of test/fixtures/ops for which torch gave gradients. */
export function loadGradientCases(): GradientCase[] {
  const references = new Map(loadCases().map((reference) => [reference.name, reference]));
  const stored = readTensors(fixture('ops/ops.safetensors'));
  const wide = (key: string): WideTensor => {
    const { shape, data } = stored.get(key)!;
    return { dtype: 'f32', shape, data: Float64Array.from(data, Number) };
  };
  return readJson<{ cases: readonly RawCase[] }>('ops/ops.json').cases.flatMap((raw) => {
    const gradients = new Map(raw.grads.flatMap((key, i) => (key ? [[raw.input_names[i]!, wide(key)] as const] : [])));
    if (gradients.size === 0) return [];
    const reference = references.get(raw.name)!;
    const tensors = new Map(caseInputs(reference));
    for (const [i, { name }] of reference.outputs.entries()) {
      const key = raw.cotangents[i];
      if (key) tensors.set(`cotangent.${name}`, wide(key));
    }
    return [{ reference, tensors, gradients }];
  });
}
