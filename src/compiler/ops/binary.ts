/** Pointwise ops of two operands, with NumPy broadcasting. */
import type { DType } from '../../shared/dtype.ts';
import { broadcastShapes, broadcastStatic, broadcastTo } from './broadcast.ts';
import type { Binary, Op } from './declare.ts';
import { exact } from './exact.ts';
import { expectSameDType } from './rules.ts';
import type { OpTraits, Spec } from './spec.ts';
import { wide } from './strided.ts';

export const NAMES = ['a', 'b'] as const;
const OPERANDS = [{ name: 'a' }, { name: 'b' }] as const;

interface BinaryRule {
  readonly allowed: readonly DType[];
  /** dtype of the result; absent: the operands' */
  readonly to?: DType;
  readonly traits?: OpTraits;
  readonly integers?: Spec<Op<Binary>>['integers'];
}

/** The record of an op of two operands that broadcast. */
export function binary<N extends string>(
  name: N,
  doc: string,
  { allowed, to, traits, integers }: BinaryRule,
  f: (a: number, b: number) => number,
): Spec<Op<Binary>, N> {
  return {
    name,
    doc,
    operands: OPERANDS,
    traits: { pointwise: true, ...traits },
    ...(integers ? { integers } : {}),
    infer(inputs) {
      const dtype = expectSameDType(name, inputs, NAMES, allowed);
      return [{ dtype: to ?? dtype, shape: broadcastShapes(name, inputs, NAMES) }];
    },
    evaluate([a, b]) {
      const shape = broadcastStatic([a.shape, b.shape]);
      const left = broadcastTo(a, shape);
      const right = broadcastTo(b, shape);
      const out = new Float64Array(left.length);
      for (let i = 0; i < out.length; i++) out[i] = f(left[i]!, right[i]!);
      const dtype = to ?? a.dtype;
      // integers have no −0 (0 · −1)
      return [wide(dtype, shape, dtype === 'i64' ? exact(out.map((value) => value + 0)) : out)];
    },
  };
}
