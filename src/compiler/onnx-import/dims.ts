/** Sizes that an ONNX file leaves open, as dimensions of MDL. */
import { addDims, type Dim, isSymbolic, mulDims, subDims, symbol, symbolsOf } from '../../shared/dim.ts';
import { capitalised, Names } from './names.ts';

export class FileDims {
  private readonly given: ReadonlyMap<string, number | string>;
  /** by the file's name of it */
  private readonly symbols = new Map<string, Dim>();
  private readonly names: Names;
  private readonly used = new Set<string>();

  /** @param given sizes of dynamic dims, or the names of others that they are equal to, or sums of such */
  constructor(given: ReadonlyMap<string, number | string>, taken: Iterable<string>) {
    this.given = given;
    this.names = new Names(taken);
  }

  /** Names that were given and are of no dim. */
  get unused(): readonly string[] {
    return [...this.given.keys()].filter((name) => !this.used.has(name));
  }

  /** How many sizes are open. */
  get dynamic(): number {
    return new Set([...this.symbols.values()].filter(isSymbolic).flatMap(symbolsOf)).size;
  }

  /** `batch_size`, `P + T`, `2*T - 1`; a text of another form is the name of a size. */
  of(text: string): Dim {
    return this.sum(text, 0);
  }

  private sum(text: string, depth: number): Dim {
    const tokens = [...text.matchAll(/\s*([A-Za-z_][A-Za-z0-9_.]*|\d+|[-+*])\s*/gy)].map((match) => match[1]!);
    const read = parse(tokens, (name) => this.named(name, depth));
    const whole = tokens.length > 0 && text.replace(/\s/g, '') === tokens.join('');
    return (whole ? read : undefined) ?? this.named(text, depth);
  }

  /** The size of an axis that has no name. */
  unnamed(input: string, axis: number): Dim {
    return this.named(`${capitalised(input, 'Input')}${axis}`);
  }

  /** @param depth of names that stand for names, which might go round */
  private named(name: string, depth = 0): Dim {
    const before = this.symbols.get(name);
    if (before !== undefined) return before;
    const own = this.names.has(capitalised(name, 'N')) ? name : capitalised(name, 'N');
    // by the file's name, or by what it is called in the model
    const key = [name, own].find((asked) => this.given.has(asked));
    const given = key === undefined || depth > this.given.size ? undefined : this.given.get(key);
    if (key !== undefined) this.used.add(key);
    const dim = typeof given === 'number' ? given : given === undefined ? this.fresh(name) : this.sum(given, depth + 1);
    this.symbols.set(name, dim);
    return dim;
  }

  private fresh(name: string): Dim {
    const free = this.names.claim(capitalised(name, 'N'));
    if (!this.symbols.has(free)) this.symbols.set(free, symbol(free));
    return symbol(free);
  }
}

/** Sums and differences of products of names and integers. */
function parse(tokens: readonly string[], named: (name: string) => Dim): Dim | undefined {
  let [sum, sign, at]: [Dim, string, number] = [0, '+', 0];
  while (at < tokens.length) {
    let product: Dim = 1;
    for (;;) {
      const token = tokens[at++];
      if (token === undefined || '+-*'.includes(token)) return undefined;
      product = mulDims(product, /^\d/.test(token) ? Number(token) : named(token));
      if (tokens[at] !== '*') break;
      at++;
    }
    sum = sign === '+' ? addDims(sum, product) : subDims(sum, product);
    if (at === tokens.length) return sum;
    sign = tokens[at++]!;
    if (sign === '*') return undefined;
  }
  return undefined;
}
