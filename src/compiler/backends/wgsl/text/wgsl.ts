/**
 * Text of WGSL that knows the names in it: a template is pieces, and a name is an object until the module is printed. So what a
 * piece reads, calls and declares is asked of it and never looked for in text, and names are changed before there is any.
 *
 *     wgsl`let ${sum} = ${weights}[${index}] * ${value};`
 */

/**
 * A name. Within one function names of equal hints are one variable; names of the module (functions, memory, buffers) are told
 * apart as objects, and may be printed otherwise than their hints.
 */
export class Name {
  readonly hint: string;

  constructor(hint: string) {
    this.hint = hint;
  }
}

/** What a template takes in its holes; a string is text without names. */
export type Piece = string | number | Name | Wgsl;

export class Wgsl {
  readonly parts: readonly (string | Name)[];
  /** a short expression that stays where it is and needs no name: an element, a component */
  readonly plain: boolean;
  private knownKey: string | undefined;

  constructor(parts: readonly (string | Name)[], plain = false) {
    this.parts = parts;
    this.plain = plain;
  }

  get names(): readonly Name[] {
    return this.parts.filter((part) => part instanceof Name);
  }

  /** Equal for equal texts. */
  get key(): string {
    if (this.knownKey === undefined) {
      let key = '';
      for (const part of this.parts) key += typeof part === 'string' ? part : part.hint;
      this.knownKey = key;
    }
    return this.knownKey;
  }

  /** @param text what a name is printed as */
  print(text: (name: Name) => string): string {
    return this.parts.map((part) => (typeof part === 'string' ? part : text(part))).join('');
  }

  renamed(names: ReadonlyMap<Name, Name>): Wgsl {
    return new Wgsl(
      this.parts.map((part) => (typeof part === 'string' ? part : (names.get(part) ?? part))),
      this.plain,
    );
  }
}

function partsOf(piece: Piece): readonly (string | Name)[] {
  if (piece instanceof Wgsl) return piece.parts;
  return [piece instanceof Name ? piece : String(piece)];
}

export function wgsl(texts: TemplateStringsArray, ...pieces: readonly Piece[]): Wgsl {
  const parts: (string | Name)[] = [];
  let text = texts[0]!; // neighbouring texts are one
  for (let at = 0; at < pieces.length; at++) {
    const piece = pieces[at]!;
    if (piece instanceof Name) {
      if (text !== '') parts.push(text);
      parts.push(piece);
      text = '';
    } else if (piece instanceof Wgsl) {
      for (const part of piece.parts) {
        if (typeof part === 'string') text += part;
        else {
          if (text !== '') parts.push(text);
          parts.push(part);
          text = '';
        }
      }
    } else text += piece;
    text += texts[at + 1]!;
  }
  if (text !== '') parts.push(text);
  return new Wgsl(parts);
}

export const code = (piece: Piece): Wgsl => (piece instanceof Wgsl ? piece : new Wgsl(partsOf(piece)));
export const keyOfPiece = (piece: Piece): string =>
  piece instanceof Wgsl ? piece.key : piece instanceof Name ? piece.hint : String(piece);
export const namesIn = (piece: Piece): readonly Name[] =>
  piece instanceof Wgsl ? piece.names : piece instanceof Name ? [piece] : [];

export const isPlainPiece = (piece: Piece): boolean =>
  !(piece instanceof Wgsl) || piece.plain || (piece.parts.length === 1 && piece.parts[0] instanceof Name);

/** `of[index]` */
export const element = (of: Piece, index: Piece): Wgsl =>
  new Wgsl([...partsOf(of), '[', ...partsOf(index), ']'], isPlainPiece(of) && isPlainPiece(index));

/** `of.name` */
export const component = (of: Piece, name: string): Wgsl => new Wgsl([...partsOf(of), `.${name}`], isPlainPiece(of));

export function joined(pieces: readonly Piece[], between: string): Wgsl {
  return new Wgsl(pieces.flatMap((piece, at) => (at === 0 ? partsOf(piece) : [between, ...partsOf(piece)])));
}

/** `of(arguments…)` */
export const called = (of: Piece, args: readonly Piece[]): Wgsl => wgsl`${of}(${joined(args, ', ')})`;

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

/** The entry of a kernel and what stands above it. `body` knows `group`, `groups` and `lane`. */
export interface MainText {
  /** a line of comment */
  readonly about?: string;
  readonly variables: readonly VariableText[];
  readonly functions: readonly FunctionText[];
  readonly body: Wgsl;
  readonly workgroup: readonly [number, number, number];
}
