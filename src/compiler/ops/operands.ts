/** Lists of operands as the tuples that ops declare. */
import type { Operands, OpName } from './attributes.ts';

/** What each operand is to something else: the tensors of its value ids, the names of its tensors. */
export function mapOperands<N extends OpName, From, To>(
  _op: N,
  operands: Operands<N, From>,
  to: (operand: From, index: number) => To,
): Operands<N, To> {
  return (operands as readonly From[]).map(to) as readonly To[] as Operands<N, To>;
}

/** A list whose length is known to be one that the op takes: a node's has been checked by `resultTypes`. */
export function operandsOf<N extends OpName, T>(_op: N, list: readonly T[]): Operands<N, T> {
  return list as Operands<N, T>;
}
