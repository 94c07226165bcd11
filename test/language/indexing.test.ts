/** Indexing and slicing of tensors: ints and ranges against a naive implementation, dynamic bounds, mistakes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stridesOf, type WideTensor } from '../../src/shared/tensor.ts';
import { counting, evaluate, numbers, problems, program, run } from './support.ts';

type Range = { readonly from: number | undefined; readonly to: number | undefined; readonly step?: number };
type Item = { readonly at: number } | Range;

const print = (item: Item): string =>
  'at' in item ? String(item.at) : `${item.from ?? ''}:${item.to ?? ''}${item.step ? `:${item.step}` : ''}`;

function naive(x: WideTensor, items: readonly Item[]): WideTensor {
  const strides = stridesOf(x.shape);
  const picked = x.shape.map((size, axis) => {
    const item: Item = items[axis] ?? { from: undefined, to: undefined };
    const all = Array.from({ length: size }, (_, i) => i);
    return 'at' in item
      ? [all.at(item.at)!]
      : all.slice(item.from ?? 0, item.to ?? size).filter((_, i) => i % (item.step ?? 1) === 0);
  });
  const shape = picked.flatMap((list, axis) => (items[axis] && 'at' in items[axis] ? [] : [list.length]));
  let offsets = [0];
  picked.forEach((list, axis) => {
    offsets = offsets.flatMap((offset) => list.map((i) => offset + i * strides[axis]!));
  });
  return { dtype: 'f32', shape, data: Float64Array.from(offsets, (offset) => x.data[offset]!) };
}

const itemOf = (size: number): fc.Arbitrary<Item> =>
  fc.oneof(
    fc.integer({ min: -size, max: size - 1 }).map((at): Item => ({ at })),
    fc
      .tuple(
        fc.integer({ min: 0, max: size }),
        fc.integer({ min: 0, max: size }),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 3 }),
      )
      .map(([a, b, open, negative, step]): Item => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        return {
          from: open ? undefined : negative && from < size ? from - size : from,
          to: to === size && open ? undefined : to,
          ...(step > 0 ? { step } : {}),
        };
      }),
  );

describe('ints and ranges', () => {
  it('pick what the naive implementation picks', () => {
    const cases = fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
      .chain((shape) =>
        fc
          .integer({ min: 1, max: shape.length })
          .chain((count) => fc.tuple(fc.constant(shape), fc.tuple(...shape.slice(0, count).map(itemOf)))),
      );
    fc.assert(
      fc.property(cases, ([shape, items]) => {
        const x = counting(shape);
        expect(evaluate(`x[${items.map(print).join(', ')}]`, { x })).toEqual(naive(x, items));
      }),
      { numRuns: 200, seed: 11 },
    );
  });

  it('... stands for the axes between', () => {
    const x = counting([2, 3, 4]);
    expect(numbers(evaluate('x[..., 0]', { x }))).toEqual([0, 4, 8, 12, 16, 20]);
    expect(numbers(evaluate('x[1, ..., -1]', { x }))).toEqual([15, 19, 23]);
    expect(evaluate('x[...]', { x })).toEqual(x);
    expect(evaluate('x[0, ..., 0, 0]', { x }).shape).toEqual([]);
  });

  it('several indices follow each other', () => {
    expect(numbers(evaluate('x[1][2][3]', { x: counting([2, 3, 4]) }))).toEqual([23]);
  });

  it('bounds are computed at compile time', () => {
    const text = 'config c { n = 3 }\nmodel M { entry main(x: [6]) -> (out: [_]) { x[n - 2:2 * n - 1] } }';
    expect(numbers(run(program(text), { x: counting([6]) }).out)).toEqual([1, 2, 3, 4]);
  });
});

describe('dynamic axes', () => {
  it('count from the end and leave a computed size', () => {
    const text =
      'model M { entry main(x: [B, T]) -> (a: [B, T - 1], b: [B, T - 1], last: [B]) { (x[:, 1:], x[:, :-1], x[:, -1]) } }';
    const { a, b, last } = run(program(text), { x: counting([2, 3]) });
    expect([numbers(a), numbers(b), numbers(last)]).toEqual([
      [1, 2, 4, 5],
      [0, 1, 3, 4],
      [2, 5],
    ]);
  });

  it('take dimensions as bounds', () => {
    const text = 'model M { entry main(x: [P + T], y: [T]) -> (past: [P], now: [T]) { (x[:P], x[P:] + 0 * y) } }';
    const { past, now } = run(program(text), { x: counting([5]), y: counting([2]) });
    expect([numbers(past), numbers(now)]).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });
});

describe('mistakes', () => {
  it.each<[string, string]>([
    ['x[2]', 'E0302 index 2 is outside of axis 0 of [2, 3]'],
    ['x[-3]', 'E0302 index -3 is outside of axis 0 of [2, 3]'],
    ['x[0, 0, 0]', 'E0302 3 indices are too many for [2, 3]'],
    ['x[:, 2:1]', 'E0302 the range 2:1 is outside of axis 1 of [2, 3]'],
    ['x[:, :4]', 'E0302 the range 0:4 is outside of axis 1 of [2, 3]'],
    ['x[..., ...]', 'E0302 an index may have one ...'],
    ['x[1.5]', 'E0201 an index must be an int and is the float 1.5'],
  ])('%s', (expression, problem) => {
    expect(problems(`model M { entry main(x: [2, 3]) -> (out: [...]) { ${expression} } }`)).toEqual([problem]);
  });

  it.each<[string, string]>([
    ['x[::0]', 'E0201 the step of a range must be an int of at least 1 and is 0'],
    ['x[::-1]', 'E0201 the step of a range must be an int of at least 1 and is -1'],
    ['x[::T]', 'E0201 the step of a range must be known at compile time and is a dynamic dimension'],
  ])('%s', (expression, problem) => {
    expect(problems(`model M { entry main(x: [T]) -> (out: [...]) { ${expression} } }`)).toEqual([problem]);
  });

  it('a step has to divide a dynamic length', () => {
    expect(problems('model M { entry main(x: [T, 2]) -> (out: [...]) { x[::2] } }')).toEqual([
      'E0302 slice with a step of 2 needs a length that it divides, and axis 0 gives T',
    ]);
  });
});
