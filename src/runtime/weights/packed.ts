/** Matrices that are quantised as they are written: a piece at a time, and what groups have in common at the end. */

import type { PartName, Quantisation, UnsignedRows } from '../../shared/quantisation.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { bytesOf } from './dtypes.ts';
import {
  codeHalves,
  dequantise,
  type Packed,
  packZeros,
  quantise,
  unsignedCodes,
  unsignedZeros,
  wholeGroups,
} from './quantise.ts';

/** Where matrices come from, as f32 or with codes of their own. */
export interface PackedSource {
  /** f32 of a tensor, little-endian */
  chunks(key: string): AsyncIterable<Uint8Array>;
  /**
   * The codes that a tensor comes with, in pieces of whole groups: those of a GGUF file's blocks, or that calibration found.
   * Undefined: it has none of this kind, and its numbers are quantised.
   */
  packed?(key: string, quantisation: Quantisation): AsyncIterable<Packed> | undefined;
}

/** A matrix as codes, piece by piece. @throws RuntimeError R1224, R1225, R1240 */
export function packedPieces(source: PackedSource, key: string, quantisation: Quantisation): AsyncIterable<Packed> {
  return source.packed?.(key, quantisation) ?? quantisedPieces(source.chunks(key), key, quantisation);
}

async function* quantisedPieces(
  chunks: AsyncIterable<Uint8Array>,
  key: string,
  quantisation: Quantisation,
): AsyncIterable<Packed> {
  let first = 0;
  for await (const values of wholeGroups(chunks, quantisation.group)) {
    yield quantise(values, quantisation, { key, first });
    first += values.length;
  }
}

/** Bytes that follow what came before of the part. */
export interface PartBytes {
  readonly part: PartName | 'low';
  readonly bytes: Uint8Array;
}

/**
 * The parts of a tensor as a file has them.
 * @param unsigned how they are stored for MatMulNBits; absent: as safetensors files and DequantizeLinear have them
 * @throws as `packedPieces`
 */
export async function* packedParts(
  source: PackedSource,
  key: string,
  quantisation: Quantisation,
  unsigned?: UnsignedRows,
): AsyncIterable<PartBytes> {
  const zeros: Float32Array[] = [];
  for await (const packed of packedPieces(source, key, quantisation)) {
    if (unsigned?.halves) {
      const { high, low } = codeHalves(packed.codes);
      yield { part: 'codes', bytes: high };
      yield { part: 'low', bytes: low };
    } else yield { part: 'codes', bytes: unsigned ? unsignedCodes(packed.codes, quantisation.bits) : packed.codes };
    yield { part: 'scales', bytes: bytesOf(packed.scales) };
    zeros.push(packed.zeros);
  }
  if (!quantisation.zeros) return;
  const all = joinedFloats(zeros);
  const bytes = unsigned ? unsignedZeros(all, quantisation, unsigned) : packZeros(all, quantisation);
  yield { part: 'zeros', bytes };
}

/** The f32 chunks of a tensor with the numbers that its codes stand for. @throws as `packedPieces` */
export async function* asRounded(
  source: PackedSource,
  key: string,
  quantisation: Quantisation,
): AsyncIterable<Uint8Array> {
  for await (const packed of packedPieces(source, key, quantisation)) yield bytesOf(dequantise(packed, quantisation));
}

/** A matrix with the numbers that it has once it is quantised. @throws as `packedPieces` */
export async function rounded(
  source: PackedSource & { read(key: string): Promise<HostTensor> },
  key: string,
  quantisation: Quantisation,
): Promise<HostTensor> {
  const { shape, data } = await source.read(key);
  const values = new Float32Array(data.length);
  const own: PackedSource = { ...source, chunks: () => one(bytesOf(data)), packed: (...of) => source.packed?.(...of) };
  let at = 0;
  for await (const packed of packedPieces(own, key, quantisation)) {
    values.set(dequantise(packed, quantisation), at);
    at += packed.scales.length * quantisation.group;
  }
  return { dtype: 'f32', shape, data: values };
}

async function* one<T>(value: T): AsyncIterable<T> {
  yield value;
}

function joinedFloats(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
