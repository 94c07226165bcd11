/** What a rule gets, and what it gives: an op as an expression of PyTorch. */
import type { Dim } from '../../../../shared/dim.ts';
import type { TensorType } from '../../../ir/graph.ts';
import type { OpAttributes, OpName } from '../../../ops/attributes.ts';
import { atom, type Expr } from '../python.ts';

/** Functions that model.py has where something uses them: see helpers.ts. */
export type HelperName = 'attention' | 'attention_by_scores' | 'rotary' | 'to_int64';

/** What stands around the expression. */
export interface Surroundings {
  /** a size as an int: `T`, `2 * T + 1` */
  size(dim: Dim): Expr;
  /** where new tensors go: `x.device` */
  device(): string;
  /** the name of a helper, which the file then has */
  helper(name: HelperName): string;
}

export interface Operands<N extends OpName> extends Surroundings {
  readonly inputs: readonly Expr[];
  readonly types: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  readonly attributes: OpAttributes[N];
}

/** One expression; of an op with several outputs, of the tuple of them. */
export type Rule<N extends OpName> = (c: Operands<N>) => Expr;

/** Why an op has none. */
export interface Refused {
  readonly refused: string;
}
export type Lowering<N extends OpName> = Rule<N> | Refused;
export type Family<N extends OpName> = { readonly [K in N]: Lowering<K> };

/** An operand as a tensor, where a method or a function needs one. */
export function tensor(c: Operands<OpName>, index: number): Expr {
  const expr = c.inputs[index]!;
  if (!expr.number) return expr;
  const dtype = { f32: 'torch.float32', i64: 'torch.int64', bool: 'torch.bool' }[c.types[index]!.dtype];
  return atom(`torch.tensor(${expr.text}, dtype=${dtype}, device=${c.device()})`, expr);
}

/** Sizes as a tuple's text. */
export const sizes = (c: Surroundings, dims: readonly Dim[]): string[] => dims.map((dim) => c.size(dim).text);
