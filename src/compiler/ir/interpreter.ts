/**
 * The oracle: runs a graph in float64, node by node, through each op's `evaluate`. Slow and obviously
 * right; the other targets are compared with it.
 *
 * Parameters are asked for when the first node that is needed uses them, and every value is dropped after
 * its last use, so a large model runs in the memory of its widest place.
 */
import { evaluateDim, isSymbolic, printAtLeastZero, printDim, printShape, symbolsOf } from '../../shared/dim.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';
import { operandsOf } from '../ops/operands.ts';
import { bindDims, resolveAttributes, shapedInputs } from './bind.ts';
import type { AnyNode, Graph, TensorType, ValueId } from './graph.ts';
import { typeOf } from './graph.ts';
import { describeNode } from './print.ts';

export { bindDims, resolveAttributes } from './bind.ts';

export interface Feeds {
  /** One tensor per input of the graph, by name. */
  readonly inputs: ReadonlyMap<string, WideTensor>;
  /** The tensor of a checkpoint key; called once for each parameter that is needed. */
  readonly parameters: (key: string) => WideTensor;
}

export interface InterpretOptions {
  /** Only these outputs; nodes that serve none of them do not run. */
  readonly only?: readonly string[];
}

/**
 * The outputs by name.
 * @throws Error when an input is missing, of another dtype or of a shape that does not fit; when a
 * dimension of the graph has no value, or one that the graph cannot work with; when an op finds an index out of range
 */
export function interpret(graph: Graph, feeds: Feeds, options: InterpretOptions = {}): Map<string, WideTensor> {
  const bindings = bindInputs(graph, feeds.inputs);
  const outputs = graph.outputs.filter(({ name }) => options.only?.includes(name) ?? true);
  const unknown = options.only?.find((name) => !graph.outputs.some((output) => output.name === name));
  if (unknown !== undefined) throw new Error(`graph ${graph.name} has no output ${unknown}`);

  const { nodes, lastUse } = schedule(
    graph,
    outputs.map(({ value }) => value),
  );
  const values = new Map<ValueId, WideTensor>();
  for (const { name, value } of graph.inputs) values.set(value, feeds.inputs.get(name)!);
  for (const { value, tensor } of graph.constants) values.set(value, tensor);
  const keys = new Map(graph.parameters.map(({ key, value }) => [value, key]));

  const read = (value: ValueId): WideTensor => {
    const ready = values.get(value);
    if (ready) return ready;
    const key = keys.get(value);
    if (key === undefined) throw new Error(`value %${value} of graph ${graph.name} is used before it is defined`);
    const tensor = feeds.parameters(key);
    checkTensor(`parameter ${key}`, tensor, typeOf(graph, value), bindings);
    values.set(value, tensor);
    return tensor;
  };

  for (const [step, node] of nodes.entries()) {
    const results = run(node, node.inputs.map(read), bindings);
    for (const [index, value] of node.outputs.entries()) {
      checkTensor(`output ${index} of ${describeNode(node)}`, results[index]!, typeOf(graph, value), bindings);
      if (lastUse.has(value)) values.set(value, results[index]!);
    }
    for (const value of node.inputs) if (lastUse.get(value) === step) values.delete(value);
  }
  return new Map(outputs.map(({ name, value }) => [name, read(value)]));
}

/** An op that cannot be evaluated on what it got. */
export class NodeError extends Error {
  readonly node: AnyNode;
  constructor(node: AnyNode, cause: unknown) {
    super(`${describeNode(node)}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'NodeError';
    this.node = node;
  }
}

function run(
  node: AnyNode,
  inputs: readonly WideTensor[],
  bindings: ReadonlyMap<string, number>,
): readonly WideTensor[] {
  try {
    return specOf(node.op).evaluate(
      operandsOf<OpName, WideTensor>(node.op, inputs),
      resolveAttributes(node.attributes, bindings),
    );
  } catch (cause) {
    throw new NodeError(node, cause);
  }
}

/** The nodes that the outputs need, in order, and the last of them that reads each value (∞: an output). */
function schedule(graph: Graph, outputs: readonly ValueId[]): { nodes: AnyNode[]; lastUse: Map<ValueId, number> } {
  const needed = new Set(outputs);
  const nodes: AnyNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    for (const value of node.inputs) needed.add(value);
    nodes.push(node);
  }
  nodes.reverse();
  const lastUse = new Map<ValueId, number>();
  for (const [step, node] of nodes.entries()) for (const value of node.inputs) lastUse.set(value, step);
  for (const value of outputs) lastUse.set(value, Number.POSITIVE_INFINITY);
  return { nodes, lastUse };
}

function bindInputs(graph: Graph, inputs: ReadonlyMap<string, WideTensor>): Map<string, number> {
  const names = new Set(graph.inputs.map(({ name }) => name));
  for (const name of inputs.keys()) if (!names.has(name)) throw new Error(`graph ${graph.name} has no input ${name}`);
  const bindings = bindDims(shapedInputs(graph), new Map([...inputs].map(([name, { shape }]) => [name, shape])));
  for (const { name, value } of graph.inputs) {
    checkTensor(`input ${name}`, inputs.get(name)!, typeOf(graph, value), bindings);
  }
  for (const [value, { shape }] of graph.types.entries()) {
    for (const dim of shape) {
      const open = isSymbolic(dim) ? symbolsOf(dim).find((name) => !bindings.has(name)) : undefined;
      if (open === undefined) continue;
      throw new Error(
        `dimension ${open} of %${value} ${printShape(shape)} is not an axis of any input of graph ${graph.name}`,
      );
    }
  }
  checkRequirements(graph, bindings);
  return bindings;
}

function checkRequirements({ name, requires }: Graph, bindings: ReadonlyMap<string, number>): void {
  for (const { dim, what, origin } of requires) {
    if (evaluateDim(dim, bindings) >= 0) continue;
    const values = symbolsOf(dim).map((symbol) => `${symbol} is ${bindings.get(symbol)}`);
    throw new Error(
      `graph ${name} needs ${printAtLeastZero(dim)} for ${what}${origin.source === undefined ? '' : ` at ${origin.source}`}, and ${values.join(', ')}`,
    );
  }
}

function checkTensor(what: string, tensor: WideTensor, type: TensorType, bindings: ReadonlyMap<string, number>): void {
  if (tensor.dtype !== type.dtype) throw new Error(`${what} is ${tensor.dtype}, expected ${type.dtype}`);
  const expected = type.shape.map((dim) => evaluateDim(dim, bindings));
  if (tensor.shape.length !== expected.length || tensor.shape.some((size, axis) => size !== expected[axis])) {
    const symbols = type.shape.some(isSymbolic) ? ` (${type.shape.map(printDim).join(', ')})` : '';
    throw new Error(`${what} has shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]${symbols}`);
  }
  if (tensor.data.length !== sizeOf(expected)) {
    throw new Error(
      `${what} holds ${tensor.data.length} elements and its shape [${expected.join(', ')}] has ${sizeOf(expected)}`,
    );
  }
}
