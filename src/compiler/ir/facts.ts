/** What the record of a node's op says of this node. */
import type { Dim } from '../../shared/dim.ts';
import type { OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';
import type { Integers } from '../ops/integers.ts';
import { mapOperands } from '../ops/operands.ts';
import type { IndexOperand, MatrixOperand } from '../ops/spec.ts';
import type { AnyNode, TensorType, ValueId } from './graph.ts';

/** The types of values: `(value) => typeOf(graph, value)`. */
type Types = (value: ValueId) => TensorType;

const typesOf = (node: AnyNode, types: Types) => mapOperands<OpName, ValueId, TensorType>(node.op, node.inputs, types);

/** What the elements of a result of integers can be; nothing where the op gives none. */
export function integersOf<I>(
  node: AnyNode,
  types: Types,
  known: Integers<I>,
  operand: (value: ValueId) => I,
): I | undefined {
  const operands = mapOperands<OpName, ValueId, I>(node.op, node.inputs, operand);
  return specOf<OpName>(node.op).integers?.(known, operands, node.attributes, typesOf(node, types));
}

/** The operand whose elements index another. */
export function indicesOf(node: AnyNode, types: Types): IndexOperand | undefined {
  return specOf<OpName>(node.op).indices?.(typesOf(node, types), node.attributes);
}

/** How the node reads the value, where that is its operand for a matrix and no other. */
export function matrixUse(node: AnyNode, value: ValueId): MatrixOperand | undefined {
  const matrix = specOf<OpName>(node.op).matrix?.(node.attributes);
  const inputs: readonly ValueId[] = node.inputs;
  const alone = inputs.every((input, operand) => (input === value) === (operand === matrix?.operand));
  return alone ? matrix : undefined;
}

/** Operations of the node, where its op says more than its traits do. */
export function ownFlops(node: AnyNode, types: Types): Dim | undefined {
  return specOf<OpName>(node.op).flops?.(typesOf(node, types), types(node.outputs[0]), node.attributes);
}
