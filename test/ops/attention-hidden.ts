/**
 * Attention in which what some query does not see is NaN or infinite: what is hidden from a query contributes nothing to its
 * result, whatever hides it, and nothing to a gradient.
 */
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { AttentionAttributes } from '../../src/compiler/ops/attention-scores.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { noise } from '../passes/autodiff/support.ts';

export interface Hiding {
  readonly name: string;
  readonly queries: number;
  readonly keys: number;
  /** of queries, and of keys and values */
  readonly heads?: readonly [number, number];
  readonly width?: number;
  /** 2 */
  readonly batch?: number;
  readonly attributes: Omit<AttentionAttributes, 'scale'>;
  /** [B, S], or [B, 1, T, S] */
  readonly mask?: 'of keys' | 'of pairs';
}

const E = 4;
export const ODD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Blocks of the kernels are 4 and 64 keys and 1 to 8 queries: diagonals and ends within and beyond one. */
export const HIDINGS: readonly Hiding[] = [
  { name: 'causal', queries: 19, keys: 19, attributes: { causal: true } },
  { name: 'causal, over a cache', queries: 5, keys: 70, attributes: { causal: true }, mask: 'of keys' },
  { name: 'causal, the last 3 keys', queries: 13, keys: 17, width: 6, attributes: { causal: true, window: 3 } },
  { name: 'causal, of shared heads', queries: 9, keys: 9, heads: [4, 2], attributes: { causal: true } },
  { name: 'a mask of pairs, causal', queries: 6, keys: 7, attributes: { causal: true }, mask: 'of pairs' },
  { name: 'a mask of keys', queries: 3, keys: 9, attributes: { causal: false }, mask: 'of keys' },
  { name: 'capped, with a bias', queries: 5, keys: 6, attributes: { causal: true, soft_cap: 2, biased: true } },
  { name: 'one query', queries: 1, keys: 13, attributes: { causal: true }, mask: 'of pairs' },
  { name: 'all seen, in an odd number', queries: 3, keys: 5, attributes: { causal: false } },
];

const bools = (shape: readonly number[]): WideTensor => {
  const { data } = noise(shape, 5);
  return { dtype: 'bool', shape, data: data.map((x, i) => (x > -0.4 && i % 7 !== 3 ? 1 : 0)) };
};

const headsOf = ({ heads = [2, 2] }: Hiding) => heads;

/** q, k, v, dy, and mask and bias where it has them; finite. */
export function operandsOf(hiding: Hiding): Map<string, WideTensor> {
  const { batch: B = 2, queries: T, keys: S, width = 8, mask, attributes } = hiding;
  const [H, G] = headsOf(hiding);
  return new Map([
    ['q', noise([B, H, T, width], 1)],
    ['k', noise([B, G, S, width], 2)],
    ['v', noise([B, G, S, E], 3)],
    ['dy', noise([B, H, T, E], 4)],
    ...(mask ? [['mask', bools(mask === 'of keys' ? [B, S] : [B, 1, T, S])] as const] : []),
    ...(attributes.biased ? [['bias', noise([1, H, T, S], 6)] as const] : []),
  ]);
}

/** Where each operand is odd: a key and a value near the end, and a query and its upstream gradient near the start. */
export function oddOperands(hiding: Hiding, odd: number, operand: 'k' | 'v' | 'q' | 'dy'): Map<string, WideTensor> {
  const tensors = operandsOf(hiding);
  const { shape, data, ...rest } = tensors.get(operand)!;
  const [batch, heads, rows, width] = shape as [number, number, number, number];
  const row = operand === 'k' || operand === 'v' ? rows - 1 : 0;
  const spoiled = data.slice();
  for (let pair = 0; pair < batch * heads; pair++) spoiled[(pair * rows + row) * width + 1] = odd;
  return tensors.set(operand, { ...rest, shape, data: spoiled });
}

/** Outputs: y, and by attention_grad dq, dk and dv. */
export function graphOf(hiding: Hiding, what: 'result' | 'gradients' | 'both'): Graph {
  const b = new GraphBuilder('hidden');
  const attributes: AttentionAttributes = { ...hiding.attributes, scale: null };
  const made = [...operandsOf(hiding)].map(([name, { dtype, shape }]) => [name, b.input(name, dtype, shape)] as const);
  const ids = new Map(made);
  const of = (...names: string[]) => names.flatMap((name) => (ids.has(name) ? [ids.get(name)!] : []));
  if (what !== 'gradients')
    b.output('y', b.node('attention', of('q', 'k', 'v', 'mask', 'bias') as [number, number, number], attributes));
  if (what !== 'result') {
    const operands = of('q', 'k', 'v', 'dy', 'mask', 'bias') as [number, number, number, number];
    for (const [i, value] of b.nodeOutputs('attention_grad', operands, attributes).entries())
      b.output(['dq', 'dk', 'dv'][i]!, value);
  }
  return b.build();
}
