/**
 * A regular expression of a tokenizer.json, matched in bounded time. Backtracking finds the match that Oniguruma finds;
 * a fork that has failed at a character is never tried there again, so no pattern takes exponential time:
 * `(a+)+$` on a hundred thousand a's is as fast as on ten.
 */
import { NEWLINE, WORD } from './class.ts';
import type { Place } from './node.ts';
import { parsePattern } from './parse.ts';
import { compileTree, type Program } from './program.ts';

/** Where a match begins and ends, in UTF-16 units. */
export type Span = readonly [start: number, end: number];

export class Pattern {
  private readonly program: Program;

  /** @throws PatternError for what is no pattern or not supported */
  constructor(source: string) {
    this.program = compileTree(parsePattern(source));
  }

  /** All matches from left to right. An empty match at the end of the one before is left out, as in Oniguruma. */
  findAll(text: string): Span[] {
    const codePoints: number[] = [];
    const offsets: number[] = [];
    for (let at = 0; at < text.length; ) {
      const codePoint = text.codePointAt(at)!;
      codePoints.push(codePoint);
      offsets.push(at);
      at += codePoint > 0xffff ? 2 : 1;
    }
    offsets.push(text.length);
    const machine = new Machine(this.program, codePoints);
    const spans: Span[] = [];
    let lastEnd = -1;
    for (let start = 0; start <= codePoints.length; ) {
      const end = machine.run(0, start);
      if (end < 0 || (end === start && end === lastEnd)) {
        start++;
        continue;
      }
      spans.push([offsets[start]!, offsets[end]!]);
      lastEnd = end;
      start = end;
    }
    return spans;
  }
}

/** One text being matched. */
class Machine {
  private readonly program: Program;
  private readonly text: readonly number[];
  /** per fork one bit for each place: being tried, or failed */
  private readonly tried: readonly Uint32Array[];

  constructor(program: Program, text: readonly number[]) {
    this.program = program;
    this.text = text;
    this.tried = Array.from({ length: program.forks }, () => new Uint32Array((text.length >>> 5) + 1));
  }

  /** Runs from an instruction up to its `end`: the place behind the match, or −1. */
  run(from: number, start: number): number {
    const { instructions } = this.program;
    const { text, tried } = this;
    /** untried branches: instruction, place, and how long `path` was */
    const pending: number[] = [];
    /** forks on the way here: when the match succeeds they have not failed */
    const path: number[] = [];
    let [pc, at] = [from, start];
    for (;;) {
      const instruction = instructions[pc]!;
      let failed = false;
      switch (instruction.op) {
        case 'class':
          if (at < text.length && instruction.test(text[at]!)) {
            pc++;
            at++;
          } else failed = true;
          break;
        case 'fork': {
          const row = tried[instruction.index]!;
          if (row[at >>> 5]! & (1 << (at & 31))) failed = true;
          else {
            row[at >>> 5]! |= 1 << (at & 31);
            path.push(instruction.index, at);
            pending.push(instruction.second, at, path.length);
            pc = instruction.first;
          }
          break;
        }
        case 'jump':
          pc = instruction.to;
          break;
        case 'assert':
          if (holds(instruction.at, text, at)) pc++;
          else failed = true;
          break;
        case 'look':
          if (this.run(pc + 1, at) >= 0 !== instruction.negative) pc = instruction.after;
          else failed = true;
          break;
        case 'atomic': {
          const end = this.run(pc + 1, at);
          if (end >= 0) [pc, at] = [instruction.after, end];
          else failed = true;
          break;
        }
        case 'end':
          for (let i = 0; i < path.length; i += 2) tried[path[i]!]![path[i + 1]! >>> 5]! &= ~(1 << (path[i + 1]! & 31));
          return at;
        default:
          instruction satisfies never;
      }
      if (failed) {
        if (pending.length === 0) return -1;
        path.length = pending.pop()!;
        at = pending.pop()!;
        pc = pending.pop()!;
      }
    }
  }
}

function holds(place: Place, text: readonly number[], at: number): boolean {
  const isWord = (index: number): boolean => index >= 0 && index < text.length && WORD(text[index]!);
  switch (place) {
    case 'text start':
      return at === 0;
    case 'text end':
      return at === text.length;
    case 'line start':
      return at === 0 || (NEWLINE(text[at - 1]!) && at < text.length);
    case 'line end':
      return at === text.length || NEWLINE(text[at]!);
    case 'last line end':
      return at === text.length || (at === text.length - 1 && NEWLINE(text[at]!));
    case 'word edge':
      return isWord(at - 1) !== isWord(at);
    case 'no word edge':
      return isWord(at - 1) === isWord(at);
    default:
      return place satisfies never;
  }
}
