/** Matrices that are quantised as they are written: a piece at a time, and what groups have in common at the end. */

import type { PartName, Quantisation, UnsignedRows } from '../../shared/quantisation.ts';
import { bytesOf } from './dtypes.ts';
import { codeHalves, dequantise, packZeros, quantise, unsignedCodes, unsignedZeros, wholeGroups } from './quantise.ts';

/** Bytes that follow what came before of the part. */
export interface PartBytes {
  readonly part: PartName | 'low';
  readonly bytes: Uint8Array;
}

/**
 * The parts of a tensor, from the chunks of its f32 numbers.
 * @param unsigned how they are stored for MatMulNBits; absent: as safetensors files and DequantizeLinear have them
 * @throws RuntimeError R1224, R1225
 */
export async function* packedParts(
  key: string,
  quantisation: Quantisation,
  chunks: AsyncIterable<Uint8Array>,
  unsigned?: UnsignedRows,
): AsyncIterable<PartBytes> {
  const zeros: Float32Array[] = [];
  let first = 0;
  for await (const values of wholeGroups(chunks, quantisation.group)) {
    const packed = quantise(values, quantisation, { key, first });
    if (unsigned?.halves) {
      const { high, low } = codeHalves(packed.codes);
      yield { part: 'codes', bytes: high };
      yield { part: 'low', bytes: low };
    } else yield { part: 'codes', bytes: unsigned ? unsignedCodes(packed.codes, quantisation.bits) : packed.codes };
    yield { part: 'scales', bytes: bytesOf(packed.scales) };
    zeros.push(packed.zeros);
    first += values.length;
  }
  if (!quantisation.zeros) return;
  const all = joined(zeros);
  const bytes = unsigned ? unsignedZeros(all, quantisation, unsigned) : packZeros(all, quantisation);
  yield { part: 'zeros', bytes };
}

/** The chunks of an f32 tensor with the numbers that its quantised ones stand for. @throws as `packedParts` */
export async function* asRounded(
  key: string,
  quantisation: Quantisation,
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let first = 0;
  for await (const values of wholeGroups(chunks, quantisation.group)) {
    yield bytesOf(dequantise(quantise(values, quantisation, { key, first }), quantisation));
    first += values.length;
  }
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
