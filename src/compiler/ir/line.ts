/** The tokens of the graph's text: a cursor over one line, for `read.ts`. */
import type { Dim } from '../../shared/dim.ts';
import { dimAt } from '../../shared/dim-text.ts';
import { isDType } from '../../shared/dtype.ts';
import type { AttributeValue } from '../ops/attributes.ts';
import type { Origin, TensorType, ValueId } from './graph.ts';

/** A cursor over one line. Every method skips the spaces before what it reads. */
export class Line {
  private readonly text: string;
  private readonly lineNumber: number;
  private at = 0;

  constructor(text: string, lineNumber: number) {
    this.text = text;
    this.lineNumber = lineNumber;
  }

  fail(what: string): never {
    throw new Error(`line ${this.lineNumber}: ${what}`);
  }

  private expected(what: string): never {
    const rest = this.text.slice(this.at).trim();
    return this.fail(`expected ${what}, found ${rest === '' ? 'the end of the line' : rest.slice(0, 40)}`);
  }

  private match(pattern: RegExp): string | undefined {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t' || this.text[this.at] === '\r') this.at++;
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  peek(): string | undefined {
    this.match(/\s*/y);
    return this.text[this.at];
  }

  end(): void {
    if (this.peek() !== undefined) this.expected('the end of the line');
  }

  take(mark: string): void {
    if (this.peek() !== mark) this.expected(mark);
    this.at++;
  }

  /** Takes this mark or whole word, if it is next. */
  accept(wanted: string): boolean {
    const before = this.at;
    const found = /^\w/.test(wanted) ? this.match(/\w+/y) : this.match(/[^\w\s]/y);
    if (found === wanted) return true;
    this.at = before;
    return false;
  }

  keyword(wanted: string): void {
    if (!this.accept(wanted)) this.expected(wanted);
  }

  word(what: string): string {
    return this.match(/[A-Za-z_]\w*/y) ?? this.expected(what);
  }

  private quoted(): string | undefined {
    const text = this.match(/"(?:[^"\\]|\\.)*"/y);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as string;
    } catch {
      return this.fail(`${text} is no JSON string`);
    }
  }

  name(what: string): string {
    return this.quoted() ?? this.match(/[A-Za-z0-9_./-]+/y) ?? this.expected(what);
  }

  value(): ValueId {
    return Number((this.match(/%\d+/y) ?? this.expected('a value such as %3')).slice(1));
  }

  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.accept(',')) items.push(item());
    return items;
  }

  number(): number {
    return Number(this.match(NUMBER) ?? this.expected('a number'));
  }

  *numbers(): Generator<number> {
    while (this.peek() !== undefined) yield this.number();
  }

  type(): TensorType {
    const dtype = this.word('a type such as f32[B, 4]');
    if (!isDType(dtype)) return this.fail(`expected f32, i64 or bool, found ${dtype}`);
    this.take('[');
    if (this.accept(']')) return { dtype, shape: [] };
    const shape = this.list(() => this.dim());
    this.take(']');
    return { dtype, shape };
  }

  /** `P + T`, `2*B*T - 1` */
  dim(): Dim {
    const read = dimAt(this.text, this.at) ?? this.expected('a dimension');
    this.at = read.end;
    return read.dim;
  }

  attribute(): AttributeValue {
    if (this.accept('[')) {
      if (this.accept(']')) return [];
      const items = this.list(() => this.attribute() as Dim);
      this.take(']');
      return items;
    }
    const text = this.quoted();
    if (text !== undefined) return text;
    for (const [word, value] of WORDS) if (this.accept(word)) return value;
    // a plain number may be a fraction; anything longer is a dimension
    const before = this.at;
    const number = this.match(NUMBER);
    if (number !== undefined && !/[*+\-\w]/.test(this.peek() ?? '')) return Number(number);
    this.at = before;
    return this.dim();
  }

  origin(): Origin {
    if (!this.accept('@')) return { path: '' };
    const path = this.name('a module path');
    if (this.peek() === undefined) return { path };
    return {
      path,
      source: this.quoted() ?? this.match(/[A-Za-z0-9_./:-]+/y) ?? this.expected('a place in the source'),
    };
  }
}

const NUMBER = /-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Infinity)|NaN/y;
const WORDS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
