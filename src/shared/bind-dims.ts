/**
 * Dynamic dims get their sizes: the shapes of the tensors that were given decide P and T of `P + T`. The runtime binds
 * what it is fed, the interpreter what it runs on.
 */
import { type Dim, evaluateDim, isSymbolic, printDim, symbolsOf } from './dim.ts';

/** A symbol's size and where it was seen. */
export interface Binding {
  readonly size: number;
  /** `axis 1 of input_ids` */
  readonly from: string;
}

/** One axis of a tensor that was given: what the port says and how large it is. */
export interface Measured {
  readonly input: string;
  readonly axis: number;
  readonly dim: Dim;
  readonly size: number;
}

export interface DimClash extends Measured {
  readonly expected: number;
  readonly because: string;
}

/** The dim's size when all its symbols are bound. */
export function sizeUnder(dim: Dim, bindings: ReadonlyMap<string, Binding>): number | undefined {
  if (!symbolsOf(dim).every((name) => bindings.has(name))) return undefined;
  return evaluateDim(dim, new Map([...bindings].map(([name, { size }]) => [name, size])));
}

/**
 * Binds symbols from sizes, adding to `bindings`: bare symbols first, then sums with one unknown (`P + T` gives P
 * once T is known). A dim with two unknowns decides nothing.
 * @returns the first axis that contradicts the others
 */
export function bindDims(measured: readonly Measured[], bindings: Map<string, Binding>): DimClash | undefined {
  let open = [...measured];
  for (;;) {
    const undecided: Measured[] = [];
    for (const one of open) {
      const expected = sizeUnder(one.dim, bindings);
      if (expected === undefined) undecided.push(one);
      else if (expected !== one.size) return { ...one, expected, because: explain(one.dim, bindings) };
    }
    const solutions = undecided.flatMap((one) => solve(one, bindings) ?? []);
    const solved = solutions.find(({ bare }) => bare) ?? solutions[0];
    if (!solved) return undefined;
    bindings.set(solved.name, solved.binding);
    open = undecided;
  }
}

/** Where the sizes of a dim's symbols are from: `T is 2 from axis 1 of x`. */
export function explain(dim: Dim, bindings: ReadonlyMap<string, Binding>): string {
  const names = symbolsOf(dim);
  if (names.length === 0) return 'fixed when the model was compiled';
  return names.map((name) => `${name} is ${bindings.get(name)!.size} from ${bindings.get(name)!.from}`).join(', ');
}

interface Solution {
  readonly name: string;
  readonly binding: Binding;
  /** the axis is the symbol itself */
  readonly bare: boolean;
}

/** The one unknown of `a·X + rest = size`, when it is linear and the solution is a size. */
function solve({ dim, size, input, axis }: Measured, bindings: ReadonlyMap<string, Binding>): Solution | undefined {
  const name = unknownOf(dim, bindings);
  if (!isSymbolic(dim) || name === undefined) return undefined;
  const at = (value: number): number => sizeUnder(dim, new Map([...bindings, [name, { size: value, from: '' }]]))!;
  const slope = at(1) - at(0);
  if (dim.terms.some((term) => term.symbols.filter((s) => s === name).length > 1) || slope === 0) return undefined;
  const value = (size - at(0)) / slope;
  if (!Number.isSafeInteger(value) || value < 0) return undefined;
  return { name, binding: { size: value, from: `axis ${axis} of ${input}` }, bare: printDim(dim) === name };
}

/** The one symbol of a dim that has no size. Once `bindDims` is done, no size of it gives the axis: H of `4*H` where that is 6. */
export function unknownOf(dim: Dim, bindings: ReadonlyMap<string, Binding>): string | undefined {
  const [name, ...more] = symbolsOf(dim).filter((one) => !bindings.has(one));
  return more.length > 0 ? undefined : name;
}
