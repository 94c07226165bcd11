/** Trained tensors into the arenas that a target's graphs take, and out of them again: see shared/training.ts. */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { Arena } from '../../shared/training.ts';
import { type AnyTensor, toHost } from '../device-tensor.ts';

/** Arenas by name, each made when it is asked for: one at a time is on the host beside its pieces. */
export async function* packed(
  arenas: readonly Arena[],
  tensors: ReadonlyMap<string, AnyTensor>,
): AsyncGenerator<readonly [name: string, arena: HostTensor]> {
  for (const { name, elements, pieces } of arenas) {
    const data = new Float32Array(elements);
    for (const { key, at } of pieces) data.set((await toHost(tensors.get(key)!)).data as Float32Array, at);
    yield [name, { dtype: 'f32', shape: [elements], data }];
  }
}

/** Copies of the pieces by checkpoint key. @param found arenas by name */
export function unpacked(arenas: readonly Arena[], found: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  const tensors = new Map<string, HostTensor>();
  for (const { name, pieces } of arenas) {
    const data = found.get(name)!.data as Float32Array;
    for (const { key, shape, at } of pieces)
      tensors.set(key, { dtype: 'f32', shape, data: data.slice(at, at + sizeOf(shape)) });
  }
  return tensors;
}
