/** Statements and arithmetic as templates write them: what is computed at once, what is printed, what is refused. */
import { describe, expect, it } from 'vitest';
import {
  add,
  and,
  at,
  bits,
  div,
  everywhere,
  f32,
  four,
  lane,
  less,
  mod,
  mul,
  smallest,
  sub,
  u32,
  ZEROS,
} from '../../../src/compiler/backends/wgsl/text/arithmetic.ts';
import { array, Body, functionOf } from '../../../src/compiler/backends/wgsl/text/body.ts';
import { type Expression, select, type Type, variable } from '../../../src/compiler/backends/wgsl/text/expression.ts';
import { Name } from '../../../src/compiler/backends/wgsl/text/name.ts';
import { printStatements } from '../../../src/compiler/backends/wgsl/text/statements.ts';
import { code, joined, type Piece } from '../../../src/compiler/backends/wgsl/text/wgsl.ts';

const text = (piece: Piece): string => code(piece).print(({ hint }) => hint);
const named = (hint: string, type: Type): Expression => variable(new Name(hint), type);
const [i, j] = [named('i', 'u32'), named('j', 'u32')];
const [x, v, seen] = [named('x', 'f32'), named('v', 'vec4f'), named('seen', 'vec4<bool>')];

const printed = (write: (body: Body) => void): string => {
  const body = new Body();
  write(body);
  return text(joined(printStatements(body.statements, ''), '\n'));
};

describe('arithmetic of u32', () => {
  it.each<[Expression, string]>([
    [add(i, 0), 'i'],
    [add(0, i, 3), 'i + 3u'],
    [mul(i, 1), 'i'],
    [mul(0, i), '0u'],
    [div(i, 1), 'i'],
    [mod(i, 1), '0u'],
    [sub(i, 0), 'i'],
    [add(2, 3), '5u'],
    [div(7, 2), '3u'],
    // what is below 0 or past 2³² − 1 is left to the device, which goes around
    [sub(2, 3), '2u - 3u'],
    [mul(2 ** 20, 2 ** 12), '1048576u * 4096u'],
    [add(i, add(j, 1)), 'i + j + 1u'],
    [mul(add(i, 1), 4), '(i + 1u) * 4u'],
    [smallest(i, sub(j, 1)), 'min(i, j - 1u)'],
  ])('%#', (of, expected) => {
    expect(text(of)).toBe(expected);
  });
});

describe('arithmetic of f32 and of vectors', () => {
  it.each<[Expression, string]>([
    // NaN + 0, ∞ · 0 and the order of a sum are what they are
    [add(x, 0), 'x + 0.0'],
    [mul(x, 0), 'x * 0.0'],
    [add(x, add(x, 1)), 'x + (x + 1.0)'],
    [mul(x, v), 'x * v'],
    [sub(everywhere(1), mul(v, v)), 'vec4f(1.0) - v * v'],
    [less(add(i, four(u32)), everywhere(j)), 'i + vec4u(0u, 1u, 2u, 3u) < vec4u(j)'],
    [and(seen, less(everywhere(i), everywhere(j))), 'seen & (vec4u(i) < vec4u(j))'],
    [select(ZEROS, v, seen), 'select(vec4f(), v, seen)'],
    [lane(seen, 2), 'seen.z'],
    [at(v, bits(i, 3)), 'v[i & 3u]'],
    [at(array('vec4f', [v, v]), i), 'array<vec4f, 2>(v, v)[i]'],
  ])('%#', (of, expected) => {
    expect(text(of)).toBe(expected);
  });

  it('knows what it is of', () => {
    const types = [mul(x, v), less(v, v), lane(seen, 0), at(named('a', 'array<u32, 4>'), i), at(v, 0)];
    expect(types.map(({ type }) => type)).toEqual(['vec4f', 'vec4<bool>', 'bool', 'u32', 'f32']);
  });

  it.each<[string, () => Expression]>([
    ['a number and a vector of integers', () => mul(x, everywhere(i))],
    ['a comparison of one with four', () => less(v, x)],
    ['a choice of one by four', () => select(x, x, seen)],
    ['truth values that are added', () => add(seen, seen)],
    ['a vector of vectors', () => everywhere(v)],
    ['an element of one number', () => at(at(v, 0), f32(1))],
  ])('%s is none', (_, make) => {
    expect(make).toThrow(/has no type in WGSL|is neither/);
  });
});

describe('a body', () => {
  it('has its names in blocks, as they are written', () => {
    const sums = (body: Body): void => {
      const memory = body.memory('workgroup', 'shared_values', 'f32', 0);
      const sum = body.var('sum', f32(0));
      body.for('k', { below: 8, step: 4 }, (k) => body.increase(sum, at(memory, k)));
      body.halving('half', 4, (half) => {
        body.barrier();
        body.breakIf(less(half, i));
      });
      body.if(
        less(i, 1),
        () => body.set(at(memory, 0), sum),
        () => body.call(new Name('store'), i, sum),
      );
      expect(body.variables.map(({ type }) => type)).toEqual(['array<f32, 1>']);
    };
    expect(printed(sums)).toBe(`var sum = 0.0;
for (var k = 0u; k < 8u; k += 4u) {
  sum += shared_values[k];
}
for (var half = 4u; half > 0u; half >>= 1u) {
  workgroupBarrier();
  if (half < i) { break; }
}
if (i < 1u) {
  shared_values[0u] = sum;
} else {
  store(i, sum);
}`);
  });

  it('keeps a name that is read once, since it was given', () => {
    const once = (body: Body): void => body.set(at(v, 0), body.let('row', add(x, 1)));
    expect(printed(once)).toBe('let row = x + 1.0;\nv[0u] = row;');
  });

  it('is of a function, with its parameters', () => {
    const made = functionOf(new Name('f'), { a: 'f32', b: 'vec4f' }, 'vec4f', (body, { a, b }) =>
      body.return(mul(a, b)),
    );
    expect(text(made.text)).toBe('fn f(a: f32, b: vec4f) -> vec4f {\n  return a * b;\n}');
  });
});
