/** Sizes of dynamic axes inside a function: read from the shapes of its arguments, once, at its top. */
import {
  type Dim,
  equalDims,
  isSymbolic,
  printDim,
  type Shape,
  subDims,
  symbol,
  symbolsOf,
} from '../../../shared/dim.ts';
import { TorchProblem } from './problem.ts';
import { type Expr, infix, numberExpr, PREC } from './python.ts';

/** An axis of an argument: `x.shape[1]` is `dim`, and the signature calls it `name`. */
export interface Axis {
  readonly text: string;
  readonly dim: Dim;
  readonly name: string | undefined;
}

/** Where names for sizes are taken. */
interface NameSource {
  take(name: string): string;
}

export class Sizes {
  private readonly axes: readonly Axis[];
  /** the function, for messages */
  private readonly place: string;
  private names: NameSource;
  private readonly taken = new Map<string, string>();

  constructor(axes: readonly Axis[], names: NameSource, place: string) {
    this.place = place;
    this.axes = axes;
    this.names = names;
  }

  /** `B, T = x.shape[:2]`: an argument's sizes in one line, where they are its first. */
  get lines(): string[] {
    const owners = new Map<string, { readonly axis: number; readonly name: string }[]>();
    for (const [text, name] of this.taken) {
      const [, owner, axis] = /^(.*)\.shape\[(\d+)\]$/.exec(text)!;
      owners.set(owner!, [...(owners.get(owner!) ?? []), { axis: Number(axis), name }]);
    }
    return [...owners].flatMap(([owner, found]) => {
      const sorted = found.toSorted((a, b) => a.axis - b.axis);
      const names = sorted.map(({ name }) => name).join(', ');
      if (sorted.length > 1 && sorted.every(({ axis }, index) => axis === index))
        return [`${names} = ${owner}.shape[:${sorted.length}]`];
      return sorted.map(({ axis, name }) => `${name} = ${owner}.shape[${axis}]`);
    });
  }

  /** From here on names are taken from there, where those of before are taken too. */
  keepNames(names: NameSource): void {
    this.names = names;
    for (const name of this.taken.values()) names.take(name);
  }

  /** A dim as an int of Python's. @throws TorchProblem where no argument has what it is made of */
  expr(dim: Dim): Expr {
    if (!isSymbolic(dim)) return dim < 0 ? numberExpr(String(dim), PREC.unary) : numberExpr(String(dim));
    return this.axis(dim) ?? this.sum(dim);
  }

  /** A dim in a comment, by the names that the signature has. */
  print(dim: Dim): string {
    if (!isSymbolic(dim)) return String(dim);
    const exact = this.axes.find((axis) => equalDims(axis.dim, dim));
    return exact?.name ?? printDim(dim);
  }

  shape(shape: Shape): string {
    return `[${shape.map((dim) => this.print(dim)).join(', ')}]`;
  }

  private axis(dim: Dim): Expr | undefined {
    const found = this.axes.find((axis) => equalDims(axis.dim, dim));
    if (!found) return undefined;
    const known = this.taken.get(found.text);
    if (known !== undefined) return numberExpr(known);
    const name = this.names.take(found.name ?? (symbolsOf(dim).length === 1 ? printDim(dim) : 'size'));
    this.taken.set(found.text, name);
    return numberExpr(name);
  }

  private sum(dim: Exclude<Dim, number>): Expr {
    const parts = dim.terms.map(({ coefficient, symbols }) => {
      const factors = symbols.map((name) => this.symbol(name));
      if (Math.abs(coefficient) !== 1 || factors.length === 0)
        factors.unshift(numberExpr(String(Math.abs(coefficient))));
      return { negative: coefficient < 0, expr: factors.reduce((a, b) => infix(a, '*', b, PREC.product)) };
    });
    parts.sort((a, b) => Number(a.negative) - Number(b.negative));
    const [first, ...rest] = parts;
    const start = first!.negative ? infix(numberExpr('0'), '-', first!.expr, PREC.sum) : first!.expr;
    return rest.reduce((sum, { negative, expr }) => infix(sum, negative ? '-' : '+', expr, PREC.sum), start);
  }

  /** P of `P + T`, where T is known. */
  private symbol(name: string): Expr {
    const alone = this.axis(symbol(name));
    if (alone) return alone;
    for (const { dim } of this.axes) {
      if (!isSymbolic(dim) || !dim.terms.some((term) => term.coefficient === 1 && term.symbols.join() === name))
        continue;
      const rest = subDims(dim, symbol(name));
      if (isSymbolic(rest) && symbolsOf(rest).includes(name)) continue;
      return infix(this.axis(dim)!, '-', this.expr(rest), PREC.sum);
    }
    throw new TorchProblem('torch_size', { size: name, place: this.place });
  }
}
