/** What a rule gets, and what it gives: an op as an expression of PyTorch. */
import type { Dim } from '../../../../shared/dim.ts';
import type { TensorType } from '../../../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../../../ops/attributes.ts';
import type { Results } from '../../../ops/declare.ts';
import { operandsOf } from '../../../ops/operands.ts';
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

export interface Call<N extends OpName> extends Surroundings {
  /** numbers among them stay Python's */
  readonly inputs: Operands<N, Expr>;
  readonly types: Operands<N, TensorType>;
  readonly outputs: Results<TensorType>;
  readonly attributes: OpAttributes[N];
  readonly op: N;
}

/** One expression; of an op with several outputs, of the tuple of them. */
export type Rule<N extends OpName> = (c: Call<N>) => Expr;

/** Why an op has none. */
export interface Refused {
  readonly refused: string;
}
export type Lowering<N extends OpName> = Rule<N> | Refused;
export type Family<N extends OpName> = { readonly [K in N]: Lowering<K> };

/** The operands as tensors, where a method or a function needs them. */
export function tensors<N extends OpName>(c: Call<N>): Operands<N, Expr> {
  const [inputs, types]: readonly [readonly Expr[], readonly TensorType[]] = [c.inputs, c.types];
  return operandsOf(
    c.op,
    inputs.map((expr, index) => asTensor(c, expr, types[index]!)),
  );
}

/** A number of Python's as a tensor. */
export function asTensor(c: Surroundings, expr: Expr, { dtype }: TensorType): Expr {
  if (!expr.number) return expr;
  const type = { f32: 'torch.float32', i64: 'torch.int64', bool: 'torch.bool' }[dtype];
  return atom(`torch.tensor(${expr.text}, dtype=${type}, device=${c.device()})`, expr);
}

/** Sizes as a tuple's text. */
export const sizes = (c: Surroundings, dims: readonly Dim[]): string[] => dims.map((dim) => c.size(dim).text);
