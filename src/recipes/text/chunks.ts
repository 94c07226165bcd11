/**
 * A corpus as chunks: places in files that are small enough to be tokenised when a batch wants them. Their places and
 * counts are all that stays in memory.
 *
 * A chunk is whole lines, about `CHUNK_BYTES` of them. A text file of one long line is cut between characters, where it may
 * be cut at all: a line of JSON may not.
 */

export interface ChunkFile {
  readonly name: string;
  readonly size: number;
  /** up to `length` bytes; fewer at the end of the file */
  read(offset: number, length: number): Uint8Array;
}

export interface Chunk {
  readonly file: ChunkFile;
  /** in bytes */
  readonly offset: number;
  readonly bytes: number;
  /** number of its first line, from 1 */
  readonly line: number;
  /** whether the file ends with it */
  readonly last: boolean;
}

export const CHUNK_BYTES = 1 << 14;
const NEWLINE = 10;

/**
 * @param cut whether a line that is longer than a chunk may be cut between two characters
 * @param chunkBytes at least 8, so that a character fits
 */
export function* chunksOf(file: ChunkFile, cut: boolean, chunkBytes: number = CHUNK_BYTES): Generator<Chunk> {
  let [offset, line] = [0, 1];
  while (offset < file.size) {
    const { bytes, lines } = chunkAt(file, offset, cut, chunkBytes);
    yield { file, offset, bytes, line, last: offset + bytes >= file.size };
    offset += bytes;
    line += lines;
  }
}

function chunkAt(file: ChunkFile, offset: number, cut: boolean, chunkBytes: number): { bytes: number; lines: number } {
  for (let length = chunkBytes; ; length *= 2) {
    const piece = file.read(offset, length);
    const end = piece.length < length ? piece.length : piece.lastIndexOf(NEWLINE) + 1;
    if (end === 0 && !cut && piece.length > 0) continue;
    // bytes 10xxxxxx go on with a character
    let bytes = end > 0 ? end : piece.length;
    if (end === 0) while (bytes > 1 && (piece[bytes - 1]! & 0xc0) === 0x80) bytes--;
    if (end === 0 && bytes > 1) bytes--; // the character's first byte
    let lines = 0;
    for (let i = 0; i < bytes; i++) if (piece[i] === NEWLINE) lines++;
    return { bytes: Math.max(1, bytes), lines };
  }
}
