/** Dropout: its random numbers on both targets, its masks in a graph, and that it is nothing outside of training. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { gradientGraph } from '../../src/compiler/training/step.ts';
import type { Shape } from '../../src/shared/dim.ts';
import { symbol } from '../../src/shared/dim.ts';
import { type WideTensor, widen } from '../../src/shared/tensor.ts';
import { OPSETS, runOnnx } from '../backends/onnx/support.ts';
import { compile, compileOk, memory } from '../support/project.ts';
import { micro, microBatch, noise } from './support.ts';

const seedOf = (value: number): WideTensor => ({ dtype: 'i64', shape: [], data: Float64Array.of(value) });

function uniform(shape: Shape, salt: number) {
  const b = new GraphBuilder('uniform');
  const seed = b.input('seed', 'i64', []);
  if (shape.some((dim) => typeof dim !== 'number')) b.input('x', 'f32', shape);
  b.output('u', b.node('random_uniform', [seed], { shape, salt }));
  return b.build();
}

const drawn = (count: number, salt: number, seed: number): Float64Array =>
  interpret(uniform([count], salt), { inputs: new Map([['seed', seedOf(seed)]]), parameters: () => seedOf(0) }).get(
    'u',
  )!.data;

describe('random_uniform', () => {
  test.each([0, 1, 123456789, 2 ** 32 - 1, 2 ** 53 - 1])(
    'is the same to the bit on ONNX Runtime, seed %d',
    async (seed) => {
      const expected = drawn(5000, 77, seed);
      for (const opset of OPSETS) {
        const { u } = await runOnnx(uniform([5000], 77), { seed: seedOf(seed) }, { opset });
        expect(Array.from(u!.data as Float32Array)).toEqual(Array.from(expected));
      }
    },
  );

  test.each([
    [
      [3, 7],
      [symbol('B'), 7],
    ],
    [
      [2, 3, 5],
      [symbol('B'), symbol('T'), 5],
    ],
    [
      [4, 0],
      [symbol('B'), symbol('T')],
    ],
    [[], []],
  ] as [number[], Shape][])('takes dynamic shapes: %o', async (sizes, shape) => {
    const x: WideTensor = { dtype: 'f32', shape: sizes, data: new Float64Array(sizes.reduce((a, b) => a * b, 1)) };
    const inputs = new Map([['seed', seedOf(9)]]);
    const expected = interpret(uniform(sizes, 5), { inputs, parameters: () => x }).get('u')!;
    const dynamic = shape.some((dim) => typeof dim !== 'number');
    for (const opset of OPSETS) {
      const { u } = await runOnnx(uniform(shape, 5), dynamic ? { seed: seedOf(9), x } : { seed: seedOf(9) }, { opset });
      expect(u!.shape).toEqual(sizes);
      expect(Array.from(u!.data as Float32Array)).toEqual(Array.from(expected.data));
    }
  });

  test('is uniform, and independent across rows, columns, seeds and salts', () => {
    const [rows, columns] = [1000, 100];
    const n = rows * columns;
    const matrix = (salt: number, seed: number): Float64Array =>
      interpret(uniform([rows, columns], salt), {
        inputs: new Map([['seed', seedOf(seed)]]),
        parameters: () => seedOf(0),
      }).get('u')!.data;
    const u = matrix(1, 1);
    const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
    expect(u.every((value) => value >= 0 && value < 1)).toBe(true);
    // standard errors: 0.0009 for the mean, 0.0032 for a correlation
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(0.004);
    const buckets = new Array<number>(64).fill(0);
    for (const value of u) buckets[Math.floor(value * 64)]!++;
    const chi = buckets.reduce((total, count) => total + (count - n / 64) ** 2 / (n / 64), 0);
    expect(chi).toBeLessThan(63 + 6 * Math.sqrt(126));
    // a mask of probability 0.1 and the number itself, against other matrices and against itself moved
    const deviations = (of: Float64Array): readonly Float64Array[] => [
      of.map((value) => (value - 0.5) * Math.sqrt(12)),
      of.map((value) => (value < 0.1 ? 3 : -1 / 3)),
    ];
    const others = [matrix(1, 2), matrix(2, 1), matrix(1, 1 + 16777199), matrix(1, 1 + 2 ** 50)];
    const moved = [1, 8, columns, 7 * columns + 3].map((by) => u.slice(by));
    for (const other of [...others, ...moved]) {
      const [b, a] = [deviations(other), deviations(u.slice(0, other.length))];
      for (const kind of [0, 1]) {
        expect(Math.abs(mean(a[kind]!.map((value, at) => value * b[kind]![at]!)))).toBeLessThan(0.015);
      }
    }
    // no structure of row plus column: the four corners of rectangles are independent
    const sign = (row: number, column: number): number => (u[row * columns + column]! < 0.5 ? -1 : 1);
    const corners = Float64Array.from({ length: n }, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const [below, right] = [(row + 1 + (at % 7)) % rows, (column + 1 + (at % 11)) % columns];
      return sign(row, column) * sign(below, column) * sign(row, right) * sign(below, right);
    });
    expect(Math.abs(mean(corners))).toBeLessThan(0.02);
  });

  test('refuses a seed that is no scalar and a salt below 0', () => {
    const b = new GraphBuilder('g');
    const seeds = b.input('seeds', 'i64', [2]);
    const seed = b.input('seed', 'i64', []);
    expect(() => b.node('random_uniform', [seeds], { shape: [1], salt: 0 })).toThrow(
      'random_uniform takes a scalar seed and got one of rank 1',
    );
    expect(() => b.node('random_uniform', [seed], { shape: [1], salt: -1 })).toThrow(
      'random_uniform takes an integer of at least 0 as salt and got -1',
    );
    expect(() => drawn(1, 0, -1)).toThrow('random_uniform got seed -1, which must be at least 0');
  });
});

const PLAIN = (p: string): string => `model M {
  entry loss(x: [B, 4]) -> (loss: [], y: [B, 4]) {
    let y = dropout(x, ${p})
    (mean(y), y)
  }
}
`;

describe('dropout', () => {
  test('is nothing outside of training, and for p = 0', () => {
    const model = compileOk('m.mdl', memory({ 'm.mdl': PLAIN('0.5') }));
    expect(printGraph(model.entry('loss')!.graph)).not.toContain('random_uniform');
    const zero = compileOk('m.mdl', memory({ 'm.mdl': PLAIN('0.0') }));
    expect(zero.entry('loss', [], { training: { dropout: true } })!.graph.inputs.map(({ name }) => name)).toEqual([
      'x',
    ]);
  });

  test('keeps elements with probability 1 − p and scales them', () => {
    const model = compileOk('m.mdl', memory({ 'm.mdl': PLAIN('0.25') }));
    const { graph } = model.entry('loss', [], { training: { dropout: true } })!;
    const x: WideTensor = { dtype: 'f32', shape: [2500, 4], data: new Float64Array(10_000).fill(3) };
    const run = (seed: number) =>
      interpret(graph, {
        inputs: new Map([
          ['x', x],
          ['dropout_seed', seedOf(seed)],
        ]),
        parameters: () => x,
      }).get('y')!.data;
    const y = run(1);
    expect([...new Set(y)].sort()).toEqual([0, 4]);
    expect(y.filter((value) => value === 4).length / y.length).toBeCloseTo(0.75, 1);
    expect(run(1)).toEqual(y);
    expect(run(2)).not.toEqual(y);
  });

  test.each(['1.0', '-0.5'])('refuses p = %s', (p) => {
    const { model, bag } = compile('m.mdl', memory({ 'm.mdl': PLAIN(p) }));
    expect(model!.entry('loss')).toBeUndefined();
    expect(
      bag
        .sorted()
        .map(({ message }) => message)
        .join(),
    ).toContain('p of dropout');
  });

  test('the gradient goes through the mask of the forward pass', () => {
    const model = micro();
    const wanted = new Set([...model.parameters.keys()]);
    const { graph, keys, dropout } = gradientGraph(model, wanted, { dropout: true })!;
    expect(dropout).toBe(true);
    const values = new Map(
      [...model.parameters].map(([key, { shape }], i) => [
        key,
        Float64Array.from(
          noise(
            shape.reduce((a, b) => a * b, 1),
            i,
          ),
        ),
      ]),
    );
    const lossAt = (moved: ReadonlyMap<string, Float64Array>) => {
      const inputs = new Map<string, WideTensor>(
        Object.entries(microBatch()).map(([name, tensor]) => [name, widen(tensor)]),
      );
      inputs.set('loss_scale', { dtype: 'f32', shape: [], data: Float64Array.of(1) });
      inputs.set('dropout_seed', seedOf(5));
      for (const key of keys)
        inputs.set(`parameter.${key}`, {
          dtype: 'f32',
          shape: model.parameters.get(key)!.shape,
          data: moved.get(key) ?? values.get(key)!,
        });
      return interpret(graph, { inputs, parameters: () => seedOf(0) });
    };
    const key = 'first.lora_A.default.weight';
    const gradient = lossAt(new Map()).get(`gradient.${key}`)!.data;
    for (const at of [0, 5, 11]) {
      const step = 1e-5;
      const moved = [step, -step].map((by) => {
        const data = Float64Array.from(values.get(key)!);
        data[at]! += by;
        return lossAt(new Map([[key, data]])).get('loss')!.data[0]!;
      });
      expect(gradient[at]).toBeCloseTo((moved[0]! - moved[1]!) / (2 * step), 6);
    }
  });
});
