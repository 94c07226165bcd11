/**
 * Quantised parameters as words of a buffer: the parts of a file as they are, or f32 that is quantised on the way.
 * A part of a parameter (a shard) has its own codes, scales and zeros, one after the other.
 */
import { type PartName, partKey, partsOf, type Quantisation, wordsOf } from '../../shared/quantisation.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { ParameterPlan } from '../../shared/webgpu.ts';
import { bytesOf } from '../weights/dtypes.ts';
import { packZeros, quantise, wholeGroups } from '../weights/quantise.ts';
import { mismatch, type StoredWeights, type Weights, weightChunks } from './stored.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Words and where they lie in the buffer. */
interface PackedChunk {
  readonly word: number;
  readonly words: Uint32Array;
}

const CHUNK_BYTES = 1 << 23;

/**
 * The words of elements `from` … `to`, which are whole groups.
 * @throws RuntimeError R1010 when it is another tensor than was wanted, R1224 and R1225 for numbers that cannot be quantised
 */
export async function* packedChunks(
  weights: Weights,
  parameter: ParameterPlan,
  quantisation: Quantisation,
  range: Range,
): AsyncIterable<PackedChunk> {
  const { key } = parameter;
  if (typeof weights !== 'function' && weights.tensors.has(partKey(key, 'codes')))
    yield* storedParts(weights, parameter, quantisation, range);
  else yield* quantised(weights, parameter, quantisation, range);
}

async function* storedParts(
  weights: StoredWeights,
  parameter: ParameterPlan,
  quantisation: Quantisation,
  { from, to }: Range,
): AsyncIterable<PackedChunk> {
  const whole = partsOf(quantisation, sizeOf(parameter.shape));
  const [before, until] = [partsOf(quantisation, from), partsOf(quantisation, to)];
  const starts = wordsOf(quantisation, to - from);
  for (const part of ['codes', 'scales', 'zeros'] as const) {
    if (whole[part] === 0) continue;
    const halves = part === 'scales' || (part === 'zeros' && quantisation.method === 'hqq');
    checkPart(weights, parameter.key, part, { bytes: whole[part], halves });
    let word = starts[part];
    for await (const bytes of bytesBetween(weights, partKey(parameter.key, part), before[part], until[part])) {
      const words = inWords(bytes);
      yield { word, words };
      word += words.length;
    }
  }
}

/** A part has so many bytes, whatever its shape. */
function checkPart(
  { tensors, name }: StoredWeights,
  key: string,
  part: PartName,
  { bytes, halves }: { readonly bytes: number; readonly halves: boolean },
): void {
  const [own, expected] = [partKey(key, part), `${bytes} bytes`];
  const stored = tensors.get(own);
  if (!stored) throw mismatch({ key: own, source: name, found: 'missing', expected });
  const found = sizeOf(stored.shape) * (halves ? 2 : 1);
  const dtypes = halves ? ['F16'] : ['U8', 'I8'];
  if (found === bytes && dtypes.includes(stored.dtype)) return;
  throw mismatch({ key: own, source: name, found: `${stored.dtype} of ${found} bytes`, expected });
}

async function* bytesBetween(weights: StoredWeights, key: string, from: number, to: number): AsyncIterable<Uint8Array> {
  let at = weights.streamFrom ? from : 0;
  const chunks = weights.streamFrom?.(key, from, CHUNK_BYTES) ?? weights.stream(key, CHUNK_BYTES);
  for await (const bytes of chunks) {
    const own = bytes.subarray(Math.max(from - at, 0), Math.max(to - at, 0));
    if (own.length > 0) yield own;
    at += bytes.length;
    if (at >= to) return;
  }
}

async function* quantised(
  weights: Weights,
  parameter: ParameterPlan,
  quantisation: Quantisation,
  { from, to }: Range,
): AsyncIterable<PackedChunk> {
  const starts = wordsOf(quantisation, to - from);
  const scales = new Uint16Array((to - from) / quantisation.group);
  const zeros = new Float32Array(scales.length);
  let [first, group] = [from, 0];
  for await (const values of wholeGroups(elementsBetween(weights, parameter, { from, to }), quantisation.group)) {
    const packed = quantise(values, quantisation, { key: parameter.key, first });
    yield { word: ((first - from) * quantisation.bits) / 32, words: inWords(packed.codes) };
    scales.set(packed.scales, group);
    zeros.set(packed.zeros, group);
    first += values.length;
    group += packed.scales.length;
  }
  yield { word: starts.scales, words: inWords(bytesOf(scales)) };
  if (quantisation.zeros) yield { word: starts.zeros, words: inWords(packZeros(zeros, quantisation)) };
}

async function* elementsBetween(weights: Weights, parameter: ParameterPlan, range: Range): AsyncIterable<Uint8Array> {
  for await (const { at, data } of weightChunks(weights, parameter, range)) {
    const own = data.subarray(Math.max(range.from - at, 0), Math.max(range.to - at, 0));
    if (own.length > 0) yield bytesOf(own);
  }
}

/** Bytes as words; the last is filled up with zeros. */
function inWords(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  bytesOf(words).set(bytes);
  return words;
}
