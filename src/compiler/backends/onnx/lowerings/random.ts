/**
 * random_uniform in int64 arithmetic: Range, Add, Mul and Mod, exact on every runtime (see ops/random.ts for the
 * function and for why no product overflows).
 */
import { type Dim, productOf } from '../../../../shared/dim.ts';
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

/** i64 [count]: indices 0 … count − 1, hashed under the key */
function mixed(emit: Emitter, count: Dim, key: string, rounds: readonly number[]): string {
  return rounds.reduce(
    (x, constant) => cube(emit, mod(emit, sum(emit, x, sum(emit, key, emit.index(constant))))),
    mod(emit, range(emit, count)),
  );
}

export const RANDOM: Lowerings<'random_uniform'> = {
  random_uniform: (emit, { inputs, attributes: { shape, salt } }) => {
    const seed = inputs[0]!.name;
    // the seed's digits in base p, once per graph
    const high = emit.once(`${seed} / p`, () => emit.op('Div', [seed, emit.index(FIELD)]));
    const words = [
      emit.once(`${seed} mod p`, () => mod(emit, seed)),
      emit.once(`${seed} / p mod p`, () => mod(emit, high)),
      emit.once(`${seed} / p / p mod p`, () => mod(emit, emit.op('Div', [high, emit.index(FIELD)]))),
    ];
    let key = emit.index(salt % FIELD);
    for (const word of words) {
      for (const constant of KEY_ROUNDS) {
        key = cube(emit, mod(emit, sum(emit, sum(emit, key, word), emit.index(constant))));
      }
    }
    const [columns, rows] = [shape.at(-1) ?? 1, productOf(shape.slice(0, -1))];
    const column = mixed(emit, columns, key, COLUMN_ROUNDS);
    const row = emit.op('Unsqueeze', [mixed(emit, rows, key, ROW_ROUNDS), emit.indices([1])]);
    const uniform = emit.op('Mul', [
      cast(emit, cube(emit, sum(emit, row, column)), 'f32'),
      emit.scalar(1 / UNIFORM_STEPS),
    ]);
    return [reshape(emit, uniform, [rows, columns], shape)];
  },
};
