/** What a step's `statistics` tensor says, by layer; and the watch for gradients that vanish. */
import type { HostTensor } from '../../shared/tensor.ts';
import { STATISTICS, type TrainedParameter } from '../../shared/training.ts';

export interface LayerStatistics {
  /** √Σg² */
  readonly norm: number;
  /** max |g| */
  readonly max: number;
  /** fraction of elements that are exactly 0, or underflowed to it */
  readonly zero: number;
}

export interface GradientStatistics {
  readonly norm: number;
  readonly layers: Readonly<Record<string, LayerStatistics>>;
  /** key of the first tensor with a NaN or infinity */
  readonly firstNonFinite: string | undefined;
}

/** @param tensor [trained tensors, 4], columns as STATISTICS */
export function readStatistics(trained: readonly TrainedParameter[], tensor: HostTensor): GradientStatistics {
  const data = tensor.data as Float32Array;
  const layers = new Map<string, { squares: number; max: number; zeros: number; size: number }>();
  let squares = 0;
  let firstNonFinite: string | undefined;
  trained.forEach(({ key, layer, shape }, row) => {
    const [square, max, zeros, bad] = STATISTICS.map((_, column) => data[row * STATISTICS.length + column]!);
    squares += square!;
    if (bad !== 0) firstNonFinite ??= key;
    const of = layers.get(layer) ?? { squares: 0, max: 0, zeros: 0, size: 0 };
    const size = shape.reduce((product, dim) => product * dim, 1);
    layers.set(layer, {
      squares: of.squares + square!,
      max: Math.max(of.max, max!),
      zeros: of.zeros + zeros!,
      size: of.size + size,
    });
  });
  return {
    norm: Math.sqrt(squares),
    layers: Object.fromEntries(
      [...layers].map(([layer, of]) => [
        layer,
        { norm: Math.sqrt(of.squares), max: of.max, zero: of.size === 0 ? 0 : of.zeros / of.size },
      ]),
    ),
    firstNonFinite,
  };
}

export interface VanishingOptions {
  /** gradient norm of a layer that counts as vanished */
  readonly threshold: number;
  /** steps in a row before it is reported */
  readonly patience: number;
}

export const VANISHING: VanishingOptions = { threshold: 1e-7, patience: 20 };

/**
 * Steps in a row that each layer's gradient has been below the threshold, after one more step; and the layers that
 * have just reached the patience.
 */
export function watchVanishing(
  before: Readonly<Record<string, number>>,
  { layers }: GradientStatistics,
  { threshold, patience }: VanishingOptions,
): { readonly runs: Record<string, number>; readonly vanished: readonly string[] } {
  const runs: Record<string, number> = {};
  const vanished: string[] = [];
  for (const [layer, { norm }] of Object.entries(layers)) {
    if (!(norm < threshold)) continue;
    runs[layer] = (before[layer] ?? 0) + 1;
    if (runs[layer] === patience) vanished.push(layer);
  }
  return { runs, vanished };
}
