/** How large the buffers of an entry are at given sizes, in words: what the runtime takes for them. */
import type { EntryLayout } from '../../../runtime/webgpu/layout.ts';
import { widthOf } from '../../../shared/cache-storage.ts';
import { evaluateDim, productOf } from '../../../shared/dim.ts';
import { storageWords } from '../../../shared/quantisation.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { CAPACITY, type WebGpuPlan } from '../../../shared/webgpu.ts';

/**
 * 4-byte words of a buffer of the entry.
 * @param symbols the dims, and the capacity of caches
 * @param values of the layout's sizes
 */
export function wordsOfBuffer(
  plan: WebGpuPlan,
  layout: EntryLayout,
  index: number,
  symbols: ReadonlyMap<string, number>,
  values: Float64Array,
): number {
  const buffer = layout.plan.buffers[index]!;
  switch (buffer.kind) {
    case 'input':
      return evaluateDim(productOf(layout.inputs[buffer.port]!.dims), symbols);
    case 'output':
    case 'scratch':
    case 'watch':
      return Math.max(0, ...layout.elements[index]!.map((size) => values[size]!));
    case 'parameter': {
      const { shape, storage } = plan.parameters[buffer.parameter]!;
      return storageWords(storage, (buffer.to ?? sizeOf(shape)) - (buffer.from ?? 0));
    }
    case 'pack':
      return plan.packs[buffer.pack]!.elements;
    case 'constant': {
      const constant = plan.constants[buffer.constant]!;
      return constant.kind === 'data' ? sizeOf(constant.shape) : constant.positions * constant.dims;
    }
    case 'cache': {
      const { axis, stored } = layout.plan.cache[buffer.cache]!;
      const { dims } = layout.outputs[layout.presents[buffer.cache]!]!;
      const room = dims.map((dim, at) => (at === axis ? symbols.get(CAPACITY)! : evaluateDim(dim, symbols)));
      return (widthOf(stored) / 4) * sizeOf(room);
    }
  }
}
