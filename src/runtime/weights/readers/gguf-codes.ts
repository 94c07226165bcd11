/**
 * Blocks of GGUF files as codes of ours, so that a matrix which is stored as it is there is not quantised twice:
 *
 *     Q8_0   d q               int8(group = 32)                                 scale d, code q
 *     Q4_0   d (q − 8)         int4(group = 32)                                 scale d, code q − 8
 *     Q4_1   d q + m           int4(group = 32, zeros = true, method = "hqq")   scale d, code q − 8, zero −m / d − 8
 *
 * Codes and scales are the file's, bit for bit. The zero of Q4_1 is rounded to f16.
 */
import { printQuantisation, type Quantisation } from '../../../shared/quantisation.ts';
import { runtimeError } from '../../errors.ts';
import { CHUNK_BYTES } from '../file.ts';
import { halfToNumber, toHalf } from '../halves.ts';
import { type Packed, quantise } from '../quantise.ts';
import type { RandomAccess } from '../source.ts';
import type { BlockFormat } from './gguf-blocks.ts';

/** A tensor of a file, where it lies. */
interface Placed {
  readonly encoding?: string;
  readonly blocks?: BlockFormat;
  /** in the file */
  readonly byteOffset: number;
  readonly storedBytes: number;
}

/** As what a type of blocks is kept. */
const KEPT: Readonly<Record<string, Quantisation>> = {
  Q8_0: { bits: 8, group: 32, zeros: false, method: 'nearest' },
  Q4_0: { bits: 4, group: 32, zeros: false, method: 'nearest' },
  Q4_1: { bits: 4, group: 32, zeros: true, method: 'hqq' },
};

/** How codes of the blocks of this name are kept; undefined: they are not. */
export const keptAs = (encoding: string | undefined): Quantisation | undefined =>
  encoding !== undefined && Object.hasOwn(KEPT, encoding) ? KEPT[encoding] : undefined;

/** The codes of a tensor, where that is how its blocks are kept. @throws RuntimeError R1224 for a scale that is not finite */
export function keptBlocks(
  source: RandomAccess,
  key: string,
  tensor: Placed,
  as: Quantisation,
): AsyncIterable<Packed> | undefined {
  const kept = keptAs(tensor.encoding);
  if (kept === undefined || printQuantisation(kept) !== printQuantisation(as)) return undefined;
  return pieces(source, key, tensor, kept);
}

async function* pieces(
  source: RandomAccess,
  key: string,
  { blocks, byteOffset, storedBytes }: Placed,
  kept: Quantisation,
): AsyncIterable<Packed> {
  const { bytes: blockBytes } = blocks!;
  const count = storedBytes / blockBytes;
  const most = Math.max(1, Math.floor(CHUNK_BYTES / blockBytes));
  for (let first = 0; first < count; first += most) {
    const many = Math.min(most, count - first);
    const bytes = await source.read(byteOffset + first * blockBytes, many * blockBytes);
    const piece: Packed = {
      codes: new Uint8Array((many * 32 * kept.bits) / 8),
      scales: new Uint16Array(many),
      zeros: new Float32Array(many),
    };
    for (let i = 0; i < many; i++) readBlock(bytes, i, piece, { key, first: 32 * (first + i) }, blocks!, kept);
    yield piece;
  }
}

function readBlock(
  bytes: Uint8Array,
  index: number,
  { codes, scales, zeros }: Packed,
  where: { readonly key: string; readonly first: number },
  { bytes: blockBytes, decode }: NonNullable<Placed['blocks']>,
  kept: Quantisation,
): void {
  const at = index * blockBytes;
  scales[index] = half(bytes, at);
  finite(scales[index]!, where);
  if (kept.bits === 8) {
    codes.set(bytes.subarray(at + 2, at + 34), 32 * index);
    return;
  }
  const own = codes.subarray(16 * index, 16 * (index + 1));
  if (!kept.zeros) {
    neighbours(bytes.subarray(at + 2, at + 18), own);
    return;
  }
  const minimum = half(bytes, at + 2);
  finite(minimum, where);
  const zero = halfToNumber(toHalf(-halfToNumber(minimum) / halfToNumber(scales[index]!) - 8));
  if (Number.isFinite(zero)) {
    zeros[index] = zero;
    neighbours(bytes.subarray(at + 4, at + 20), own);
    return;
  }
  // the minimum is past the zeros that f16 has for this scale: the numbers are nearly equal, and are quantised anew
  const values = new Float32Array(32);
  decode(bytes, at, values, 0);
  const again = quantise(values, kept, where);
  own.set(again.codes);
  scales[index] = again.scales[0]!;
  zeros[index] = again.zeros[0]!;
}

const half = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

/** @throws RuntimeError R1224 */
function finite(bits: number, { key, first }: { readonly key: string; readonly first: number }): void {
  const value = halfToNumber(bits);
  if (!Number.isFinite(value)) throw runtimeError('quantise_not_finite', { key, index: first, value: String(value) });
}

/** ggml has elements i and i + 16 in a byte, counted from 0; here it is neighbours, two's complement. */
function neighbours(stored: Uint8Array, packed: Uint8Array): void {
  for (let i = 0; i < 16; i += 2) {
    const [first, second] = [stored[i]!, stored[i + 1]!];
    packed[i >> 1] = ((first & 15) | ((second & 15) << 4)) ^ 0x88;
    packed[8 + (i >> 1)] = ((first >> 4) | (second & 0xf0)) ^ 0x88;
  }
}
