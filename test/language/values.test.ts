/** Compile-time values: numbers, strings, lists, ranges, comprehensions, conditionals. */
import { describe, expect, it } from 'vitest';
import { constant, problems, program } from './support.ts';

describe('numbers', () => {
  it.each<[string, number]>([
    ['7', 7],
    ['1_000', 1000],
    ['1e-5', 1e-5],
    ['2.50', 2.5],
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['10 - 4 - 3', 3],
    ['24 / 4 / 2', 3],
    ['7 / 2', 3.5],
    ['7 % 3', 1],
    ['-7 % 3', 2],
    ['7.5 % 2', 1.5],
    ['2 ** 10', 1024],
    ['2 ** 3 ** 2', 512],
    ['-2 ** 2', -4],
    ['2 ** -1', 0.5],
    ['--3', 3],
    ['4 ** 0.5', 2],
    ['int(3.9)', 3],
    ['int(-3.9)', -3],
    ['int(true)', 1],
    ['floor(-3.1)', -4],
    ['ceil(3.1)', 4],
    ['round(2.6)', 3],
    ['round(2.5)', 2],
    ['round(-3.5)', -4],
    ['float(3)', 3],
    ['sqrt(16)', 4],
    ['log(1)', 0],
    ['exp(0)', 1],
    ['max(3, 7)', 7],
    ['min(3, 7, 5)', 3],
    ['len([1, 2, 3])', 3],
  ])('%s is %d', (expression, value) => {
    expect(constant(expression)).toBe(value);
  });

  it.each<[string, number[]]>([
    ['pair(3)', [3, 3]],
    ['pair([3, 5])', [3, 5]],
    ['range(7)[1:6:2]', [1, 3, 5]],
    ['range(4)[::3]', [0, 3]],
  ])('%s', (expression, values) => {
    expect(constant(expression)).toEqual(values);
  });

  const width = (expression: string) => `model M { param w: [${expression}] = zeros() }`;

  it.each(['8', '24 / 3', '4 * 2', '2 ** 3', '20 % 12', 'int(8.9)', '-(-8)'])(
    '%s is an int: a dimension',
    (expression) => {
      expect(program(width(expression)).parameters.get('w')!.shape).toEqual([8]);
    },
  );

  it('a division with a remainder is no dimension', () => {
    expect(problems(width('10 / 4'))).toEqual(['E0210 a dimension must be a whole number, and 10 / 4 is 2.5']);
    expect(problems(width('10 / 4 + 1'))).not.toEqual([]);
  });

  it('a float is no dimension, whatever its value', () => {
    expect(problems(width('8.0'))).toEqual(['E0201 a dimension of w must be an int and is the float 8']);
    expect(problems(width('sqrt(64)'))).toHaveLength(1);
  });

  it('a dimension is at least 1', () => {
    expect(problems(width('0'))).toEqual(['E0201 a dimension of w must be at least 1 and is 0']);
    expect(problems(width('-4'))).toHaveLength(1);
  });

  it('nothing divides by zero', () => {
    for (const expression of ['1 / 0', '1 % 0', '1.5 / 0'])
      expect(problems(width(expression))).toEqual(['E0211 this divides by zero']);
  });
});

describe('truth', () => {
  it.each<[string, boolean]>([
    ['true', true],
    ['not true', false],
    ['not not true', true],
    ['3 < 4', true],
    ['3 >= 4', false],
    ['3 <= 3', true],
    ['3 > 3', false],
    ['3 == 3.0', true],
    ['3 != 3', false],
    ['"a" == "a"', true],
    ['"a" != "b"', true],
    ['none == none', true],
    ['1 == none', false],
    ['true and false', false],
    ['true or false', true],
    ['false and true or true', true],
    ['not false and false', false],
    ['1 + 1 == 2 and 2 < 3', true],
    ['bool(0)', false],
    ['bool(2)', true],
  ])('%s is %s', (expression, value) => {
    expect(constant(expression)).toBe(value);
  });

  it('and and or stop early', () => {
    expect(constant('false and 1 / 0 == 1')).toBe(false);
    expect(constant('true or 1 / 0 == 1')).toBe(true);
  });

  it('only bools are conditions', () => {
    expect(problems('config c { v = 1 when 1 else 2 }\nmodel M { let x = v }')).toEqual([
      'E0201 a condition must be true or false and is the int 1',
    ]);
  });
});

describe('strings and lists', () => {
  it.each<[string, unknown]>([
    ['"a\\"b\\\\c\\n"', 'a"b\\c\n'],
    ['"a" + "b"', 'ab'],
    ['[]', []],
    ['[1, 2.5, "x", true, none]', [1, 2.5, 'x', true, null]],
    ['[1, 2,]', [1, 2]],
    ['(1, 2)', [1, 2]],
    ['(1)', 1],
    ['[1, 2] + [3]', [1, 2, 3]],
    ['[10, 20, 30][0]', 10],
    ['[10, 20, 30][-1]', 30],
    ['[10, 20, 30][1:]', [20, 30]],
    ['[10, 20, 30][:-1]', [10, 20]],
    ['[[1, 2], [3]][0][1]', 2],
    ['range(4)', [0, 1, 2, 3]],
    ['range(2, 5)', [2, 3, 4]],
    ['range(3, 3)', []],
    ['range(0)', []],
    ['[i * i for i in range(4)]', [0, 1, 4, 9]],
    ['[i for i in range(6) if i % 2 == 1]', [1, 3, 5]],
    ['[a * b for a, b in [[1, 2], [3, 4]]]', [2, 12]],
    [
      '[[i + j for j in range(2)] for i in range(2)]',
      [
        [0, 1],
        [1, 2],
      ],
    ],
    ['[i for i in []]', []],
    ['["x" when i == 1 else "y" for i in range(3)]', ['y', 'x', 'y']],
  ])('%s', (expression, value) => {
    expect(constant(expression)).toEqual(value);
  });

  it('an index stays inside', () => {
    expect(problems('model M { let x = [1, 2][2] }')).toEqual([
      'E0213 index 2 is outside of a list of 2 items, which are counted from 0',
    ]);
    expect(problems('model M { let x = [1, 2][-3] }')).toEqual([
      'E0213 index -3 is outside of a list of 2 items, which are counted from 0',
    ]);
  });

  it('operators say what they got', () => {
    expect(problems('model M { let x = 1 + "a" }')).toEqual(['E0202 + does not apply to the int 1 and the string "a"']);
    expect(problems('model M { let x = -"a" }')).toHaveLength(1);
    expect(problems('model M { let x = not 3 }')).toHaveLength(1);
  });
});

describe('conditionals', () => {
  it.each<[string, number]>([
    ['1 when true else 2', 1],
    ['1 when false else 2', 2],
    ['1 when false else 2 when false else 3', 3],
    ['1 when false else 2 when true else 3', 2],
    ['(1 when true else 2) + 10', 11],
    ['1 when 2 > 1 and not false else 2', 1],
  ])('%s is %d', (expression, value) => {
    expect(constant(expression)).toBe(value);
  });

  it('the branch not taken is not evaluated', () => {
    expect(constant('1 when true else 1 / 0')).toBe(1);
  });

  it('a value needs its else', () => {
    expect(problems('model M { let x = 1 when false }')).toEqual([
      'E0209 the condition is false and there is no else, so this has no value',
    ]);
  });
});
