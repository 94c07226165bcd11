/**
 * Parses the regular expressions of a tokenizer.json: the part of Oniguruma's syntax (Ruby's flavour) that tokenizers
 * use. Anything else is refused by name: look-behind, references to groups, conditions, `{n,m}+`, which Oniguruma reads
 * differently from other engines.
 */
import {
  allOf,
  anyOf,
  type CharacterClass,
  ignoringCase,
  NEWLINE,
  not,
  propertyClass,
  range,
  remembered,
  SHORTHANDS,
} from './class.ts';
import type { Node, Place } from './node.ts';
import { PatternError } from './pattern-error.ts';

/** Groups and classes in one another. */
const MAX_DEPTH = 100;
/** Oniguruma's own limit. */
const MAX_REPEAT = 100_000;

const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7, e: 27 };
const ASSERTIONS: Readonly<Record<string, Place>> = {
  A: 'text start',
  z: 'text end',
  Z: 'last line end',
  b: 'word edge',
  B: 'no word edge',
};

/** @throws PatternError */
export function parsePattern(source: string): Node {
  return new Parser(source).parse();
}

class Parser {
  private readonly characters: readonly string[];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.characters = [...source];
  }

  parse(): Node {
    const node = this.choice(false);
    if (this.at < this.characters.length) throw new PatternError(`a ) without a ( at character ${this.at}`);
    return node;
  }

  private get next(): string | undefined {
    return this.characters[this.at];
  }

  private eat(text: string): boolean {
    const found = [...text].every((character, i) => this.characters[this.at + i] === character);
    if (found) this.at += [...text].length;
    return found;
  }

  private need(text: string): void {
    if (!this.eat(text)) throw new PatternError(`no ${text} at character ${this.at}`);
  }

  private nested<T>(inside: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new PatternError(`more than ${MAX_DEPTH} groups in one another`);
    const result = inside();
    this.depth--;
    return result;
  }

  private choice(ignoreCase: boolean): Node {
    const options = [this.sequence(ignoreCase)];
    while (this.eat('|')) options.push(this.sequence(ignoreCase));
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  private sequence(ignoreCase: boolean): Node {
    const parts: Node[] = [];
    while (this.next !== undefined && this.next !== '|' && this.next !== ')') {
      if (this.eat('(?i)')) {
        // an option in the middle holds up to the end of the group, its alternatives included
        parts.push(this.choice(true));
        break;
      }
      parts.push(this.quantified(this.atom(ignoreCase)));
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  private quantified(body: Node): Node {
    let node = body;
    for (;;) {
      const range = this.quantifier();
      if (!range) return node;
      const [least, most, interval] = range;
      if (node.kind === 'assert' || node.kind === 'look')
        throw new PatternError(`a repeated assertion at character ${this.at}`);
      const lazy = this.eat('?');
      if (lazy && interval && least === most) throw new PatternError('{n}?, which Oniguruma reads as an option');
      node = { kind: 'repeat', body: node, least, most, lazy };
      if (!lazy && this.eat('+')) {
        if (interval) throw new PatternError('{n,m}+, which Oniguruma reads as a repetition of a repetition');
        node = { kind: 'atomic', body: node };
      }
    }
  }

  private quantifier(): readonly [least: number, most: number, interval: boolean] | undefined {
    if (this.eat('*')) return [0, Number.POSITIVE_INFINITY, false];
    if (this.eat('+')) return [1, Number.POSITIVE_INFINITY, false];
    if (this.eat('?')) return [0, 1, false];
    // a brace that is no interval stands for itself
    const found =
      this.next === '{' && /^\{(\d*)(,?)(\d*)\}/.exec(this.characters.slice(this.at, this.at + 20).join(''));
    if (!found || (found[1] === '' && found[3] === '')) return undefined;
    this.at += found[0].length;
    const [least, end] = [Number(found[1]), found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])];
    const most = found[2] === '' ? least : end;
    if (least > most || least > MAX_REPEAT || (most > MAX_REPEAT && Number.isFinite(most)))
      throw new PatternError(`the repetition ${found[0]}`);
    return [least, most, true];
  }

  private atom(ignoreCase: boolean): Node {
    if (this.eat('(')) return this.nested(() => this.group(ignoreCase));
    if (this.eat('[')) return { kind: 'class', test: remembered(this.nested(() => this.bracket(ignoreCase))) };
    if (this.eat('.')) return { kind: 'class', test: not(NEWLINE) };
    if (this.eat('^')) return { kind: 'assert', at: 'line start' };
    if (this.eat('$')) return { kind: 'assert', at: 'line end' };
    if (this.next !== undefined && '*+?'.includes(this.next))
      throw new PatternError(`nothing to repeat at character ${this.at}`);
    if (this.next === '\\') {
      const place = ASSERTIONS[this.characters[this.at + 1] ?? ''];
      if (place) {
        this.at += 2;
        return { kind: 'assert', at: place };
      }
    }
    const found = this.character();
    const test = typeof found === 'number' ? range(found, found) : found;
    return { kind: 'class', test: ignoreCase ? ignoringCase(test) : test };
  }

  private group(ignoreCase: boolean): Node {
    const began = this.at;
    let node: Node;
    if (this.eat('?:')) node = this.choice(ignoreCase);
    else if (this.eat('?i:')) node = this.choice(true);
    else if (this.eat('?-i:')) node = this.choice(false);
    else if (this.eat('?>')) node = { kind: 'atomic', body: this.choice(ignoreCase) };
    else if (this.eat('?=')) node = { kind: 'look', negative: false, body: this.choice(ignoreCase) };
    else if (this.eat('?!')) node = { kind: 'look', negative: true, body: this.choice(ignoreCase) };
    else if (this.next === '?' || this.next === '*')
      throw new PatternError(`the group (${this.characters.slice(began, began + 3).join('')}`);
    else node = this.choice(ignoreCase);
    this.need(')');
    return node;
  }

  /** After `[`: a class with ranges, classes in it, and intersections with `&&`. */
  private bracket(ignoreCase: boolean): CharacterClass {
    const negative = this.eat('^');
    const sides: CharacterClass[][] = [[]];
    for (let first = true; first || this.next !== ']'; first = false) {
      if (this.next === undefined) throw new PatternError('a [ without a ]');
      if (this.eat('&&')) {
        sides.push([]);
        continue;
      }
      if (this.characters.slice(this.at, this.at + 2).join('') === '[:')
        throw new PatternError(`the class ${this.characters.slice(this.at, this.at + 10).join('')}`);
      if (this.eat('[')) {
        sides.at(-1)!.push(this.nested(() => this.bracket(ignoreCase)));
        continue;
      }
      sides.at(-1)!.push(this.item());
    }
    this.need(']');
    const union = sides.map((tests) => anyOf(tests));
    const all = union.length === 1 ? union[0]! : allOf(union);
    const test = ignoreCase ? ignoringCase(all) : all;
    return negative ? not(test) : test;
  }

  /** A character, a range or a shorthand in a class. */
  private item(): CharacterClass {
    const low = this.character();
    if (typeof low !== 'number') return low;
    const follows = this.characters[this.at + 1];
    if (this.next !== '-' || follows === undefined || follows === ']') return range(low, low);
    this.at++;
    const high = this.character();
    if (typeof high !== 'number' || high < low) throw new PatternError(`a range at character ${this.at}`);
    return range(low, high);
  }

  /** A code point, or the class that an escape stands for. */
  private character(): number | CharacterClass {
    const character = this.characters[this.at++]!;
    if (character !== '\\') return character.codePointAt(0)!;
    const letter = this.characters[this.at++];
    if (letter === undefined) throw new PatternError('a \\ at its end');
    const shorthand = SHORTHANDS.get(letter);
    if (shorthand) return shorthand;
    if (Object.hasOwn(CONTROLS, letter)) return CONTROLS[letter]!;
    if (letter === 'p' || letter === 'P') {
      this.need('{');
      const inverted = this.eat('^') !== (letter === 'P');
      const end = this.characters.indexOf('}', this.at);
      if (end < 0) throw new PatternError('a \\p{ without a }');
      const test = propertyClass(this.characters.slice(this.at, end).join(''));
      this.at = end + 1;
      return inverted ? not(test) : test;
    }
    if (letter === 'x' || letter === 'u') {
      const rest = this.characters.slice(this.at, this.at + 12).join('');
      const found = (letter === 'x' ? /^(?:\{([\da-f]{1,6})\}|([\da-f]{2}))/i : /^()([\da-f]{4})/i).exec(rest);
      const value = found ? Number.parseInt(found[1] || found[2]!, 16) : Number.POSITIVE_INFINITY;
      if (value > 0x10ffff) throw new PatternError(`the escape \\${letter}${rest.slice(0, 4)}`);
      this.at += found![0].length;
      return value;
    }
    if (/^[A-Za-z0-9]$/.test(letter)) throw new PatternError(`the escape \\${letter}`);
    return letter.codePointAt(0)!;
  }
}
