/**
 * Where the value of each dynamic dimension is found at run time.
 *
 * A symbol is read off a graph input: directly where an axis is the symbol (`B` of [B, T, d]), otherwise by
 * solving an axis that is linear in one unknown: with T known, an axis `P + T` gives P = axis − T.
 */
import { type Dim, mulDims, type SymbolicDim, subDims, symbol, symbolsOf } from '../../../shared/dim.ts';
import type { TensorType } from '../../ir/graph.ts';

/** symbol = (size of `axis` of `input` − rest) / coefficient; `rest` uses only symbols solved before. */
export interface SymbolSource {
  readonly input: string;
  readonly axis: number;
  readonly rest: Dim;
  readonly coefficient: number;
}

export interface NamedType {
  readonly name: string;
  readonly type: TensorType;
}

interface Equation {
  readonly input: string;
  readonly axis: number;
  readonly dim: SymbolicDim;
}

export function solveSymbols(inputs: readonly NamedType[]): ReadonlyMap<string, SymbolSource> {
  const equations: Equation[] = inputs.flatMap(({ name, type }) =>
    type.shape.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [{ input: name, axis, dim }])),
  );
  // plain axes first, so that nothing is computed which can be read
  equations.sort((a, b) => Number(isPlain(b.dim)) - Number(isPlain(a.dim)));
  const solved = new Map<string, SymbolSource>();
  let progress = true;
  while (progress) {
    progress = false;
    for (const equation of equations) {
      const unknown = symbolsOf(equation.dim).filter((name) => !solved.has(name));
      if (unknown.length !== 1) continue;
      const source = solveFor(unknown[0]!, equation);
      if (!source) continue;
      solved.set(unknown[0]!, source);
      progress = true;
    }
  }
  return solved;
}

function isPlain(dim: SymbolicDim): boolean {
  return dim.terms.length === 1 && dim.terms[0]!.coefficient === 1 && dim.terms[0]!.symbols.length === 1;
}

/** undefined when the symbol is multiplied by another symbol: dividing by a size that may be 0 is no way out. */
function solveFor(name: string, { input, axis, dim }: Equation): SymbolSource | undefined {
  const mine = dim.terms.filter((term) => term.symbols.includes(name));
  if (mine.length !== 1 || mine[0]!.symbols.length !== 1) return undefined;
  const { coefficient } = mine[0]!;
  return { input, axis, coefficient, rest: subDims(dim, mulDims(coefficient, symbol(name))) };
}

/** True only if `dim` cannot be 0, whatever (non-negative) sizes the symbols take. */
export function neverZero(dim: Dim): boolean {
  if (typeof dim === 'number') return dim !== 0;
  const constant = dim.terms.find(({ symbols }) => symbols.length === 0)?.coefficient ?? 0;
  return constant > 0 && neverNegative(dim);
}

/** True only if `dim` cannot be negative, whatever (non-negative) sizes the symbols take. */
export function neverNegative(dim: Dim): boolean {
  return typeof dim === 'number' ? dim >= 0 : dim.terms.every((term) => term.coefficient > 0);
}
