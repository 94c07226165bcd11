/**
 * Pieces of Python: expressions with their precedence, literals, and names. Whatever comes from a model file reaches the
 * text through here, so that a name, a doc string or a key is never code.
 */

import { BUILTINS, KEYWORDS } from './reserved.ts';

/** How tightly an expression binds, as in Python's table of operator precedence. */
export const PREC = {
  conditional: 1,
  comparison: 4,
  or: 5,
  and: 7,
  sum: 8,
  product: 9,
  unary: 10,
  power: 11,
  atom: 12,
} as const;

export interface Expr {
  readonly text: string;
  readonly prec: number;
  /** a number of Python's, not a tensor: a size or a constant */
  readonly number?: true;
  /** what `~` of it is, where that is shorter */
  readonly negated?: string;
  /** effects in it, in the order in which Python runs them */
  readonly effects: readonly number[];
}

export const atom = (text: string, ...parts: readonly Expr[]): Expr => ({
  text,
  prec: PREC.atom,
  effects: parts.flatMap(({ effects }) => effects),
});

export const numberExpr = (text: string, prec: number = PREC.atom): Expr => ({ text, prec, number: true, effects: [] });

/** The text of an operand of something that binds with `prec`. */
export const within = (expr: Expr, prec: number): string => (expr.prec < prec ? `(${expr.text})` : expr.text);

/** `a + b`, left-associative. */
export function infix(a: Expr, operator: string, b: Expr, prec: number): Expr {
  const text = `${within(a, prec)} ${operator} ${within(b, prec + 1)}`;
  const effects = [...a.effects, ...b.effects];
  return { text, prec, effects, ...(a.number && b.number ? { number: true } : {}) };
}

/** `f(a, dim=1)`: positional arguments, then texts of named ones. */
export function call(callee: string, positional: readonly Expr[], named: readonly string[] = []): Expr {
  return atom(`${callee}(${[...positional.map(({ text }) => text), ...named].join(', ')})`, ...positional);
}

/** `x.f(…)`. */
export function method(x: Expr, name: string, args: readonly string[] = []): Expr {
  return atom(`${within(x, PREC.atom)}.${name}(${args.join(', ')})`, x);
}

export function float(value: number): string {
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : '-float("inf")';
  const tiny = value !== 0 && Math.abs(value) < 1e-4;
  const text = Object.is(value, -0) ? '-0.0' : (tiny ? value.toExponential() : String(value)).replace('e+', 'e');
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `(2,)`, `(1, 3)`. */
export const tuple = (items: readonly (string | number)[]): string =>
  items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;

export const bool = (value: boolean): string => (value ? 'True' : 'False');

/** A string literal. JSON's escapes are Python's, but for the line separators that JSON leaves as they are. */
export function string(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text in a comment: one line of printable characters. */
export function comment(text: string, most = 110): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return `# ${line.length > most ? `${line.slice(0, most - 1)}…` : line}`;
}

/** A doc string of one or more lines, without indentation. */
export function docString(text: string): string[] {
  const clean = text
    .replace(/\\/g, '\\\\')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, escaped)
    .trim();
  // only a run of three ends the literal, and one at its end; others read better bare
  const readable = clean.replace(/"(?="")|(?<=")"(?=")|"$/g, '\\"');
  const lines = readable.split('\n').map((line) => line.trimEnd());
  return lines.length === 1 ? [`"""${lines[0]}"""`] : [`"""${lines[0]}`, ...lines.slice(1), '"""'];
}

/** A name that may stand behind a dot. Of one that begins with two underscores Python makes another inside of a class. */
export const isIdentifier = (text: string): boolean =>
  /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !KEYWORDS.has(text);

/** Names that are taken, and free ones that are like those asked for: `h`, `h_2`. */
export class Names {
  private readonly taken: Set<string>;
  private readonly reserved: (name: string) => boolean;

  /** @param of attributes hide nothing: a method may be called as a builtin is */
  constructor(taken: Iterable<string> = [], of: 'variables' | 'attributes' = 'variables') {
    this.taken = new Set(taken);
    this.reserved = (name) => KEYWORDS.has(name) || (of === 'variables' && BUILTINS.has(name));
  }

  get all(): Iterable<string> {
    return this.taken;
  }

  /** A free name, which is taken from here on. @param asked an identifier of MDL, or any text */
  take(asked: string): string {
    const plain = asked.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_') || '_';
    // two underscores in front would be mangled inside a class
    const base = this.reserved(plain) ? `${plain}_`.replace(/^__+/, '_') : plain.replace(/^__+/, '_');
    let name = base;
    for (let count = 2; this.taken.has(name); count++) name = `${base}_${count}`;
    this.taken.add(name);
    return name;
  }
}
