/** Weights with some tensors replaced: what was trained, or an adapter's, over what a run started from. */
import type { HostTensor } from '../../../shared/tensor.ts';
import type { WeightProvider } from '../weights/provider.ts';

/** @param replaced by checkpoint key; keys that nothing reads are not used */
export function overlayWeights(base: WeightProvider, replaced: ReadonlyMap<string, HostTensor>): WeightProvider {
  const without = (keys: ReadonlySet<string>) => new Set([...keys].filter((key) => !replaced.has(key)));
  return {
    origin: base.origin,
    trained: base.trained || replaced.size > 0,
    ...(base.fresh ? { fresh: without(base.fresh) } : {}),
    ...(base.halves ? { halves: without(base.halves) } : {}),
    read: async (key) => replaced.get(key) ?? base.read(key),
    async *chunks(key) {
      const tensor = replaced.get(key);
      if (tensor) yield new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
      else yield* base.chunks(key);
    },
    close: () => base.close(),
  };
}
