/** Matrices that a target stores as halves, rounded to nearest even as they are written. */
import { firstNonFiniteHalf, toHalves } from '../../../runtime/weights/halves.ts';
import { cliError } from '../errors.ts';

/**
 * The chunks of an f32 tensor as f16.
 * @throws CliError C0113 for a number past the range
 */
export async function* asHalves(key: string, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let start = 0;
  for await (const bytes of chunks) {
    yield halved(bytes, key, start);
    start += bytes.byteLength / 4;
  }
}

/** @param start element of the tensor that is the first here, for messages */
function halved(bytes: Uint8Array, key: string, start: number): Uint8Array {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const words = toHalves(values);
  const at = firstNonFiniteHalf(words);
  if (at >= 0) throw cliError('f16_overflow', { key, index: start + at, value: String(values[at]) });
  return new Uint8Array(words.buffer);
}
