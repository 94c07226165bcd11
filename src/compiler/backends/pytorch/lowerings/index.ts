/** Every op as an expression of PyTorch, or the reason why it has none. */
import { type AnyNode, type Graph, type TensorType, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { OpName } from '../../../ops/attributes.ts';
import { mapResults } from '../../../ops/declare.ts';
import { mapOperands } from '../../../ops/operands.ts';
import { TorchProblem } from '../problem.ts';
import type { Expr } from '../python.ts';
import { NEURAL } from './neural.ts';
import { POINTWISE } from './pointwise.ts';
import type { Lowering, Surroundings } from './rule.ts';
import { SHAPE } from './shape.ts';

export const LOWERINGS: { readonly [N in OpName]: Lowering<N> } = { ...POINTWISE, ...SHAPE, ...NEURAL };

/**
 * A node as an expression.
 * @param read the expression of each operand
 * @throws TorchProblem
 */
export function lowered(graph: Graph, node: AnyNode, read: (value: ValueId) => Expr, around: Surroundings): Expr {
  const { op, attributes } = node;
  const rule = LOWERINGS[op] as Lowering<OpName>;
  if ('refused' in rule) throw new TorchProblem('torch_op', { op, reason: rule.refused });
  const type = (value: ValueId): TensorType => typeOf(graph, value);
  const inputs = mapOperands<OpName, ValueId, Expr>(op, node.inputs, read);
  const types = mapOperands<OpName, ValueId, TensorType>(op, node.inputs, type);
  return rule({ ...around, op, attributes, inputs, types, outputs: mapResults(node.outputs, type) });
}
