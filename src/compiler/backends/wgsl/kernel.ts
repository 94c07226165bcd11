/** A kernel before it is text: which values it makes, over which space, and what it computes on the way. */
import type { Shape } from '../../../shared/dim.ts';
import type { AnyNode, Node, TensorType, ValueId } from '../../ir/graph.ts';

/** Convolutions and their gradients: products over the taps of windows, but where each group has one channel. */
export type ConvolutionOp = 'conv2d' | 'conv2d_grad_input' | 'conv2d_grad_weight';
export type ConvolutionNode = { [N in ConvolutionOp]: Node<N> }[ConvolutionOp];
/** Ops with a template of their own. */
export type ContractionOp = 'linear' | 'matmul' | 'attention' | 'attention_grad' | ConvolutionOp;
export type ContractionNode = { [N in ContractionOp]: Node<N> }[ContractionOp];
const CONTRACTIONS: ReadonlySet<string> = new Set<ContractionOp>(['linear', 'matmul', 'attention', 'attention_grad']);

/** @param types of the values of its graph */
export function isContraction(node: AnyNode, types: readonly TensorType[]): node is ContractionNode {
  return CONTRACTIONS.has(node.op) || (isConvolution(node) && hasWideGroups(node, types));
}

export const isConvolution = (node: AnyNode): node is ConvolutionNode =>
  node.op === 'conv2d' || node.op === 'conv2d_grad_input' || node.op === 'conv2d_grad_weight';

/** Depthwise kernels read too few numbers for each result to share any. */
function hasWideGroups(
  { op, inputs, outputs, attributes: { groups } }: ConvolutionNode,
  types: readonly TensorType[],
): boolean {
  const [out, perGroup] = types[op === 'conv2d_grad_weight' ? outputs[0] : inputs[1]]!.shape;
  return groups === 1 || (perGroup !== 1 && out !== groups);
}

/** Log-sum-exp and Σ dy · y of each query where forward did not save them, then from them dq, and dk with dv. */
export type AttentionPass = 'statistics' | 'query' | 'key_value';

/** One tensor that a kernel writes. */
export interface KernelOutput {
  /** whose element is computed at each point of the space */
  readonly value: ValueId;
  /** where it goes: the value's own buffer, or a part of another's (a piece of a concat, new positions of a cache) */
  readonly into: ValueId;
  /** coordinates inside `into` of an element of `value` */
  readonly shift?: { readonly axis: number; readonly by: Shape[number] };
  /** written by the kernel's template at coordinates of its own: attention's log-sum-exp */
  readonly auxiliary?: true;
}

/** Kernels that would prepare rows [B, H, T, …] for an attention; key and value go to the end of a cache. */
export interface FreshRows {
  /** undefined: the queries lie in memory as the attention reads them */
  readonly query: Kernel | undefined;
  readonly key: Kernel;
  readonly value: Kernel;
}

export const kernelsOf = ({ query, key, value }: FreshRows): readonly Kernel[] =>
  query ? [query, key, value] : [key, value];

/**
 * One dispatch. Points of the space are written independently. With `columns` > 0 the trailing axes are the columns of
 * rows; `reductions` are folds that each row (with no columns: each point) needs first, in order. `contraction` is the op whose
 * template drives the kernel; its result goes through what is between it and the outputs.
 */
export interface Kernel {
  readonly outputs: KernelOutput[];
  readonly shape: Shape;
  columns: number;
  contraction: ContractionNode | undefined;
  /** which part of its contraction's work, where several kernels share it: attention's gradients */
  readonly pass?: AttentionPass;
  readonly reductions: AnyNode[];
  /** of an attention over a cache with one new position: the rows of that position, which it prepares itself */
  readonly fresh?: FreshRows;
  /** position in the graph of the last node it holds: kernels run in this order */
  order: number;
}
