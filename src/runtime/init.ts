/**
 * First values of parameters, reproducible to the bit.
 *
 * Element i of a parameter depends on (seed, key, i) only: not on the other parameters, not on the chunk it was
 * made in. So adding a module to a model leaves the numbers of all others as they were, and a 16 GB model can be
 * initialised piece by piece.
 */
import type { Initializer } from '../shared/initializer.ts';
import { sizeOf } from '../shared/tensor.ts';
import { runtimeError } from './errors.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { type RandomStream, randomStream } from './random.ts';

export interface InitTarget {
  /** an integer from 0 to 2^53 − 1 */
  readonly seed: number;
  /** the parameter's checkpoint key */
  readonly key: string;
  readonly shape: readonly number[];
}

/**
 * Elements start … start + count − 1 (row-major; all of them unless told otherwise).
 * @throws RuntimeError R0701 (no fan_in), R0702 (arguments), R0703 (range), R0704 (seed)
 */
export function initialise(
  spec: Initializer,
  target: InitTarget,
  start = 0,
  count = sizeOf(target.shape) - start,
): Float32Array {
  const { seed, key, shape } = target;
  if (!Number.isSafeInteger(seed) || seed < 0) throw runtimeError('seed', { seed });
  const size = sizeOf(shape);
  if (
    !(Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 && count >= 0 && start + count <= size)
  ) {
    throw runtimeError('element_range', { key, start, count, size });
  }
  const values = new Float32Array(count);
  fillerOf(spec, target)(values, start);
  return values;
}

/** Fills with the elements from `start` on. */
type Filler = (values: Float32Array, start: number) => void;

function fillerOf(spec: Initializer, { seed, key, shape }: InitTarget): Filler {
  const drawn = (element: (word: number) => number) => byWord(randomStream(seed, key), element);
  const uniform = (low: number, high: number): Filler => drawn((word) => low + (high - low) * (word >>> 8) * 2 ** -24); // 24 bits: what an f32 holds
  const needs = (holds: boolean, reason: string): void => {
    if (!holds) throw runtimeError('initialiser_arguments', { key, kind: spec.kind, reason });
  };
  switch (spec.kind) {
    case 'zeros':
      return () => {};
    case 'ones':
      return (values) => void values.fill(1);
    case 'constant':
      return (values) => void values.fill(spec.value);
    case 'arange':
      return (values, start) => {
        for (let i = 0; i < values.length; i++) values[i] = start + i;
      };
    case 'uniform':
      needs(spec.low <= spec.high, `low ${spec.low} is above high ${spec.high}`);
      return uniform(spec.low, spec.high);
    case 'kaiming_uniform': {
      const bound = Math.sqrt(6 / ((1 + spec.a * spec.a) * fans(shape, key, spec.kind).fanIn));
      return uniform(-bound, bound);
    }
    case 'xavier_uniform': {
      const { fanIn, fanOut } = fans(shape, key, spec.kind);
      const bound = spec.gain * Math.sqrt(6 / (fanIn + fanOut));
      return uniform(-bound, bound);
    }
    case 'normal':
      needs(spec.std >= 0, `std ${spec.std} is below 0`);
      return drawn((word) => spec.mean + spec.std * normalQuantile((word + 0.5) * 2 ** -32));
    case 'truncated_normal':
      needs(spec.std > 0, `std ${spec.std} is not above 0`);
      needs(spec.a < spec.b, `a ${spec.a} is not below b ${spec.b}`);
      return drawn(truncatedNormal(spec, (word) => (word + 0.5) * 2 ** -32));
    default:
      return spec satisfies never;
  }
}

/** Words of a stream that are drawn at once: 256 KiB of them. */
const DRAWN = 1 << 16;

/** Each element from its word of the stream. */
function byWord(random: RandomStream, element: (word: number) => number): Filler {
  return (values, start) => {
    const words = new Uint32Array(Math.min(DRAWN, values.length));
    for (let from = 0; from < values.length; from += DRAWN) {
      const own = words.subarray(0, values.length - from);
      random.fill(own, start + from);
      for (let i = 0; i < own.length; i++) values[from + i] = element(own[i]!);
    }
  };
}

/** mean + std · Φ⁻¹(Φ(α) + u · (Φ(β) − Φ(α))), α = (a − mean) / std, β = (b − mean) / std, as torch's trunc_normal_. */
function truncatedNormal(spec: { mean: number; std: number; a: number; b: number }, uniform: (word: number) => number) {
  const { mean, std, a, b } = spec;
  // in the upper tail Φ is 1 minus something tiny: work in the lower tail and reflect
  const flip = a > mean ? -1 : 1;
  const [low, high] = [normalCdf(((a - mean) / std) * flip), normalCdf(((b - mean) / std) * flip)].sort(
    (x, y) => x - y,
  ) as [number, number];
  return (word: number): number => {
    const value = mean + flip * std * normalQuantile(low + uniform(word) * (high - low));
    return Math.min(b, Math.max(a, value));
  };
}

function fans(
  shape: readonly number[],
  key: string,
  kind: string,
): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2 || shape.includes(0)) throw runtimeError('initialiser_fan_in', { key, kind, shape });
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}
