/**
 * What compiling may take, counted and never timed: elements of compile-time tables, factors of a dimension, axes, and
 * numbers that 64-bit floats keep (IEEE 754: ints exactly up to 2^53).
 */
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { buildOnnx, buildWebGpu } from '../support/build.ts';
import { memory } from '../support/project.ts';
import { diagnose, summary } from './support.ts';

const model = (signature: string, body: string): string => `model M {\n  entry run(${signature} { ${body} }\n}\n`;
const refused = (text: string): string[] => diagnose(text).map(({ code, message }) => `${code} ${message}`);

describe('tables that a target would compute', () => {
  it('names the call, the size and the limit', () => {
    const text = model('x: [B, 3, 8, 8]) -> (y: [B, 3, 20000000, 1])', 'interpolate(x, [20000000, 1], "bilinear")');
    expect(summary(diagnose(text))).toBe(
      'E0216 2:60 interpolate needs a table of 160000000 elements at compile time, and a graph may have 33554432',
    );
  });

  it.each([
    ['the other axis', '[B, 1, 1, 9000]', '[B, 1, 1, 9000]', 'interpolate(x, [1, 9001], "bicubic")'],
    ['a norm without weights', '[B, 100000000]', '[B, 100000000]', 'layer_norm(x)'],
  ])('%s', (_, from, to, body) => {
    const [only] = diagnose(model(`x: ${from}) -> (y: ${to})`, body));
    expect(only?.code).toBe('E0216');
  });

  it('counts all tables of a graph together, equal ones once', () => {
    const rotated = (thetas: readonly number[]): string =>
      model(
        'x: [B, 2, T, 64]) -> (y: [B, 2, T, 64])',
        thetas
          .map((theta) => `x = rotary(x, unsqueeze(iota(T), 0), 64, theta = ${theta}, max_positions = 262144)`)
          .join('\n')
          .concat('\nx'),
      );
    expect(refused(rotated([1, 2]))).toEqual([]);
    expect(refused(rotated([1, 1, 1, 2, 2]))).toEqual([]);
    expect(diagnose(rotated([1, 2, 3]))[0]).toMatchObject({
      code: 'E0216',
      notes: ['other tables of this graph have 33554432 elements'],
    });
  });

  it('folds a bounded number of constants', () => {
    const many = Array.from({ length: 200 }, (_, i) => `y = y + sum(float(iota(65536)) * ${i}.5)`).join('\n');
    const compilation = compile(
      'main.mdl',
      memory({ 'main.mdl': model('x: []) -> (y: [])', `let y = x\n${many}\ny`) }),
    );
    const graph = runPipeline(compilation.model!.entry('run')!.graph);
    const elements = graph.constants.reduce((sum, { tensor }) => sum + tensor.data.length, 0);
    expect(elements).toBeLessThanOrEqual(65 * 65536);
  });
});

describe('dimensions', () => {
  it.each([
    ['negative', 'x: [-3]) -> (y: [-3])', 'E0201 a dimension must be from 0 to 9007199254740991 and is -3'],
    [
      'negative by arithmetic',
      'x: [B, 2 - 5]) -> (y: [B])',
      'E0201 a dimension must be from 0 to 9007199254740991 and is -3',
    ],
    [
      '2^53',
      'x: [9007199254740992]) -> (y: [1])',
      'E0217 9007199254740992 is beyond 2^53 − 1 and cannot be kept exactly',
    ],
    [
      '2^53 by arithmetic',
      'x: [2 ** 53]) -> (y: [1])',
      'E0201 a dimension must be an int and is the float 9007199254740992',
    ],
    [
      '2^64 with a symbol',
      'x: [4503599627370496 * B * 4096]) -> (y: [1])',
      'E0201 a dimension must be a sum with factors below 2^53 and is one with 18446744073709552000',
    ],
    ['infinite', 'x: [1e400]) -> (y: [1])', 'E0217 1e400 is beyond 1.8e308 and cannot be kept exactly'],
  ])('%s', (_, signature, expected) => expect(refused(model(signature, 'x'))).toEqual([expected]));

  it('of 5,000 factors is refused before it is multiplied out', () => {
    const text = model('x: [B]) -> (y: [B])', `let s = B\n${'s = s * s\n'.repeat(13)} full([s], 1.0)`);
    expect(refused(text)).toEqual([
      'E0201 a dimension must be a product of at most 64 dynamic dimensions and is one of 128',
    ]);
  });

  it.each([
    ['an input', `x: [${'1, '.repeat(64)}1]) -> (y: [])`, '0.0', 'E0408'],
    ['a reshape', 'x: []) -> (y: [])', `reshape(x, [${'1, '.repeat(64)}1])`, 'E0302'],
    ['a shape of dynamic dimensions', 'x: [B]) -> (y: [])', 'full([B for i in range(5000)], 1.0)', 'E0302'],
    ['axes one by one', 'x: []) -> (y: [])', `${'x = unsqueeze(x, 0)\n'.repeat(65)} x`, 'E0302'],
  ])('%s of 65 axes', (_, signature, body, code) =>
    expect(diagnose(model(signature, body)).map((diagnostic) => diagnostic.code)).toContain(code),
  );

  it('an int that no int can keep is refused where it is made', () => {
    expect(refused('model M { let a = int(1e300)\n entry run(x: [B]) -> (y: [B]) { x } }')).toEqual([
      'E0201 x of int must be a number below 2^53 and is 1e+300',
    ]);
  });

  it('copies of a long list are work', () => {
    const text =
      'model M { let r = range(1000000)\n let c = [r[0:] for i in r]\n entry run(x: [B]) -> (y: [B]) { x } }';
    expect(diagnose(text).map(({ code }) => code)).toEqual(['E0212']);
  });

  it('0 and 1 compile on both targets', () => {
    const host = memory({ 'main.mdl': model('x: [0, 1]) -> (y: [0, 1])', 'x + 1.0') });
    const { model: compiled } = compile('main.mdl', host);
    expect(() => buildOnnx(compiled!, { opset: 17 })).not.toThrow();
    expect(() => buildWebGpu(compiled!, {})).not.toThrow();
  });
});
