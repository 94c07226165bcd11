/** From a chunk of a corpus to its documents as tokens. */
import { reasonOf } from '../../runtime/errors.ts';
import { PART, type TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { BadRow } from '../data/bad-rows.ts';
import type { Chunk } from './chunks.ts';

export interface Document {
  readonly ids: readonly number[];
  /** false where the document goes on in the next chunk */
  readonly ends: boolean;
}

export interface DocumentOptions {
  readonly tokenizer: TextCodec;
  /** of a line of JSON */
  readonly field: string;
  /** whether each line of a text file is a document; else the whole file is one */
  readonly byLine: boolean;
}

export const isJsonLines = (name: string): boolean => name.toLowerCase().endsWith('.jsonl');

/** @param report is told of what cannot be used; it is left out unless this throws */
export function documentsOf(chunk: Chunk, options: DocumentOptions, report: (row: BadRow) => void): Document[] {
  const { file, offset, bytes, line, last } = chunk;
  const piece = file.read(offset, bytes);
  const json = isJsonLines(file.name);
  const found: Document[] = [];
  const add = (text: string, at: number, ends: boolean): void => {
    const expected = json ? `an object with the text ${JSON.stringify(options.field)}` : 'text in UTF-8';
    try {
      found.push({ ids: options.tokenizer.encode(json ? textOf(text, options.field) : text, PART), ends });
    } catch (error) {
      const reason = error instanceof BadLine ? error.message : `cannot be tokenised (${reasonOf(error)})`;
      report({ file: file.name, line: at, reason, expected });
    }
  };
  if (!json && !options.byLine) {
    const bad = firstBadLine(piece);
    if (bad === undefined) add(decode(piece)!, line, last);
    else {
      report({ file: file.name, line: line + bad, reason: 'is not UTF-8', expected: 'text in UTF-8' });
      found.push({ ids: [], ends: last });
    }
    return found;
  }
  eachLine(chunk, report, (text, at) => add(text, at, true));
  return found;
}

/** The lines of a chunk that are not blank, with their numbers in the file. @param report is told of those that are not UTF-8 */
export function eachLine(
  { file, offset, bytes, line }: Chunk,
  report: (row: BadRow) => void,
  use: (text: string, line: number) => void,
): void {
  linesOf(file.read(offset, bytes)).forEach((raw, i) => {
    const text = decode(raw);
    if (text === undefined)
      report({ file: file.name, line: line + i, reason: 'is not UTF-8', expected: 'text in UTF-8' });
    else if (text.trim() !== '') use(text.replace(/\r$/, ''), line + i);
  });
}

class BadLine extends Error {}

function textOf(line: string, field: string): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new BadLine(`is not JSON (${reasonOf(error)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadLine('is not an object');
  if (!Object.hasOwn(value, field))
    throw new BadLine(`has no field ${JSON.stringify(field)}, only ${Object.keys(value).join(', ') || 'none at all'}`);
  const text = (value as Readonly<Record<string, unknown>>)[field];
  if (typeof text !== 'string') throw new BadLine(`has ${JSON.stringify(text)} as ${JSON.stringify(field)}`);
  if (text === '') throw new BadLine(`has an empty ${JSON.stringify(field)}`);
  return text;
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  if (from < bytes.length) lines.push(bytes.subarray(from));
  return lines;
}

/** undefined for bytes that are not UTF-8. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function firstBadLine(bytes: Uint8Array): number | undefined {
  if (decode(bytes) !== undefined) return undefined;
  const bad = linesOf(bytes).findIndex((line) => decode(line) === undefined);
  return Math.max(bad, 0);
}
