/**
 * random_uniform in int64 arithmetic: Range, Add, Mul and Mod, exact on every runtime (see ops/random.ts for the
 * function and for why no product overflows).
 *
 * What is small is done for all masks of a seed at once, with the masks along a leading axis: the keys [masks], and the
 * mixed indices of masks with equally many rows or columns [masks, count]. A mask for itself has seven nodes, not 130.
 */
import { type Dim, printDim, productOf } from '../../../../shared/dim.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import { COLUMN_ROUNDS, FIELD, KEY_ROUNDS, ROW_ROUNDS, UNIFORM_STEPS } from '../../../ops/random.ts';
import type { Emitter } from '../emitter.ts';
import { range, reshape } from '../shapes.ts';
import { cast, type Lowerings } from './rule.ts';

const mod = (emit: Emitter, x: string): string => emit.op('Mod', [x, emit.index(FIELD)]);
const sum = (emit: Emitter, x: string, y: string): string => emit.op('Add', [x, y]);

/** x³ mod p */
function cube(emit: Emitter, x: string): string {
  return mod(emit, emit.op('Mul', [mod(emit, emit.op('Mul', [x, x])), x]));
}

type Mask = OpAttributes['random_uniform'];

const columnsOf = ({ shape }: Mask): Dim => shape.at(-1) ?? 1;
const rowsOf = ({ shape }: Mask): Dim => productOf(shape.slice(0, -1));
/** A mask may be drawn twice: again in the backward part. */
const saltsOf = (masks: readonly Mask[]): number[] => [...new Set(masks.map(({ salt }) => salt))];

/** i64 [salts]: the seed's digits in base p, absorbed into each salt */
function keys(emit: Emitter, seed: string, salts: readonly number[]): string {
  return emit.shared(`keys ${seed}`, () => {
    const high = emit.op('Div', [seed, emit.index(FIELD)]);
    const words = [mod(emit, seed), mod(emit, high), mod(emit, emit.op('Div', [high, emit.index(FIELD)]))];
    let key = emit.indices(salts.map((salt) => salt % FIELD));
    for (const word of words) {
      for (const constant of KEY_ROUNDS) {
        key = cube(emit, mod(emit, sum(emit, sum(emit, key, word), emit.index(constant))));
      }
    }
    return key;
  });
}

interface Indices {
  /** names the axis in the shared values: `rows` or `columns` */
  readonly axis: string;
  readonly countOf: (mask: Mask) => Dim;
  readonly rounds: readonly number[];
}

const ROWS: Indices = { axis: 'rows', countOf: rowsOf, rounds: ROW_ROUNDS };
const COLUMNS: Indices = { axis: 'columns', countOf: columnsOf, rounds: COLUMN_ROUNDS };

/** i64 [count]: indices 0 … count − 1, hashed under the mask's key */
function mixed(
  emit: Emitter,
  seed: string,
  mask: Mask,
  masks: readonly Mask[],
  { axis, countOf, rounds }: Indices,
): string {
  const count = countOf(mask);
  const all = saltsOf(masks);
  const alike = saltsOf(masks.filter((other) => printDim(countOf(other)) === printDim(count)));
  const hashed = emit.shared(`${axis} ${printDim(count)} ${seed}`, () => {
    const every = keys(emit, seed, all);
    const own =
      alike.length === all.length
        ? every
        : pick(
            emit,
            every,
            alike.map((salt) => all.indexOf(salt)),
          );
    const key = emit.op('Unsqueeze', [own, emit.indices([1])]);
    return rounds.reduce(
      (x, constant) => cube(emit, mod(emit, sum(emit, x, sum(emit, key, emit.index(constant))))),
      mod(emit, range(emit, count)),
    );
  });
  return emit.op('Gather', [hashed, emit.index(alike.indexOf(mask.salt))], { axis: 0 });
}

const pick = (emit: Emitter, x: string, at: readonly number[]): string =>
  emit.op('Gather', [x, emit.indices(at)], { axis: 0 });

export const RANDOM: Lowerings<'random_uniform'> = {
  random_uniform: (emit, { inputs, attributes, siblings }) => {
    const seed = inputs[0].name;
    const column = mixed(emit, seed, attributes, siblings, COLUMNS);
    const row = emit.op('Unsqueeze', [mixed(emit, seed, attributes, siblings, ROWS), emit.indices([1])]);
    const uniform = emit.op('Mul', [
      cast(emit, cube(emit, sum(emit, row, column)), 'f32'),
      emit.scalar(1 / UNIFORM_STEPS),
    ]);
    return [reshape(emit, uniform, [rowsOf(attributes), columnsOf(attributes)], attributes.shape)];
  },
};
