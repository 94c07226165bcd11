/** Dimensions in signatures: variables, arithmetic on them, `...` and `_`, and what does not fit. */
import { describe, expect, it } from 'vitest';
import { numbers, problems, program, run, tensor } from './support.ts';

const inModel = (functions: string, entry: string) => `${functions}\nmodel M { ${entry} }`;

describe('variables', () => {
  const MATCH = inModel(
    'fn f(a: [B, T], b: [T, B]) -> [B, B] { a @ b }',
    'entry main(a: [2, 3], b: [R, C]) -> (out: [2, 2]) { f(a, b) }',
  );

  it('are bound by the first argument that has them and checked against the others', () => {
    const fits = inModel(
      'fn f(a: [B, T], b: [T, B]) -> [B, B] { a @ b }',
      'entry main(a: [2, 3], b: [3, 2]) -> (out: [2, 2]) { f(a, b) }',
    );
    expect(
      numbers(run(program(fits), { a: tensor([2, 3], [1, 2, 3, 4, 5, 6]), b: tensor([3, 2], [1, 0, 0, 1, 0, 0]) }).out),
    ).toEqual([1, 2, 4, 5]);
    expect(problems(MATCH)).toEqual(['E0303 f takes b as [3, 2] and gets [R, C]: axis 0 is R and T is 3']);
  });

  it('stay dynamic in the graph and go by the input that names them', () => {
    const text = inModel('fn f(a: [X, Y]) { a * X + Y }', 'entry main(a: [B, T]) -> (out: [B, T]) { f(a) }');
    const model = program(text);
    expect(numbers(run(model, { a: tensor([2, 1], [1, 2]) }).out)).toEqual([3, 5]);
    expect(numbers(run(model, { a: tensor([1, 2], [1, 2]) }).out)).toEqual([3, 4]);
  });

  it('of an entry are symbols of their own: B is not T', () => {
    const text = inModel('', 'entry main(a: [B, T], b: [T, B]) -> (out: [B, T]) { a + b }');
    expect(problems(text)).toHaveLength(1);
    expect(problems(text)[0]).toMatch(/^E0302 /);
  });

  it('may be ints of the caller', () => {
    const text = inModel('fn f(a: [N, N]) -> [N] { a[0] }', 'entry main(a: [2, 3]) -> (out: [_]) { f(a) }');
    expect(problems(text)).toEqual(['E0303 f takes a as [2, 2] and gets [2, 3]: axis 1 is 3 and N is 2']);
  });

  it('are unknown until an argument binds them', () => {
    expect(problems(inModel('fn f(a: [2 * N]) { a }', 'entry main(a: [6]) -> (out: [6]) { f(a) }'))).toEqual([
      'E0311 the dimension N follows from no argument',
    ]);
  });
});

describe('arithmetic', () => {
  const past = inModel(
    'fn f(x: [T], mask: [P + T]) -> [P] { mask[:P] + 0 * x[0] }',
    'entry main(x: [T], mask: [P + T]) -> (out: [P]) { f(x, mask) }',
  );

  it('P + T binds P once T is known', () => {
    const model = program(past);
    expect(numbers(run(model, { x: tensor([2], [1, 2]), mask: tensor([5], [1, 2, 3, 4, 5]) }).out)).toEqual([1, 2, 3]);
    expect(numbers(run(model, { x: tensor([2], [1, 2]), mask: tensor([2], [1, 2]) }).out)).toEqual([]);
  });

  it('a result may be computed from dimensions', () => {
    const text = inModel(
      '',
      'entry main(x: [B, T]) -> (out: [B * T], n: [T + 1]) { (reshape(x, [B * T]), concat([x[0], full([1], 9.0)], axis = 0)) }',
    );
    const out = run(program(text), { x: tensor([2, 2], [1, 2, 3, 4]) });
    expect([numbers(out.out), numbers(out.n)]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 9],
    ]);
  });

  it('a declared product is checked', () => {
    expect(
      problems(
        'module A(n) { forward(x: [B, n / 2]) -> [B, n / 2] { x } }\nmodel M { a = A(8) entry main(x: [B, 3]) -> (out: [B, 3]) { a(x) } }',
      ),
    ).toEqual(['E0303 a takes x as [B, 4] and gets [B, 3]: axis 1 is 3 and n / 2 is 4']);
  });

  it('sizes are values: ints where static, tensors where dynamic', () => {
    const text = inModel('', 'entry main(x: [B, 4]) -> (out: [B, 4]) { let n = B * 4  x / float(n) }');
    expect(numbers(run(program(text), { x: tensor([2, 4], [8, 8, 8, 8, 16, 16, 16, 16]) }).out)).toEqual([
      1, 1, 1, 1, 2, 2, 2, 2,
    ]);
  });
});

describe('... and _', () => {
  it('... stands for any axes, none included', () => {
    const f = 'fn f(x: [..., N, 2]) -> [..., 2] { x * N }';
    const text = (shape: string) => inModel(f, `entry main(x: ${shape}) -> (out: [...]) { f(x) }`);
    expect(problems(text('[3, 2]'))).toEqual([]);
    expect(problems(text('[B, 5, 3, 2]'))).toEqual([]);
    expect(problems(text('[2]'))).toEqual(['E0303 f takes x as [..., N, 2] and gets [2]: it has 1 axis']);
    expect(problems(text('[3, 3]'))).toHaveLength(1);
  });

  it('_ stands for one axis of any size', () => {
    const text = (shape: string) =>
      inModel('fn f(x: [_, 2]) { x }', `entry main(x: ${shape}) -> (out: [...]) { f(x) }`);
    expect(problems(text('[7, 2]'))).toEqual([]);
    expect(problems(text('[2]'))).toHaveLength(1);
  });
});

describe('entries', () => {
  it('say the shape of each input and the name of each output', () => {
    expect(problems(inModel('', 'entry main(x) -> (out: [2]) { 1.0 }'))).toEqual(['E0408 the input x has no type']);
    expect(problems(inModel('', 'entry main(x: [...]) -> (out: [2]) { x }'))).toEqual([
      'E0408 the input x has no fixed number of axes',
    ]);
    expect(problems(inModel('', 'entry main(x: [2]) { x }'))).toEqual([
      'E0408 the entry main does not name its outputs',
    ]);
    expect(problems(inModel('', 'entry main(x: [2]) -> [2] { x }'))).toEqual([
      'E0408 an output of the entry main has no name',
    ]);
  });

  it('keep what they promise', () => {
    expect(problems(inModel('', 'entry main(x: [2]) -> (out: [3]) { x }'))).toEqual([
      'E0304 out of main promises [3] and returns [2]',
    ]);
    expect(problems(inModel('', 'entry main(x: [2]) -> (out: int[2]) { x }'))).toEqual([
      'E0304 out of main promises int[2] and returns [2]',
    ]);
    expect(problems(inModel('', 'entry main(x: [2]) -> (a: [2], b: [2]) { x }'))).toHaveLength(1);
    expect(problems(inModel('', 'entry main(x: [2]) -> (a: [2]) { let y = x }'))).toEqual([
      'E0309 the body of main ends without a value',
    ]);
  });

  it('may return a scalar, an input, a constant', () => {
    const text = inModel('', 'entry main(x: [T]) -> (s: [], x2: [T], c: []) { (mean(x), x, 2.5) }');
    const out = run(program(text), { x: tensor([2], [1, 3]) });
    expect([numbers(out.s), numbers(out.x2), numbers(out.c)]).toEqual([[2], [1, 3], [2.5]]);
  });
});
