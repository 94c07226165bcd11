/** Weights for a device: matrices that come with codes as the parts that a safetensors file would have, the others by number. */
import type { StoredWeights, Weights } from '../../runtime/webgpu/stored.ts';
import type { PartBytes } from '../../runtime/weights/packed.ts';
import { isQuantised, type PartName } from '../../shared/quantisation.ts';
import type { WebGpuPlan } from '../../shared/webgpu.ts';
import { STORED, tensorsOf } from './stored.ts';
import type { Host, WeightReader } from './target.ts';

export function deviceWeights(
  { parameters }: WebGpuPlan,
  weights: WeightReader,
  host: Pick<Host, 'packedParts'>,
): Weights {
  const coded = parameters.flatMap((parameter) => {
    const { storage } = parameter;
    return isQuantised(storage) && weights.packed?.(parameter.key, storage) ? [{ ...parameter, packed: storage }] : [];
  });
  if (coded.length === 0) return (key) => weights.read(key);
  const streams = new Map<string, () => AsyncIterable<Uint8Array>>();
  const tensors = new Map<string, StoredWeights['tensors'] extends ReadonlyMap<string, infer T> ? T : never>();
  for (const { key, dtype, shape } of parameters) {
    tensors.set(key, { dtype: STORED[dtype].stored, shape });
    streams.set(key, () => weights.chunks(key));
  }
  for (const one of coded)
    for (const { name, part, stored, shape } of tensorsOf(one)) {
      tensors.set(name, { dtype: stored, shape });
      streams.set(name, () => partOf(host.packedParts(weights, one.key, one.packed), part!));
    }
  return { name: weights.origin, tensors, stream: (key) => streams.get(key)!() };
}

async function* partOf(parts: AsyncIterable<PartBytes>, wanted: PartName): AsyncIterable<Uint8Array> {
  for await (const { part, bytes } of parts) if (part === wanted) yield bytes;
}
