/**
 * Text of WGSL that knows the names in it: a template is pieces, and a name is an object until the module is printed. So what a
 * piece reads, calls and declares is asked of it and never looked for in text, and names are changed before there is any.
 *
 *     wgsl`let ${sum} = ${weights}[${index}] * ${value};`
 */
import { type Expression, print, printOperand } from './expression.ts';
import { Name } from './name.ts';

export { Name } from './name.ts';

/** What a template takes in its holes; a string is text without names, an expression stands there as an operand. */
export type Piece = string | number | Name | Wgsl | Expression;

export class Wgsl {
  readonly parts: readonly (string | Name)[];

  constructor(parts: readonly (string | Name)[]) {
    this.parts = parts;
  }

  get names(): readonly Name[] {
    return this.parts.filter((part) => part instanceof Name);
  }

  /** @param text what a name is printed as */
  print(text: (name: Name) => string): string {
    return this.parts.map((part) => (typeof part === 'string' ? part : text(part))).join('');
  }

  renamed(names: ReadonlyMap<Name, Name>): Wgsl {
    return new Wgsl(this.parts.map((part) => (typeof part === 'string' ? part : (names.get(part) ?? part))));
  }
}

type Part = string | Name;

/** Parts of a piece behind those that are there; neighbouring texts are one. */
function append(parts: Part[], piece: Piece): void {
  if (piece instanceof Wgsl) for (const part of piece.parts) add(parts, part);
  else if (typeof piece === 'object' && !(piece instanceof Name)) {
    const own: Part[] = [];
    printOperand(piece, own);
    for (const part of own) add(parts, part);
  } else add(parts, piece instanceof Name ? piece : String(piece));
}

function add(parts: Part[], part: Part): void {
  const last = parts.length - 1;
  if (typeof part === 'string' && typeof parts[last] === 'string') parts[last] += part;
  else if (part !== '') parts.push(part);
}

export function wgsl(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Wgsl {
  const parts: Part[] = [];
  add(parts, texts[0]!);
  for (const [at, piece] of pieces.entries()) {
    append(parts, piece);
    add(parts, texts[at + 1]!);
  }
  return new Wgsl(parts);
}

/** A piece by itself: an expression without parentheses. */
export function code(piece: Piece): Wgsl {
  if (piece instanceof Wgsl) return piece;
  const parts: Part[] = [];
  if (typeof piece === 'object' && !(piece instanceof Name)) print(piece, parts);
  else append(parts, piece);
  return new Wgsl(parts);
}

export function joined(pieces: readonly Piece[], between: string): Wgsl {
  const parts: Part[] = [];
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) add(parts, between);
    append(parts, piece);
  }
  return new Wgsl(parts);
}

/** Without what is blank before its first word. */
export function trimmed({ parts: [first, ...others] }: Wgsl): Wgsl {
  return new Wgsl(typeof first === 'string' ? [first.trimStart(), ...others] : [first!, ...others]);
}

/** The lines of a text, without those that are blank. */
function linesOf(text: Wgsl): Wgsl[] {
  const lines: (string | Name)[][] = [[]];
  for (const part of text.parts) {
    if (typeof part !== 'string') {
      lines.at(-1)!.push(part);
      continue;
    }
    for (const [at, piece] of part.split('\n').entries()) {
      if (at > 0) lines.push([]);
      if (piece !== '') lines.at(-1)!.push(piece);
    }
  }
  const isBlank = (line: readonly (string | Name)[]): boolean =>
    line.every((part) => typeof part === 'string' && part.trim() === '');
  return lines.filter((line) => !isBlank(line)).map((line) => new Wgsl(line));
}

/** Moves a block of lines to the right, below a line that is `depth` levels in. */
export function indent(text: Piece, depth = 1): Wgsl {
  const space = '  '.repeat(depth);
  return joined(
    linesOf(code(text)).map((line) => new Wgsl([space, ...line.parts])),
    '\n',
  );
}

/** A function of a module. */
export interface FunctionText {
  readonly name: Name;
  /** from `fn` to its closing bracket */
  readonly text: Wgsl;
}

/** A variable of a module. */
export interface VariableText {
  readonly name: Name;
  readonly space: 'workgroup' | 'private';
  readonly type: string;
  /** of private ones */
  readonly value?: string;
}

export const variableText = ({ name, space, type, value }: VariableText): Wgsl =>
  wgsl`var<${space}> ${name}: ${type}${value === undefined ? '' : ` = ${value}`};`;
