/** rearrange: einops patterns against a naive implementation, and every way a pattern can be wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeOf, stridesOf, type WideTensor } from '../../src/shared/tensor.ts';
import { counting, evaluate, numbers, problems, program, run } from './support.ts';

/** Each side as groups of names; reads the input element by element. */
function naive(
  x: WideTensor,
  from: readonly string[][],
  to: readonly string[][],
  sizes: ReadonlyMap<string, number>,
): WideTensor {
  const size = (name: string) => sizes.get(name)!;
  const shape = to.map((group) => group.reduce((product, name) => product * size(name), 1));
  const names = to.flat();
  const inner = stridesOf(names.map(size));
  const inStrides = stridesOf(from.flat().map(size));
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, index) => {
    const at = new Map(names.map((name, i) => [name, Math.floor(index / inner[i]!) % size(name)]));
    return x.data[from.flat().reduce((offset, name, i) => offset + at.get(name)! * inStrides[i]!, 0)]!;
  });
  return { dtype: 'f32', shape, data };
}

const print = (groups: readonly string[][]) =>
  groups.map((g) => (g.length === 0 ? '1' : g.length === 1 ? g[0] : `(${g.join(' ')})`)).join(' ');

/** Some names with sizes, cut into groups on both sides, in another order on the right. */
const patterns = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.boolean()))
  .chain(([sizes, cuts]) => {
    const names = sizes.map((_, i) => 'abcde'[i]!);
    const grouped = (order: readonly string[]): string[][] => {
      const groups: string[][] = [];
      for (const name of order) {
        if (groups.length === 0 || cuts.next().value) groups.push([name]);
        else groups.at(-1)!.push(name);
        if (cuts.next().value && cuts.next().value) groups.push([]);
      }
      return groups;
    };
    const from = grouped(names);
    return fc
      .shuffledSubarray(names, { minLength: names.length })
      .map((order) => ({ from, to: grouped(order), sizes: new Map(names.map((n, i) => [n, sizes[i]!])) }));
  });

describe('patterns', () => {
  it('split, permute, merge and add axes as the naive implementation does', () => {
    fc.assert(
      fc.property(patterns, ({ from, to, sizes }) => {
        const x = counting(from.map((group) => group.reduce((product, name) => product * sizes.get(name)!, 1)));
        const given = from.flatMap((group) => group.slice(1)).map((name) => `, ${name} = ${sizes.get(name)}`);
        const actual = evaluate(`rearrange(x, "${print(from)} -> ${print(to)}"${given.join('')})`, { x });
        expect(actual).toEqual(naive(x, from, to, sizes));
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('... keeps the axes between', () => {
    const x = counting([2, 3, 4]);
    expect(evaluate('rearrange(x, "a ... -> ... a")', { x })).toEqual(
      naive(
        x,
        [['a'], ['b'], ['c']],
        [['b'], ['c'], ['a']],
        new Map([
          ['a', 2],
          ['b', 3],
          ['c', 4],
        ]),
      ),
    );
    expect(numbers(evaluate('rearrange(x, "... -> ...")', { x }))).toEqual(numbers(x));
    expect(evaluate('rearrange(x, "a b ... c -> a b c ...")', { x })).toEqual(x);
  });

  it('1 is an axis of size one, on either side', () => {
    expect(evaluate('rearrange(x, "1 a -> a")', { x: counting([1, 3]) }).shape).toEqual([3]);
    expect(evaluate('rearrange(x, "a -> 1 a 1")', { x: counting([3]) }).shape).toEqual([1, 3, 1]);
    expect(evaluate('rearrange(x, "() a -> a")', { x: counting([1, 3]) }).shape).toEqual([3]);
  });

  it('works on dynamic axes', () => {
    const text =
      'model M { entry main(x: [B, T, 6]) -> (out: [B, 2, T, 3], flat: [B * T, 6]) { (rearrange(x, "b t (h c) -> b h t c", h = 2), rearrange(x, "b t c -> (b t) c")) } }';
    const x = counting([1, 2, 6]);
    const { out, flat } = run(program(text), { x });
    expect(numbers(out)).toEqual([0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]);
    expect(flat).toEqual({ ...x, shape: [2, 6] });
  });

  it('splits a dynamic axis by one of its factors', () => {
    const text = 'model M { entry main(x: [4 * N]) -> (out: [N, 4]) { rearrange(x, "(n four) -> n four", four = 4) } }';
    expect(run(program(text), { x: counting([8]) }).out!.shape).toEqual([2, 4]);
  });

  it('leaves no node behind where nothing moves', () => {
    const text = 'model M { entry main(x: [B, 2]) -> (out: [B, 2]) { rearrange(x, "a b -> a b") } }';
    expect(program(text).entry('main')!.graph.nodes).toEqual([]);
  });
});

describe('mistakes', () => {
  const wrong = (pattern: string, sizes = '') =>
    problems(`model M { entry main(x: [2, 6]) -> (out: [...]) { rearrange(x, "${pattern}"${sizes}) } }`);

  it.each<[string, string, string]>([
    ['a b', '', 'E0306 the pattern "a b" needs one -> between its two sides'],
    ['a b -> b -> a', '', 'E0306 the pattern "a b -> b -> a" needs one -> between its two sides'],
    ['a a -> a', '', 'E0306 a stands twice on the left side'],
    ['a b -> a b a', '', 'E0306 a stands twice on the right side'],
    ['a b -> a', '', 'E0306 b is on the left side and not on the right'],
    ['a b -> a b c', '', 'E0306 c is on the right side and not on the left'],
    ['a (b -> a b', '', 'E0306 a ( of the pattern is never closed'],
    ['a b) -> a b', '', 'E0306 a ) of the pattern closes nothing'],
    ['a ((b)) -> a b', '', 'E0306 parentheses of a pattern do not nest'],
    ['a b + -> a b', '', 'E0306 "+" does not belong in a pattern'],
    ['a 2 -> a', '', 'E0306 "2" does not belong in a pattern'],
    ['(a ...) -> a ...', '', 'E0306 ... stands outside of parentheses'],
    ['... a ... -> a ...', '', 'E0306 ... stands twice on the left side'],
    ['a -> a', '', 'E0307 the pattern names 1 axes and the tensor [2, 6] has 2'],
    ['a b c ... -> a b c ...', '', 'E0307 the pattern names at least 3 axes and the tensor [2, 6] has 2'],
    ['a (b c) -> a b c', '', 'E0307 the sizes of b and c in (b c) are both unknown; give one of them, as in b = 8'],
    ['a (b c) -> a b c', ', b = 4', 'E0307 axis 1 is 6 and does not divide into (b c) with b = 4'],
    ['a (b c) -> a b c', ', b = 2, c = 2', 'E0307 axis 1 is 6 and the pattern says (b c) = 4'],
    ['a b -> b a', ', b = 5', 'E0307 axis 1 is 6 and the pattern says b = 5'],
    ['1 b -> b', '', 'E0307 axis 0 is 2 and the pattern says size 1'],
    ['a b -> b a', ', c = 5', 'E0204 the pattern "a b -> b a" takes no argument named c'],
    ['a (b c) -> a b c', ', b = 2.5', 'E0201 the size of b must be an int and is the float 2.5'],
    ['a (b c) -> a b c', ', b = 0', 'E0307 axis 1 is 6 and does not divide into (b c) with b = 0'],
    ['a (b c) -> a b c', ', b = -2', 'E0302 a dimension must be an integer of at least 0, and -2 is not'],
  ])('%s%s', (pattern, sizes, problem) => {
    expect(wrong(pattern, sizes)).toEqual([problem]);
  });
});
