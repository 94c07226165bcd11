/**
 * Dynamic dims at run time: a port's `P + T` is read back, and the sizes of the tensors that were given decide P and T.
 */
import { addDims, type Dim, evaluateDim, isSymbolic, mulDims, symbol, symbolsOf } from '../shared/dim.ts';

const TERM = /\s*([+-])?\s*((?:\d+|[A-Za-z_]\w*)(?:\*(?:\d+|[A-Za-z_]\w*))*)/y;

/** Texts that were read before: the same few ports are measured at every run. */
const READ = new Map<string, Dim | undefined>();
const MOST_READ = 10_000;

/** Reads what `printDim` writes; undefined when the text is something else. */
export function parseDim(text: number | string): Dim | undefined {
  if (typeof text === 'number') return text;
  if (!READ.has(text)) {
    if (READ.size >= MOST_READ) READ.clear();
    READ.set(text, readDim(text));
  }
  return READ.get(text);
}

function readDim(text: string): Dim | undefined {
  let sum: Dim = 0;
  let at = 0;
  while (at < text.length) {
    TERM.lastIndex = at;
    const term = TERM.exec(text);
    if (!term || (at > 0 && term[1] === undefined)) return undefined;
    const factors = term[2]!.split('*').map((factor): Dim => (/^\d/.test(factor) ? Number(factor) : symbol(factor)));
    sum = addDims(sum, factors.reduce<Dim>(mulDims, term[1] === '-' ? -1 : 1));
    at = TERM.lastIndex;
  }
  return at === 0 ? undefined : sum;
}

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
    const solved = undecided.map((one) => solve(one, bindings)).find((found) => found !== undefined);
    if (!solved) return undefined;
    bindings.set(...solved);
    open = undecided;
  }
}

/** Where the sizes of a dim's symbols are from: `T is 2 from axis 1 of x`. */
export function explain(dim: Dim, bindings: ReadonlyMap<string, Binding>): string {
  const names = symbolsOf(dim);
  if (names.length === 0) return 'fixed when the model was compiled';
  return names.map((name) => `${name} is ${bindings.get(name)!.size} from ${bindings.get(name)!.from}`).join(', ');
}

/** The one unknown of `a·X + rest = size`, when it is linear and the solution is a size. */
function solve(
  { dim, size, input, axis }: Measured,
  bindings: ReadonlyMap<string, Binding>,
): [string, Binding] | undefined {
  const unknown = symbolsOf(dim).filter((name) => !bindings.has(name));
  if (!isSymbolic(dim) || unknown.length !== 1) return undefined;
  const name = unknown[0]!;
  const at = (value: number): number => sizeUnder(dim, new Map([...bindings, [name, { size: value, from: '' }]]))!;
  const slope = at(1) - at(0);
  if (dim.terms.some((term) => term.symbols.filter((s) => s === name).length > 1) || slope === 0) return undefined;
  const value = (size - at(0)) / slope;
  return Number.isInteger(value) && value >= 0 ? [name, { size: value, from: `axis ${axis} of ${input}` }] : undefined;
}
