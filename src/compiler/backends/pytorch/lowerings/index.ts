/** Every op as an expression of PyTorch, or the reason why it has none. */
import type { OpName } from '../../../ops/attributes.ts';
import { TorchProblem } from '../problem.ts';
import type { Expr } from '../python.ts';
import { NEURAL } from './neural.ts';
import { POINTWISE } from './pointwise.ts';
import type { Call, Lowering } from './rule.ts';
import { SHAPE } from './shape.ts';

export const LOWERINGS: { readonly [N in OpName]: Lowering<N> } = { ...POINTWISE, ...SHAPE, ...NEURAL };

/** @throws TorchProblem */
export function lowered<N extends OpName>(call: Call<N>): Expr {
  const rule: Lowering<N> = LOWERINGS[call.op];
  if ('refused' in rule) throw new TorchProblem('torch_op', { op: call.op, reason: rule.refused });
  return rule(call);
}
