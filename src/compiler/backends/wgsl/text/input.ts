/**
 * What the emitters are given of a kernel, and all of it: a small graph with values of its own, where they lie, what is
 * written. Emitters have no access to the entry's graph, so equal inputs have equal texts, and the layers of a model are
 * written once. Values are numbered in the graph's order; buffers, and the bases of tensors that share one, by first use.
 *
 *   layer 3: %812 = linear(%790, parameter 77, parameter 78)     %3 = linear(%0 in buffer 0, %1 in 1, %2 in 2)
 *   layer 4: %901 = linear(%879, parameter 91, parameter 92)     the same
 *
 * It is plain data: `structuralKey` finds equal ones by it and needs to know nothing of it.
 */
import type { Dim, Shape } from '../../../../shared/dim.ts';
import type { Quantisation } from '../../../../shared/quantisation.ts';
import type { AnyNode, Origin, TensorType, ValueId } from '../../../ir/graph.ts';
import type { AttentionPass, ContractionNode } from '../kernel.ts';
import type { Element } from './code.ts';
import type { Layout } from './layout.ts';

/** A value that lies in a buffer. */
export interface Stored {
  /** which buffer: equal numbers are equal buffers */
  readonly buffer: number;
  readonly element: Element;
  readonly layout: Layout;
  /** a parameter too large for one binding: its further buffers, and the elements at which they begin */
  readonly shards?: readonly { readonly buffer: number; readonly start: number }[];
  /** the words (u32) are codes, then scales, then zeros */
  readonly quantised?: Quantisation;
  /** rows of so many codes have a scale each, in a buffer of f32 */
  readonly scales?: { readonly buffer: number; readonly width: number };
}

export interface InputValue {
  readonly type: TensorType;
  /** of what this kernel does not compute: where it is read */
  readonly place?: Stored;
  /** of a constant of one element: that number */
  readonly number?: number;
}

/** A node of the graph IR without its origin. */
export type InputNode = Pick<AnyNode, 'op' | 'inputs' | 'outputs' | 'attributes'>;

/** One tensor that the kernel writes. */
export interface InputOutput {
  readonly value: ValueId;
  readonly to: Stored;
  /** the value is all of what `to` says, and not a part of something larger */
  readonly whole: boolean;
  /** coordinates inside `to` of an element of the value */
  readonly shift?: { readonly axis: number; readonly by: Dim };
  /** written by the template at coordinates of its own */
  readonly auxiliary?: true;
}

export interface KernelInput {
  /** by id */
  readonly values: readonly InputValue[];
  /** in topological order */
  readonly nodes: readonly InputNode[];
  readonly outputs: readonly InputOutput[];
  readonly shape: Shape;
  readonly columns: number;
  /** indices of nodes */
  readonly reductions: readonly number[];
  readonly contraction?: number;
  readonly pass?: AttentionPass;
  readonly fresh?: FreshInput;
}

/** Of an attention over a cache with one new position: what prepares its rows, and the cache before it. */
export interface FreshInput {
  readonly query?: KernelInput;
  readonly key: KernelInput;
  readonly value: KernelInput;
  readonly pastKeys: ValueId;
  readonly pastValues: ValueId;
}

/** What of a graph the rules of ops look at. */
export interface ValueFacts {
  readonly graph: { readonly name: string; readonly types: readonly TensorType[] };
  readonly producers: ReadonlyMap<ValueId, AnyNode>;
  /** constants of one element */
  readonly numbers: ReadonlyMap<ValueId, number>;
  /** position of a node in the graph */
  readonly order: ReadonlyMap<AnyNode, number>;
}

/** What the evaluator asks: where a value lies, if it is not computed. */
export interface Storage {
  stored(value: ValueId): Stored | undefined;
}

/** A kernel's input with its nodes joined to their values. */
export interface OpenKernel extends Pick<KernelInput, 'outputs' | 'shape' | 'columns' | 'pass' | 'fresh'> {
  readonly facts: ValueFacts;
  readonly storage: Storage;
  readonly reductions: readonly AnyNode[];
  readonly contraction: ContractionNode | undefined;
}

const NOWHERE: Origin = { path: '' };

export function openKernel(input: KernelInput): OpenKernel {
  const { values, outputs, shape, columns, pass, fresh } = input;
  const nodes = input.nodes.map((node) => ({ ...node, origin: NOWHERE }) as AnyNode);
  return {
    outputs,
    shape,
    columns,
    ...(pass ? { pass } : {}),
    ...(fresh ? { fresh } : {}),
    facts: {
      graph: { name: 'of a kernel', types: values.map(({ type }) => type) },
      producers: new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const))),
      numbers: new Map(values.flatMap(({ number }, value) => (number === undefined ? [] : [[value, number] as const]))),
      order: new Map(nodes.map((node, order) => [node, order])),
    },
    storage: { stored: (value) => values[value]?.place },
    reductions: input.reductions.map((at) => nodes[at]!),
    contraction: input.contraction === undefined ? undefined : (nodes[input.contraction] as ContractionNode),
  };
}
