/** Weights with some tensors replaced: what was trained, or an adapter's, over what a run started from. */
import type { Quantisation } from '../../../shared/quantisation.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { WeightReader } from '../../targets/target.ts';

type Overlaid = WeightReader & { readonly fresh?: ReadonlySet<string>; readonly halves?: ReadonlySet<string> };

/** @param replaced by checkpoint key; keys that nothing reads are not used */
export function overlayWeights<W extends Overlaid>(base: W, replaced: ReadonlyMap<string, HostTensor>): W {
  const without = (keys: ReadonlySet<string>) => new Set([...keys].filter((key) => !replaced.has(key)));
  return {
    ...base,
    trained: base.trained || replaced.size > 0,
    ...(base.fresh ? { fresh: without(base.fresh) } : {}),
    ...(base.halves ? { halves: without(base.halves) } : {}),
    read: async (key: string) => replaced.get(key) ?? base.read(key),
    packed: (key: string, as: Quantisation) => (replaced.has(key) ? undefined : base.packed?.(key, as)),
    async *chunks(key: string) {
      const tensor = replaced.get(key);
      if (tensor) yield new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
      else yield* base.chunks(key);
    },
  };
}
