/** Every op as an expression of PyTorch, or the reason why it has none. */
import type { OpName } from '../../../ops/attributes.ts';
import { TorchProblem } from '../problem.ts';
import type { Expr } from '../python.ts';
import { NEURAL } from './neural.ts';
import { POINTWISE } from './pointwise.ts';
import type { Lowering, Operands } from './rule.ts';
import { SHAPE } from './shape.ts';

export const LOWERINGS: { readonly [N in OpName]: Lowering<N> } = { ...POINTWISE, ...SHAPE, ...NEURAL };

/** @throws TorchProblem */
export function lowered<N extends OpName>(op: N, operands: Operands<N>): Expr {
  const rule: Lowering<N> = LOWERINGS[op];
  if ('refused' in rule) throw new TorchProblem('torch_op', { op, reason: rule.refused });
  return rule(operands);
}
