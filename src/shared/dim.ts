/**
 * Dimensions: integers, or polynomials with integer coefficients over named symbols (`B`, `P + T`,
 * `4*B*T`) that stay dynamic until run time.
 *
 * A `SymbolicDim` is canonical (terms merged, sorted, no zero coefficient, never a bare constant), so
 * two dims are equal exactly when their printed forms are.
 */

/** `coefficient * symbols[0] * symbols[1] * …`, symbols sorted, repeated for powers. */
export interface DimTerm {
  readonly coefficient: number;
  readonly symbols: readonly string[];
}

export interface SymbolicDim {
  readonly kind: 'symbolic';
  readonly terms: readonly DimTerm[];
}

export type Dim = number | SymbolicDim;
export type Shape = readonly Dim[];

export function isSymbolic(dim: unknown): dim is SymbolicDim {
  return typeof dim === 'object' && dim !== null && (dim as { kind?: unknown }).kind === 'symbolic';
}

export function symbol(name: string): SymbolicDim {
  return { kind: 'symbolic', terms: [{ coefficient: 1, symbols: [name] }] };
}

function termsOf(dim: Dim): readonly DimTerm[] {
  if (isSymbolic(dim)) return dim.terms;
  return dim === 0 ? [] : [{ coefficient: dim, symbols: [] }];
}

function fromTerms(terms: readonly DimTerm[]): Dim {
  const merged = new Map<string, DimTerm>();
  for (const term of terms) {
    const key = term.symbols.join('*');
    const before = merged.get(key);
    merged.set(key, before ? { ...term, coefficient: before.coefficient + term.coefficient } : term);
  }
  const kept = [...merged.entries()].filter(([, term]) => term.coefficient !== 0);
  // symbols before the constant, so that `P + T + 1` prints as people write it
  kept.sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  const result = kept.map(([, term]) => term);
  if (result.length === 0) return 0;
  if (result.length === 1 && result[0]!.symbols.length === 0) return result[0]!.coefficient;
  return { kind: 'symbolic', terms: result };
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return fromTerms([...termsOf(a), ...termsOf(b)]);
}

/** The order of terms stays, so nothing has to be merged or sorted again. */
function scaled(dim: SymbolicDim, by: number): Dim {
  if (by === 0) return 0;
  if (by === 1) return dim;
  return {
    kind: 'symbolic',
    terms: dim.terms.map(({ coefficient, symbols }) => ({ coefficient: coefficient * by, symbols })),
  };
}

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') return typeof b === 'number' ? a * b : scaled(b, a);
  if (typeof b === 'number') return scaled(a, b);
  const products: DimTerm[] = [];
  for (const x of termsOf(a)) {
    for (const y of termsOf(b)) {
      products.push({
        coefficient: x.coefficient * y.coefficient,
        symbols: [...x.symbols, ...y.symbols].sort(),
      });
    }
  }
  return fromTerms(products);
}

export function subDims(a: Dim, b: Dim): Dim {
  return addDims(a, mulDims(-1, b));
}

export function productOf(dims: Shape): Dim {
  return dims.reduce<Dim>((product, dim) => mulDims(product, dim), 1);
}

/** `a / b` when it divides exactly for every value of the symbols (b a constant or a single term), else undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  if (equalDims(a, b) && !equalDims(b, 0)) return 1;
  const divisor = termsOf(b);
  if (divisor.length !== 1) return undefined;
  const by = divisor[0]!;
  const quotient: DimTerm[] = [];
  for (const term of termsOf(a)) {
    if (term.coefficient % by.coefficient !== 0) return undefined;
    const left = [...term.symbols];
    for (const name of by.symbols) {
      const at = left.indexOf(name);
      if (at < 0) return undefined;
      left.splice(at, 1);
    }
    quotient.push({ coefficient: term.coefficient / by.coefficient, symbols: left });
  }
  return fromTerms(quotient);
}

/** ⌊dim / by⌋ where it is a dim: the factors of all symbols are multiples of `by`. Else undefined. */
export function floorDivideDim(dim: Dim, by: number): Dim | undefined {
  const parts: Dim[] = [];
  for (const { coefficient, symbols } of termsOf(dim)) {
    if (symbols.length > 0 && coefficient % by !== 0) return undefined;
    parts.push(fromTerms([{ coefficient: Math.floor(coefficient / by), symbols }]));
  }
  return parts.reduce(addDims, 0);
}

export function equalDims(a: Dim, b: Dim): boolean {
  if (a === b) return true;
  if (typeof a === 'number' || typeof b === 'number') return false;
  return printDim(a) === printDim(b);
}

export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => equalDims(dim, b[axis]!));
}

/** Dims are compared by their texts, so each is printed often. */
const PRINTED = new WeakMap<SymbolicDim, string>();

/** `T`, `P + T`, `2*B*T - 1`: the text of ONNX's dim_param, of diagnostics and of the printed IR. */
export function printDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim);
  const before = PRINTED.get(dim);
  if (before !== undefined) return before;
  const text = printTerms(dim);
  PRINTED.set(dim, text);
  return text;
}

function printTerms(dim: SymbolicDim): string {
  return dim.terms
    .map(({ coefficient, symbols }, index) => {
      const size = Math.abs(coefficient);
      const sign = coefficient < 0 ? (index === 0 ? '-' : ' - ') : index === 0 ? '' : ' + ';
      const factors = size === 1 && symbols.length > 0 ? symbols : [String(size), ...symbols];
      return sign + factors.join('*');
    })
    .join('');
}

export function printShape(shape: Shape): string {
  return `[${shape.map(printDim).join(', ')}]`;
}

/** Whether a dim is at least 0 for every size of its symbols (they are at least 0), for none, or for some. */
export function atLeastZero(dim: Dim): 'always' | 'never' | 'depends' {
  const terms = termsOf(dim);
  if (terms.every(({ coefficient }) => coefficient > 0)) return 'always';
  const constant = terms.find(({ symbols }) => symbols.length === 0)?.coefficient ?? 0;
  return constant < 0 && terms.every(({ coefficient }) => coefficient < 0) ? 'never' : 'depends';
}

/** The dim without what all its terms have in common: T − 1 of `4*B*T - 4*B`. */
export function primitivePart(dim: SymbolicDim): Dim {
  const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
  const coefficient = dim.terms.reduce((common, term) => gcd(common, term.coefficient), 0);
  const symbols = dim.terms.reduce<readonly string[]>((common, term) => {
    const left = [...term.symbols];
    return common.filter((name) => {
      const at = left.indexOf(name);
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }, dim.terms[0]!.symbols);
  return divideDims(dim, { kind: 'symbolic', terms: [{ coefficient, symbols }] })!;
}

/** `dim ≥ 0` as people write it: `T ≥ 4` for T − 4, `P + T ≤ 16` for 16 − P − T. */
export function printAtLeastZero(dim: Dim): string {
  const terms = termsOf(dim);
  const side = (sign: number): readonly DimTerm[] => terms.filter(({ coefficient }) => coefficient * sign > 0);
  const text = (part: readonly DimTerm[], sign: number): string => printDim(mulDims(sign, fromTerms(part)));
  const [more, less] = [side(1), side(-1)];
  const symbolic = more.some(({ symbols }) => symbols.length > 0);
  return symbolic ? `${text(more, 1)} ≥ ${text(less, -1)}` : `${text(less, -1)} ≤ ${text(more, 1)}`;
}

/** All symbols of a dim, each once. */
export function symbolsOf(dim: Dim): readonly string[] {
  return [...new Set(termsOf(dim).flatMap((term) => term.symbols))];
}

/**
 * The value of a dim under bindings of its symbols.
 * @throws Error when a symbol has no binding
 */
export function evaluateDim(dim: Dim, bindings: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim;
  let sum = 0;
  for (const term of dim.terms) {
    let product = term.coefficient;
    for (const name of term.symbols) {
      const value = bindings.get(name);
      if (value === undefined) throw new Error(`dimension ${name} has no value`);
      product *= value;
    }
    sum += product;
  }
  return sum;
}

/** Replaces symbols by dims: the inlining of a module's signature into its caller's shapes. */
export function substituteDim(dim: Dim, bindings: ReadonlyMap<string, Dim>): Dim {
  if (typeof dim === 'number') return dim;
  return dim.terms.reduce<Dim>((sum, term) => {
    const product = term.symbols.reduce<Dim>(
      (value, name) => mulDims(value, bindings.get(name) ?? symbol(name)),
      term.coefficient,
    );
    return addDims(sum, product);
  }, 0);
}
