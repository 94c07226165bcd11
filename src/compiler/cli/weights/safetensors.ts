/**
 * The weights of a WebGPU plan as one safetensors file: which tensor lies where, and its bytes. Matrices that the plan
 * stores as f16 are F16 in the file, so that it is half as long and the runtime uploads what it reads.
 */

import { planFile, type StreamedTensor } from '../../../runtime/weights/encode.ts';
import { firstNonFiniteHalf, toHalves } from '../../../runtime/weights/halves.ts';
import type { ParameterPlan } from '../../../shared/webgpu.ts';
import { cliError } from '../errors.ts';
import type { WeightProvider } from './provider.ts';
import type { StoredFile } from './write.ts';

const STORED = { f32: 'F32', i64: 'I64', bool: 'BOOL' } as const;

/** @throws RuntimeError R0120 for a key that safetensors reserves */
export function safetensorsFile(file: string, parameters: readonly ParameterPlan[]): StoredFile {
  const tensors = new Map(
    parameters.map(({ key, dtype, shape, storage }): [string, StreamedTensor] => [
      key,
      { stored: storage === 'f16' ? 'F16' : STORED[dtype], shape, chunks: () => empty() },
    ]),
  );
  const dtypes = new Map(parameters.map(({ key, dtype }) => [key, dtype]));
  const { head, order } = planFile(tensors, { format: 'pt' }, file);
  let offset = head.length;
  const records = order.map(({ name: key, tensor: { shape }, byteLength: length }) => {
    const record = { key, dtype: dtypes.get(key)!, shape, offset, length };
    offset += length;
    return record;
  });
  return { file, head, records, bytes: offset };
}

async function* empty(): AsyncIterable<Uint8Array> {}

/**
 * The same weights, with the matrices that the plan stores so as halves, rounded to nearest even.
 * @throws CliError C0113, from chunks, for a number past the range
 */
export function withHalves(weights: WeightProvider, parameters: readonly ParameterPlan[]): WeightProvider {
  const halves = new Set(parameters.flatMap(({ key, storage }) => (storage === 'f16' ? [key] : [])));
  return {
    ...weights,
    async *chunks(key) {
      let start = 0;
      for await (const bytes of weights.chunks(key)) {
        yield halves.has(key) ? halved(bytes, key, start) : bytes;
        start += bytes.byteLength / 4;
      }
    },
  };
}

/** @param start element of the tensor that is the first here, for messages */
function halved(bytes: Uint8Array, key: string, start: number): Uint8Array {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const words = toHalves(values);
  const at = firstNonFiniteHalf(words);
  if (at >= 0) throw cliError('f16_overflow', { key, index: start + at, value: String(values[at]) });
  return new Uint8Array(words.buffer);
}
