/**
 * `mdl fmt`: the one layout of a program. Only blanks, line ends and the commas at the ends of lines and lists are its to
 * change: all other tokens and every comment stay as they are and in their order, so what is formatted means the same.
 */
import type { CstNode } from 'chevrotain';
import { type Diagnostic, DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource, type SourceFile } from '../diagnostics/span.ts';
import { childrenOf } from '../syntax/cst.ts';
import { attachComments, type Unit, unitOf } from './comments.ts';
import { LAYOUTS } from './declarations.ts';
import { print, takesLines } from './print.ts';
import { eachDeclaration, type Region, readRegions, readTokens, unitsOf } from './regions.ts';
import { Writer } from './writer.ts';

export interface Formatted {
  readonly text: string;
  /** syntax errors; the declarations that have them are left as they are */
  readonly problems: readonly Diagnostic[];
}

/** A declaration, or what does not parse, with the comments above it. */
interface Part {
  /** rule of the grammar; undefined of what does not parse */
  readonly kind: string | undefined;
  readonly text: string;
  /** it takes one line, without the comments above it */
  readonly oneLine: boolean;
  /** an empty line is above it in the text */
  readonly blank: boolean;
}

/**
 * Formats a program: lines of 120 columns where they can be broken, two blanks a level. Declarations with syntax errors
 * stay as they are, the others are formatted. Formatting what is formatted changes nothing. Throws for no text.
 *
 * @param path stands in the diagnostics
 */
export function format(text: string, path = 'input.mdl'): Formatted {
  const source = createSource(path, text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n'));
  const bag = new DiagnosticBag();
  const read = readTokens(source, bag);
  if (!read) return { text, problems: bag.sorted() };
  const clean = read.failed ? undefined : layOut(source, read.tokens.map(unitOf), eachDeclaration(read.tokens, source));
  if (clean !== undefined) return { text: clean, problems: [] };
  const regions = readRegions(read, source, bag);
  return { text: layOut(source, unitsOf(regions, read.tokens), regions)!, problems: bag.sorted() };
}

/** The text of regions; undefined where one of them is. */
function layOut(source: SourceFile, units: readonly Unit[], regions: Iterable<Region | undefined>): string | undefined {
  const writer = new Writer(attachComments(source.text, units), LAYOUTS);
  const parts: Part[] = [];
  for (const region of regions) {
    if (!region) return undefined;
    parts.push(region.node ? declaration(writer, region.node) : unread(writer, source, region));
  }
  for (const { text, blank } of writer.commentsAt(source.text.length).above) {
    parts.push({ kind: undefined, text, oneLine: true, blank });
  }
  return joinParts(parts);
}

/** What does not parse, as it is. */
function unread(writer: Writer, source: SourceFile, { start, end }: Region): Part {
  const { above, blank } = writer.commentsAt(start);
  const lines = above.flatMap((comment, index) => (index > 0 && comment.blank ? ['', comment.text] : [comment.text]));
  if (blank && lines.length > 0) lines.push('');
  lines.push(source.text.slice(start, end));
  return { kind: undefined, text: lines.join('\n'), oneLine: false, blank: above[0]?.blank ?? blank };
}

function declaration(writer: Writer, node: CstNode): Part {
  const item = writer.item(node);
  const oneLine = !takesLines(item.own);
  return { kind: (childrenOf(node)[0] as CstNode).name, text: print(item.doc), oneLine, blank: item.blank };
}

/** One empty line between declarations; one-line declarations of a kind, and what does not parse, are as in the text. */
function joinParts(parts: readonly Part[]): string {
  let text = '';
  parts.forEach((part, index) => {
    const previous = parts[index - 1];
    if (previous) {
      const known = previous.kind !== undefined && part.kind !== undefined;
      const together = previous.kind === part.kind && previous.oneLine && part.oneLine;
      text += part.blank || (known && !together) ? '\n\n' : '\n';
    }
    text += part.text;
  });
  return text === '' ? '' : `${text}\n`;
}
