/**
 * Floating-point operations of a node as it is written, before any fusion: a multiplication and an addition count as two, a
 * function such as exp as one. What each contraction does stands in the table; the rest follows from the op's traits.
 */
import { type Dim, mulDims, productOf, type Shape } from '../../shared/dim.ts';
import { type AnyNode, type Graph, typeOf } from '../ir/graph.ts';
import type { OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';

/** Operations for one element of the first output, by the shapes of the operands. */
type PerElement<N extends OpName> = (
  inputs: readonly Shape[],
  attributes: Extract<AnyNode, { op: N }>['attributes'],
) => Dim;

/** 2 · kh · kw · C/groups, of the weight [O, C/groups, kh, kw]. */
const window = (weight: Shape): Dim => mulDims(2, productOf(weight.slice(1)));

const CONTRACTIONS: { readonly [N in OpName]?: PerElement<N> } = {
  linear: ([, weight]) => mulDims(2, weight![1]!),
  matmul: ([a], { transpose_a }) => mulDims(2, a!.length > 1 && transpose_a ? a!.at(-2)! : a!.at(-1)!),
  conv2d: ([, weight]) => window(weight!),
  // each dy [N, O, oh, ow] meets the window of every output channel: the same products as forward
  conv2d_grad_weight: ([, dy]) => mulDims(2, productOf([dy![0]!, dy![2]!, dy![3]!])),
  // scores q·k and values p·v: 2 · S · D and 2 · S · E for an element of [B, H, T, D]; E = D in all models
  attention: ([, k]) => mulDims(4, k![2]!),
  // scores again, dv, dp, dq and dk: five products where attention has two
  attention_grad: ([, k]) => mulDims(10, k![2]!),
  // per element, without the arithmetic of a row's own statistics
  softmax: () => 5,
  log_softmax: () => 5,
  layer_norm: () => 8,
  rms_norm: () => 5,
  rotary: () => 3,
  avg_pool2d: (_, { kernel }) => kernel[0] * kernel[1],
  max_pool2d: (_, { kernel }) => kernel[0] * kernel[1],
};

/** At the sizes of the graph's dims: a polynomial in them. */
export function flopsOf(graph: Graph, node: AnyNode): Dim {
  const shapes = node.inputs.map((value) => typeOf(graph, value).shape);
  const out = productOf(typeOf(graph, node.outputs[0]!).shape);
  const rule = CONTRACTIONS[node.op] as PerElement<OpName> | undefined;
  if (rule) return mulDims(out, rule(shapes, node.attributes));
  if (node.op === 'conv2d_grad_input') return mulDims(productOf(shapes[0]!), window(shapes[1]!));
  if (node.op === 'cross_entropy') return mulDims(5, productOf(shapes[0]!));
  const { pointwise, reduction, view } = specOf(node.op).traits;
  if (view) return 0;
  if (reduction) return productOf(shapes[0]!);
  return pointwise ? out : 0;
}
