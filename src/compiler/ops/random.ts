/**
 * Random numbers by counter: an element is a function of (seed, salt, its row, its column) and of nothing else, so a
 * mask can be made again in the backward pass, after a restart, on another target. Rows are all axes but the last.
 *
 *   key    = the words of seed and salt, absorbed by rounds of x ↦ (x + word + constant)³ mod p
 *   R, C   = row and column index, mixed by four rounds x ↦ (x + key + constant)³ mod p each
 *   hash   = (R + C)³ mod p
 *
 * The round is that of MiMC, a cipher over a prime field (Albrecht et al. 2016, "MiMC", section 2.1; cubing is a
 * permutation because 3 does not divide p − 1). Mixing rows and columns first leaves two divisions per element. With
 * p just below 2²⁴ every product is below 2⁵⁰, exact in int64 and in float64, and a hash is exact in f32; so all targets
 * agree to the bit. It decorrelates masks; it is not for secrets. Rows or columns p apart repeat.
 */
import type { Shape } from '../../shared/dim.ts';
import { productOf } from '../../shared/dim.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { Op, Operand } from './declare.ts';
import { expectDType, I64 } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { staticShape, wide } from './strided.ts';

export interface RandomOps {
  /** (seed i64 scalar) → f32 of this shape in [0, 1), by counter; salt tells places of one model apart */
  random_uniform: Op<readonly [seed: Operand], { readonly shape: Shape; readonly salt: number }>;
}

/** p = 2²⁴ − 17: the largest prime below 2²⁴ with p − 1 not divisible by 3 */
export const FIELD = 16777199;
/** Constants of the rounds that absorb one word into the key, that mix a row, that mix a column: digits of e. */
export const KEY_ROUNDS: readonly number[] = [2718281, 8284590, 4523536];
export const ROW_ROUNDS: readonly number[] = [287471, 3526624, 9775724, 7093699];
export const COLUMN_ROUNDS: readonly number[] = [9595749, 6696762, 7724076, 6303535];
/** A hash over 2²⁴ is the number: below 1, and exact in f32. */
export const UNIFORM_STEPS = 2 ** 24;

/** x³ mod p for x below 2p; every intermediate is below 2⁵⁰. */
function cube(x: number): number {
  return (((x * x) % FIELD) * x) % FIELD;
}

/** The words of a seed below 2⁵³: its digits in base p. */
function keyOf(seed: number, salt: number): number {
  let key = salt % FIELD;
  const high = Math.floor(seed / FIELD);
  for (const word of [seed % FIELD, high % FIELD, Math.floor(high / FIELD) % FIELD]) {
    for (const constant of KEY_ROUNDS) key = cube((key + word + constant) % FIELD);
  }
  return key;
}

function mixed(count: number, key: number, rounds: readonly number[]): Float64Array {
  return Float64Array.from({ length: count }, (_, index) =>
    rounds.reduce((x, constant) => cube((x + key + constant) % FIELD), index % FIELD),
  );
}

export const RANDOM: Family<RandomOps> = {
  random_uniform: {
    name: 'random_uniform',
    doc: 'Numbers in [0, 1), multiples of 2⁻²⁴, by a hash of (seed, salt, row, column): the same on every target. seed is an i64 scalar from 0 to 2⁵³ − 1.',
    operands: [{ name: 'seed' }],
    traits: {},
    infer(inputs, { shape, salt }) {
      const seed = expectDType('random_uniform', inputs, 0, 'seed', I64);
      if (seed.shape.length > 0) {
        throw new TypeRuleError(`random_uniform takes a scalar seed and got one of rank ${seed.shape.length}`, [
          { operand: 0, label: `has rank ${seed.shape.length}` },
        ]);
      }
      if (!Number.isSafeInteger(salt) || salt < 0) {
        throw new TypeRuleError(`random_uniform takes an integer of at least 0 as salt and got ${salt}`);
      }
      productOf(shape);
      return [{ dtype: 'f32', shape }];
    },
    evaluate([seed], { shape, salt }) {
      const target = staticShape(shape);
      const out = new Float64Array(sizeOf(target));
      const value = seed.data[0]!;
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new Error(`random_uniform got seed ${value}, which must be at least 0`);
      }
      const key = keyOf(value, salt);
      const columns = mixed(target.at(-1) ?? 1, key, COLUMN_ROUNDS);
      const rows = mixed(sizeOf(target.slice(0, -1)), key, ROW_ROUNDS);
      let at = 0;
      for (const row of rows) for (const column of columns) out[at++] = cube(row + column) / UNIFORM_STEPS;
      return [wide('f32', target, out)];
    },
  },
};
