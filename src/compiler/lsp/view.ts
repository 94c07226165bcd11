/**
 * A file as an editor sees it and as it was last understood. While someone types, the text seldom parses: what is asked
 * then is answered from the last text that did, with places before and after the edit moved along.
 */
import type { Range } from 'vscode-languageserver';
import type { NameTable } from '../check/name-table.ts';
import type { Program } from '../check/program.ts';
import type { SourceFile, Span } from '../diagnostics/span.ts';
import type { FileSyntax } from '../syntax/ast.ts';
import type { Analysis } from './analysis.ts';
import { rangeOf } from './places.ts';

/** An analysis of a program that parses. */
export interface Understood extends Analysis {
  readonly program: Program;
  readonly names: NameTable;
}

export class View {
  readonly analysis: Understood;
  readonly path: string;
  /** as it is in the editor */
  readonly now: SourceFile;
  /** as it was understood */
  readonly before: SourceFile;
  readonly syntax: FileSyntax;
  /** code units at the start and at the end that both texts share */
  private readonly head: number;
  private readonly tail: number;

  constructor(analysis: Understood, path: string, now: SourceFile) {
    this.analysis = analysis;
    this.path = path;
    this.now = now;
    this.syntax = analysis.program.files.get(path)!.syntax;
    this.before = this.syntax.source;
    [this.head, this.tail] = shared(this.before.text, now.text);
  }

  get names(): NameTable {
    return this.analysis.names;
  }

  /** The offset in the text that was understood; undefined inside of what was edited since. */
  toBefore(offset: number): number | undefined {
    if (offset <= this.head) return offset;
    const fromEnd = this.now.text.length - offset;
    return fromEnd <= this.tail ? this.before.text.length - fromEnd : undefined;
  }

  /** Where a place of the text that was understood is now. */
  toNow({ start, end }: Span): Range | undefined {
    const moved = (offset: number): number | undefined => {
      if (offset <= this.head) return offset;
      const fromEnd = this.before.text.length - offset;
      return fromEnd <= this.tail ? this.now.text.length - fromEnd : undefined;
    };
    const [from, to] = [moved(start), moved(end)];
    return from === undefined || to === undefined ? undefined : rangeOf({ source: this.now, start: from, end: to });
  }
}

function shared(before: string, now: string): [number, number] {
  if (before === now) return [before.length, before.length];
  const most = Math.min(before.length, now.length);
  let head = 0;
  while (head < most && before.charCodeAt(head) === now.charCodeAt(head)) head++;
  let tail = 0;
  while (tail < most - head && before.charCodeAt(before.length - 1 - tail) === now.charCodeAt(now.length - 1 - tail)) {
    tail++;
  }
  return [head, tail];
}
