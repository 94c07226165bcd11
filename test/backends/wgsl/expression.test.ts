/** Expressions of kernels: what types they take, how they are printed, and that parentheses keep their meaning and no more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BinaryOperator,
  binary,
  bitcast,
  builtin,
  call,
  chain,
  component,
  converted,
  type Expression,
  element,
  isPlain,
  literal,
  mentions,
  select,
  unary,
  variable,
  vector,
} from '../../../src/compiler/backends/wgsl/text/expression.ts';
import { library } from '../../../src/compiler/backends/wgsl/text/library.ts';
import { Name } from '../../../src/compiler/backends/wgsl/text/name.ts';
import { code, type Piece, wgsl } from '../../../src/compiler/backends/wgsl/text/wgsl.ts';

const text = (piece: Piece): string => code(piece).print(({ hint }) => hint);
const u32 = (number: number): Expression => literal('u32', number);
const f32 = (number: number): Expression => literal('f32', number);
const [x, y] = ['x', 'y'].map((hint) => variable(new Name(hint), 'f32')) as [Expression, Expression];
const [i, j] = ['i', 'j'].map((hint) => variable(new Name(hint), 'u32')) as [Expression, Expression];
const [a, b, c] = ['a', 'b', 'c'].map((hint) => variable(new Name(hint), 'bool')) as [
  Expression,
  Expression,
  Expression,
];

describe('what is printed', () => {
  const weights = new Name('weights');
  it.each([
    [binary('*', binary('+', x, f32(1)), y), '(x + 1.0) * y'],
    [binary('+', x, binary('*', f32(1), y)), 'x + 1.0 * y'],
    // sums of f32 are in the order that they are written in
    [binary('+', x, binary('+', y, x)), 'x + (y + x)'],
    [chain('-', [x, y, f32(2)]), 'x - y - 2.0'],
    [binary('-', x, binary('-', y, x)), 'x - (y - x)'],
    [binary('%', binary('/', i, u32(4)), j), 'i / 4u % j'],
    [binary('/', i, binary('*', j, u32(2))), 'i / (j * 2u)'],
    // WGSL takes no sum beside a shift, and no comparison beside another
    [binary('>>', binary('+', i, j), u32(2)), '(i + j) >> 2u'],
    [binary('+', binary('>>', i, u32(2)), j), '(i >> 2u) + j'],
    [binary('==', binary('<', x, y), a), '(x < y) == a'],
    [binary('==', binary('&', i, u32(3)), j), '(i & 3u) == j'],
    // && and || are not mixed, and are associative
    [binary('||', binary('&&', a, b), c), '(a && b) || c'],
    [binary('&&', a, binary('&&', b, c)), 'a && b && c'],
    [binary('&&', binary('<', i, j), binary('>=', x, y)), 'i < j && x >= y'],
    [unary('!', binary('||', a, b)), '!(a || b)'],
    [unary('!', library('is_nan', [x])), '!is_nan(x)'],
    [unary('-', f32(-1)), '-(-1.0)'],
    [unary('-', binary('*', x, y)), '-(x * y)'],
    [binary('*', f32(-0.5), f32(-0.5)), '-0.5 * -0.5'],
    [literal('i32', -3), 'i32(-3)'],
    [literal('bool', 1), 'true'],
    [f32(-0), '0.0'],
    [f32(1e-7), '1.0000000116860974e-7'],
    [select(f32(0), x, a), 'select(0.0, x, a)'],
    [element(weights, binary('+', i, u32(1)), 'f32'), 'weights[i + 1u]'],
    [component(element(weights, i, 'vec4f'), 2), 'weights[i].z'],
    [element(call('widen2', [element(weights, i, 'half2')], 'vec2f'), j, 'f32'), 'widen2(weights[i])[j]'],
    [vector([x, y, x, binary('+', x, y)]), 'vec4f(x, y, x, x + y)'],
    [bitcast('u32', binary('+', x, y)), 'bitcast<u32>(x + y)'],
  ])('%#: %o', (of, expected) => {
    expect(text(of)).toBe(expected);
  });

  it('is an operand in a template', () => {
    expect(text(wgsl`${binary('+', i, j)} * 2u`)).toBe('(i + j) * 2u');
    expect(text(wgsl`f(${f32(-1)}, ${i})`)).toBe('f((-1.0), i)');
  });
});

describe('types', () => {
  it.each<[string, () => Expression]>([
    ['a sum of numbers and integers', () => binary('+', x, i)],
    ['a sum of truth values', () => binary('+', a, b)],
    ['a number and a truth value', () => binary('&&', a, x)],
    ['a shift by i32', () => binary('<<', i, literal('i32', 1))],
    ['a comparison of two types', () => binary('<', i, literal('i32', 1))],
    ['minus of u32', () => unary('-', i)],
    ['not of a number', () => unary('!', x)],
    ['a choice of two types', () => select(x, i, a)],
    ['a choice by a number', () => select(x, y, i)],
    ['a position that is no u32', () => element(new Name('weights'), x, 'f32')],
    ['a component of one number', () => component(x, 0)],
    ['a vector of two types', () => vector([x, x, x, i])],
    ['the larger of two types', () => builtin('max', [x, i])],
    ['a function of the library of integers', () => library('exp_of', [i])],
    ['a number that is not finite', () => f32(Number.NaN)],
  ])('%s is no expression', (_, make) => {
    expect(make).toThrow(/has no type in WGSL|takes f32|is no constant/);
  });

  it('comparisons are bool, conversions what they say, functions of the library what they give', () => {
    const types = [binary('<', x, y), converted('i32', x), library('is_nan', [x]), library('cube_mod', [i])];
    expect(types.map(({ type }) => type)).toEqual(['bool', 'i32', 'bool', 'u32']);
  });
});

describe('questions', () => {
  it('equal expressions have equal keys, others have not', () => {
    const make = (by: number) => binary('*', binary('+', x, y), f32(by));
    expect(make(2).key).toBe(make(2).key);
    const keys = [
      make(2),
      make(3),
      binary('+', x, binary('*', y, f32(2))),
      binary('*', y, f32(2)),
      literal('i32', 2),
      u32(2),
    ];
    expect(new Set(keys.map(({ key }) => key)).size).toBe(keys.length);
  });

  it('names in it, those of functions and buffers too', () => {
    const [of, buffer] = [new Name('of'), new Name('buffer')];
    const value = call(of, [element(buffer, i, 'f32'), f32(1)], 'f32');
    const has = (hint: string) => mentions(value, (name) => name.hint === hint);
    expect(['of', 'buffer', 'i', 'x'].map(has)).toEqual([true, true, true, false]);
  });

  it('an element at a name stays where it is, one at a sum does not', () => {
    const at = (index: Expression) => element(new Name('weights'), index, 'vec4f');
    expect([at(i), component(at(u32(1)), 1), at(binary('+', i, j)), binary('+', x, y)].map(isPlain)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

/** Numbers of u32 that JavaScript computes alike: it reads the same operators, and binds them as tightly where WGSL lets them meet. */
const numbers = fc.letrec<{ number: Expression; truth: Expression }>((tie) => ({
  number: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.integer({ min: 1, max: 9 }).map(u32),
    fc
      .tuple(
        fc.constantFrom<BinaryOperator>('+', '-', '*', '/', '%', '&', '|', '<<', '>>'),
        tie('number'),
        tie('number'),
      )
      .map(([operator, left, right]) => binary(operator, left, right)),
    fc.tuple(tie('number'), tie('number'), tie('truth')).map(([no, yes, condition]) => select(no, yes, condition)),
  ),
  truth: fc.oneof(
    { depthSize: 'medium' },
    fc.constantFrom(literal('bool', 0), literal('bool', 1)),
    fc
      .tuple(fc.constantFrom<BinaryOperator>('<', '<=', '>', '>=', '==', '!='), tie('number'), tie('number'))
      .map(([operator, left, right]) => binary(operator, left, right)),
    fc
      .tuple(fc.constantFrom<BinaryOperator>('&&', '||', '=='), tie('truth'), tie('truth'))
      .map(([operator, left, right]) => binary(operator, left, right)),
    tie('truth').map((of) => unary('!', of)),
  ),
}));

const inJavaScript = (of: string): string => of.replaceAll(/(\d)u/g, '$1');

/** The same with parentheses around everything. */
function explicit(of: Expression): string {
  switch (of.kind) {
    case 'binary':
      return `(${explicit(of.left)} ${of.operator} ${explicit(of.right)})`;
    case 'unary':
      return `(${of.operator}${explicit(of.of)})`;
    case 'call':
      return `select(${of.operands.map(explicit).join(', ')})`;
    default:
      return text(of);
  }
}

const evaluate = (of: string): unknown =>
  new Function('select', `return ${inJavaScript(of)}`)((no: unknown, yes: unknown, by: unknown) => (by ? yes : no));

it('2,000 random expressions mean what they mean with parentheses everywhere', () => {
  let without = 0;
  fc.assert(
    fc.property(numbers.number, (of) => {
      const [printed, whole] = [text(of), explicit(of)];
      if (printed.length < whole.length) without++;
      expect(evaluate(printed)).toEqual(evaluate(whole));
    }),
    { numRuns: 2000, seed: 20261130 },
  );
  expect(without).toBeGreaterThan(500);
});
