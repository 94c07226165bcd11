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
import { randomStream } from './random.ts';

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
  const element = elementOf(spec, target);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = element(start + i);
  return values;
}

/** The value of each element by its index. */
function elementOf(spec: Initializer, { seed, key, shape }: InitTarget): (index: number) => number {
  const random = randomStream(seed, key);
  const uniform = (low: number, high: number) => (index: number) =>
    low + (high - low) * (random.at(index) >>> 8) * 2 ** -24; // 24 bits: what an f32 holds
  const needs = (holds: boolean, reason: string): void => {
    if (!holds) throw runtimeError('initialiser_arguments', { key, kind: spec.kind, reason });
  };
  switch (spec.kind) {
    case 'zeros':
      return () => 0;
    case 'ones':
      return () => 1;
    case 'constant':
      return () => spec.value;
    case 'arange':
      return (index) => index;
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
      return (index) => spec.mean + spec.std * normalQuantile((random.at(index) + 0.5) * 2 ** -32);
    case 'truncated_normal':
      needs(spec.std > 0, `std ${spec.std} is not above 0`);
      needs(spec.a < spec.b, `a ${spec.a} is not below b ${spec.b}`);
      return truncatedNormal(spec, (index) => (random.at(index) + 0.5) * 2 ** -32);
    default:
      return spec satisfies never;
  }
}

/** mean + std · Φ⁻¹(Φ(α) + u · (Φ(β) − Φ(α))), α = (a − mean) / std, β = (b − mean) / std, as torch's trunc_normal_. */
function truncatedNormal(
  spec: { mean: number; std: number; a: number; b: number },
  uniform: (index: number) => number,
) {
  const { mean, std, a, b } = spec;
  // in the upper tail Φ is 1 minus something tiny: work in the lower tail and reflect
  const flip = a > mean ? -1 : 1;
  const [low, high] = [normalCdf(((a - mean) / std) * flip), normalCdf(((b - mean) / std) * flip)].sort(
    (x, y) => x - y,
  ) as [number, number];
  return (index: number): number => {
    const value = mean + flip * std * normalQuantile(low + uniform(index) * (high - low));
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
