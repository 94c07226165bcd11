/** Element types and axes of the built-in functions, and what dropout is in a training graph. */
import { describe, expect, it } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { DType } from '../../src/shared/dtype.ts';
import { distance, ints, problems, program, run, tensor } from './support.ts';

it('layer_norm with a bias and no weight would leave the bias out', () => {
  expect(
    problems('model M { entry main(x: [2, 3], b: [3]) -> (y: [2, 3]) { layer_norm(x, bias = b) } }').join(),
  ).toMatch(/bias of layer_norm .*left out where there is no weight/);
});

describe('element types', () => {
  it.each<[string, string]>([
    ['x + n', 'E0305 + gets floats and ints'],
    ['n == b', 'E0305 == gets ints and bools'],
    ['x and b', 'E0305 and gets floats and bools'],
    ['exp(n)', 'E0201 x of exp must be a tensor of floats and is a tensor of ints'],
    ['where(x, x, x)', 'E0201 condition of where must be a tensor of bools and is a tensor of floats'],
    [
      'attention(full([2, 1, 2, 4], 1.0), full([2, 1, 2, 4], 1.0), full([2, 1, 2, 4], 1.0), full([2, 2], 0.0))',
      'E0201 mask of attention must be a tensor of bools or ints and is a tensor of floats',
    ],
    ['gather(x, x)', 'E0201 indices of gather must be a tensor of ints and is a tensor of floats'],
    ['matmul(x, n)', 'E0201 b of matmul must be a tensor of floats and is a tensor of ints'],
  ])('%s', (expression, problem) => {
    expect(problems(`model M { entry main(x: [2], n: int[2], b: bool[2]) -> (out: [...]) { ${expression} } }`)).toEqual(
      [problem],
    );
  });

  it.each<[string, DType, number[]]>([
    ['n + 1', 'i64', [3, 1]],
    ['2 * n', 'i64', [4, 0]],
    ['-n', 'i64', [-2, 0]],
    ['x * 2', 'f32', [1, -2]],
    ['1 - x', 'f32', [0.5, 2]],
    ['-x', 'f32', [-0.5, 1]],
    ['n == 2', 'bool', [1, 0]],
    ['n != 2', 'bool', [0, 1]],
    ['x < 0', 'bool', [0, 1]],
    ['x <= 0.5', 'bool', [1, 1]],
    ['x > 0', 'bool', [1, 0]],
    ['0 >= x', 'bool', [0, 1]],
    ['not (x > 0)', 'bool', [0, 1]],
    ['x > 0 and n == 0', 'bool', [0, 0]],
    ['x > 0 or n == 0', 'bool', [1, 1]],
    ['float(n) / 4', 'f32', [0.5, 0]],
    // of a number, a number that is known at compile time
    ['if cos(0) == 1.0 and 4.0 * atan(1) > 3.14 { x } else { -x }', 'f32', [0.5, -1]],
  ])('%s', (expression, dtype, expected) => {
    const inputs = { x: tensor([2], [0.5, -1]), n: ints([2], [2, 0]) };
    const text = `model M { entry main(x: [2], n: int[2]) -> (out: ${{ f32: '', i64: 'int', bool: 'bool' }[dtype]}[2]) { ${expression} } }`;
    expect(distance(run(program(text), inputs).out, tensor([2], expected, dtype))).toBe(0);
  });
});

describe('axes', () => {
  it.each<[string, string]>([
    ['sum(x, axes = 2)', 'E0302 axis 2 is outside of [2, 3], whose axes are 0 to 1'],
    ['softmax(x, axis = -3)', 'E0302 axis -3 is outside of [2, 3], whose axes are 0 to 1'],
    ['squeeze(x, 0)', 'E0302 axis 0 is not of size 1 and cannot be dropped'],
    ['permute(x, [0, 0])', 'E0302 the order [0, 0] does not name each of the 2 axes once'],
    ['repeat(x, [2])', 'E0302 repeats has 1 items and x has 2 axes'],
    ['reshape(x, [-1, 4])', 'E0302 −1 cannot be inferred: the other dimensions do not divide the number of elements'],
    ['concat([], axis = 0)', 'E0201 items of concat must be a list of tensors and is an empty list'],
    ['avg_pool2d(x, [1, 2, 3])', 'E0201 kernel of avg_pool2d must be an int or a list of two and is a list of 3'],
    [
      'interpolate(x, 2, "linear")',
      'E0201 mode of interpolate must be "nearest", "bilinear" or "bicubic" and is "linear"',
    ],
    ['top_k(x, 4)', 'E0302 top_k cannot choose 4 elements of axis 1, which has 3'],
    ['conv_transpose2d(x, x)', 'E0302 conv_transpose2d takes x with 4 axes and got [2, 3]'],
    [
      'rotary(reshape(x, [1, 1, 3, 2]), int(reshape(x, [2, 3]))[:1], dims = 2, theta = 10.0, frequencies = [1.0])',
      'E0201 theta of rotary must be left out where frequencies are given and is a number',
    ],
    [
      'rotary(reshape(x, [1, 1, 3, 2]), int(reshape(x, [2, 3]))[:1], dims = 2, frequencies = [1.0, 2.0])',
      'E0302 rotary takes a finite frequency for each of 1 pairs and got 2 frequencies',
    ],
    [
      'rotary(reshape(x, [1, 1, 3, 2]), int(reshape(x, [2, 3]))[:1], dims = 2, frequencies = ["a"])',
      'E0201 an item of frequencies must be a number and is the string "a"',
    ],
    ['tril(x, 1.5)', 'E0201 diagonal of tril must be an int and is the float 1.5'],
    ['sum(x, keepdims = 1)', 'E0201 keepdims of sum must be true or false and is the int 1'],
  ])('%s', (expression, problem) => {
    expect(problems(`model M { entry main(x: [2, 3]) -> (out: [...]) { ${expression} } }`)).toEqual([problem]);
  });
});

describe('dropout in a training graph', () => {
  const text = (p: string) =>
    `model M { entry main(x: [200, 50]) -> (out: [200, 50], twice: [200, 50]) { (dropout(x, ${p}), dropout(x, ${p})) } }`;
  const ones = tensor([200, 50], new Array<number>(10_000).fill(1));
  const train = (p: string, seed: number) => {
    const { graph } = program(text(p)).entry('main', [], { training: { dropout: true } })!;
    const inputs = new Map([
      ['x', ones],
      ['dropout_seed', ints([], [seed])],
    ]);
    const outputs = interpret(graph, { inputs, parameters: () => ones });
    return [outputs.get('out')!.data, outputs.get('twice')!.data] as const;
  };

  it('drops a share p and scales the rest by 1 / (1 − p)', () => {
    const [out] = train('0.2', 7);
    const kept = out.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([1.25]));
    // 4 standard deviations of a binomial with n = 10 000
    expect(Math.abs(kept.length - 8000)).toBeLessThan(4 * Math.sqrt(10_000 * 0.8 * 0.2));
  });

  it('follows the seed, and each place has a mask of its own', () => {
    expect(train('0.5', 1)[0]).toEqual(train('0.5', 1)[0]);
    expect(train('0.5', 1)[0]).not.toEqual(train('0.5', 2)[0]);
    expect(train('0.5', 1)[0]).not.toEqual(train('0.5', 1)[1]);
  });

  it('takes no seed where nothing drops', () => {
    const { graph } = program(text('0.0')).entry('main', [], { training: { dropout: true } })!;
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(
      problems('model M { entry main(x: [2]) -> (out: [2]) { dropout(x, 1.0) } }').map((problem) =>
        problem.slice(0, 5),
      ),
    ).toEqual(['E0201']);
  });
});
