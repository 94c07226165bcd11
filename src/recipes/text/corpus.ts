/**
 * Rows of tokens from a corpus that is not in memory.
 *
 * When it is opened every chunk is tokenised once, to count what it gives; a row is found by these counts, and its chunks
 * are tokenised again when a batch wants it. The chunks of late are kept.
 */
import { runtimeError } from '../../runtime/errors.ts';
import type { TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { BadRow } from '../data/bad-rows.ts';
import { type Chunk, type ChunkFile, chunksOf } from './chunks.ts';
import { type Document, type DocumentOptions, documentsOf, isJsonLines } from './documents.ts';

/** Chunks that stay tokenised: some 20 MB. */
const KEPT_CHUNKS = 512;

export interface CorpusOptions {
  readonly tokenizer: TextCodec;
  readonly field: string;
  readonly rows: 'packed' | 'padded';
  /** tokens of a row */
  readonly length: number;
  /** ends each document; undefined where the model has none */
  readonly eos: number | undefined;
  /** for messages */
  readonly name: string;
  /** @throws where bad rows are not skipped */
  readonly report: (row: BadRow) => void;
  /** bytes of a chunk; for tests */
  readonly chunkBytes?: number;
}

export interface Corpus {
  /** how many rows there are */
  readonly size: number;
  /** padded: documents that are longer than a row, whose end is left out */
  readonly cut: number;
  /** tokens of all documents with their ends */
  readonly tokens: number;
  /** At most `length` tokens; exactly as many where rows are packed. */
  row(index: number): readonly number[];
}

/** @throws RuntimeError R1122 where documents are joined without eos, R1140 and what `report` throws */
export function openCorpus(files: readonly ChunkFile[], options: CorpusOptions): Corpus {
  const { length, rows, eos, report, chunkBytes } = options;
  const corpus = corpusOf(files, {
    documents: (chunk, told) => tokenised(chunk, options, told),
    cuttable: (file) => rows === 'packed' && !isJsonLines(file.name),
    rows,
    length,
    report,
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  });
  if (rows === 'packed' && eos === undefined && corpus.ended > 1)
    throw runtimeError('recipe_setting_missing', {
      recipe: 'text',
      name: 'eos',
      why: `${corpus.ended} documents that are joined into rows`,
    });
  return corpus;
}

/** Documents of any kind, and the rows that are made of them. */
export interface RowOptions extends Pick<CorpusOptions, 'rows' | 'length' | 'report' | 'chunkBytes'> {
  /** those of a chunk, as tokens; the same each time */
  readonly documents: (chunk: Chunk, report: (row: BadRow) => void) => readonly Document[];
  /** whether a line of this file may be cut in two */
  readonly cuttable: (file: ChunkFile) => boolean;
}

/** @throws what `report` throws */
export function corpusOf(files: readonly ChunkFile[], options: RowOptions): Corpus & { readonly ended: number } {
  const { length, rows, documents, cuttable, report, chunkBytes } = options;
  const packed = rows === 'packed';
  const chunks: Chunk[] = [];
  /** what the chunks before each one give: tokens where rows are packed, else documents */
  const before: number[] = [0];
  let [tokens, ended, cut] = [0, 0, 0];
  for (const file of files) {
    for (const chunk of chunksOf(file, cuttable(file), chunkBytes)) {
      const found = documents(chunk, report);
      const count = found.reduce((sum, { ids }) => sum + ids.length, 0);
      tokens += count;
      ended += found.filter(({ ends }) => ends).length;
      cut += found.filter(({ ids }) => ids.length > length).length;
      chunks.push(chunk);
      before.push(before.at(-1)! + (packed ? count : found.length));
    }
  }
  const documentsAt = keep((index) => documents(chunks[index]!, () => {}));
  const flatAt = keep((index) => documentsAt(index).flatMap(({ ids }) => ids));
  const padded = (index: number): readonly number[] => {
    const chunk = chunkOf(before, index);
    return documentsAt(chunk)[index - before[chunk]!]!.ids.slice(0, length);
  };
  const packedRow = (index: number): readonly number[] => {
    const found: number[] = [];
    const start = index * length;
    for (let chunk = chunkOf(before, start); found.length < length; chunk++) {
      const from = Math.max(0, start - before[chunk]!);
      found.push(...flatAt(chunk).slice(from, from + length - found.length));
    }
    return found;
  };
  const size = packed ? Math.floor(tokens / length) : before.at(-1)!;
  return { size, cut: packed ? 0 : cut, tokens, ended, row: packed ? packedRow : padded };
}

/** The documents of a chunk, with eos where they end. */
function tokenised(chunk: Chunk, options: CorpusOptions, report: (row: BadRow) => void): Document[] {
  const { tokenizer, field, rows, eos } = options;
  const how: DocumentOptions = { tokenizer, field, byLine: rows === 'padded' };
  return documentsOf(chunk, how, report).map(({ ids, ends }) => ({
    ids: ends && eos !== undefined ? [...ids, eos] : ids,
    ends,
  }));
}

/** The last chunk that begins at or before a place. */
function chunkOf(before: readonly number[], place: number): number {
  let [low, high] = [0, before.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (before[middle]! <= place) low = middle;
    else high = middle;
  }
  return low;
}

/** Results of late. */
function keep<T>(make: (index: number) => T): (index: number) => T {
  const kept = new Map<number, T>();
  return (index) => {
    let value = kept.get(index);
    if (value === undefined) {
      if (kept.size >= KEPT_CHUNKS) kept.delete(kept.keys().next().value!);
      value = make(index);
      kept.set(index, value);
    }
    return value;
  };
}
