/**
 * The graph IR: flat, typed, immutable, in static single assignment form.
 *
 * A graph is one entry of a model. Its values come from inputs (by name), parameters (by checkpoint
 * key), constants (held in the graph, small) and nodes. Nodes are in topological order. Passes make
 * new graphs and never touch the old one. `ir/print.ts` gives the text form that goldens compare.
 */
import type { Dim } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import type { Results } from '../ops/declare.ts';

export type { TensorType };

/** Axes of a tensor, as in NumPy; models have up to six. */
export const MAX_RANK = 64;

/** Index into `Graph.types`. Dense: 0 … types.length − 1. */
export type ValueId = number;

/** Where a node came from: the module path (`llama_model.model.layers.3.mlp`) and the place in the .mdl source. */
export interface Origin {
  readonly path: string;
  /** `models/phi-2.mdl:42:9`, absent for nodes that a pass made from nothing */
  readonly source?: string;
  /** the op that the node is a part of, where a backend wrote several in the place of one */
  readonly op?: string;
}

export interface GraphInput {
  readonly name: string;
  readonly value: ValueId;
}

export interface GraphParameter {
  /** Checkpoint key; unique in the graph. */
  readonly key: string;
  readonly value: ValueId;
}

export interface GraphConstant {
  readonly value: ValueId;
  /** Concrete, of the value's type. */
  readonly tensor: WideTensor;
}

export interface Node<N extends OpName = OpName> {
  readonly op: N;
  readonly inputs: Operands<N, ValueId>;
  readonly outputs: Results<ValueId>;
  readonly attributes: OpAttributes[N];
  readonly origin: Origin;
}

export type AnyNode = { [N in OpName]: Node<N> }[OpName];

export interface GraphOutput {
  readonly name: string;
  readonly value: ValueId;
}

/** What a graph needs of its dynamic dims: `dim` ≥ 0. */
export interface Requirement {
  readonly dim: Dim;
  /** `the slice 1:4 of axis 1` */
  readonly what: string;
  readonly origin: Origin;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly parameters: readonly GraphParameter[];
  readonly constants: readonly GraphConstant[];
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly GraphOutput[];
  /**
   * What was written needs these of the dims, each dim once. They hold for the whole graph: passes keep them, also those of
   * nodes that they drop, and whatever runs the graph refuses other sizes first.
   */
  readonly requires: readonly Requirement[];
  /** The type of every value, by id. */
  readonly types: readonly TensorType[];
}

/** Is called with the graph after each pass: to print it, to verify it. */
export type AfterPass = (pass: string, graph: Graph) => void;

export function typeOf(graph: Pick<Graph, 'name' | 'types'>, value: ValueId): TensorType {
  const type = graph.types[value];
  if (!type) throw new Error(`graph ${graph.name} has no value %${value}`);
  return type;
}
