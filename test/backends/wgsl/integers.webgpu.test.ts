/**
 * i64 on a device that has 32 bits: numbers that fit are exact, and others are refused where they enter, when the graph is
 * compiled, or after the run, and never another number. Expected: the integers themselves.
 */
import { describe, expect, test } from 'vitest';
import { IntegerError } from '../../../src/compiler/backends/wgsl/index.ts';
import { safeIntegers } from '../../../src/compiler/backends/wgsl/integers.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { productOf, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { planOfGraph, runGraph } from './support.ts';

const MOST = 2 ** 31 - 1;
const i64 = (...data: number[]): WideTensor => tensor('i64', [data.length], data);

/** y of two vectors of integers */
function graphOf(make: (b: GraphBuilder, x: ValueId, y: ValueId) => ValueId, size: number): Graph {
  const b = new GraphBuilder('main');
  const [x, y] = [b.input('x', 'i64', [size]), b.input('y', 'i64', [size])];
  b.output('z', make(b, x, y));
  return b.build();
}

interface Case {
  readonly name: string;
  make(b: GraphBuilder, x: ValueId, y: ValueId): ValueId;
  readonly fits: readonly [x: readonly number[], y: readonly number[], z: readonly number[]];
  readonly leaves: readonly [x: readonly number[], y: readonly number[]];
}

const CASES: readonly Case[] = [
  {
    name: 'add',
    make: (b, x, y) => b.node('add', [x, y], {}),
    fits: [
      [MOST, -MOST, 5],
      [0, -1, 6],
      [MOST, -MOST - 1, 11],
    ],
    leaves: [
      [1, MOST, 5],
      [1, 1, 6],
    ],
  },
  {
    name: 'sub',
    make: (b, x, y) => b.node('sub', [x, y], {}),
    fits: [
      [-1, MOST],
      [MOST, MOST],
      [-MOST - 1, 0],
    ],
    leaves: [
      [-2, 1],
      [MOST, 1],
    ],
  },
  {
    name: 'mul',
    make: (b, x, y) => b.node('mul', [x, y], {}),
    fits: [
      [46340, -65536, 0],
      [46340, 32768, MOST],
      [2147395600, -MOST - 1, 0],
    ],
    leaves: [
      [46341, 1, 1],
      [46341, 1, 1],
    ],
  },
  {
    name: 'a product of 2⁶²',
    make: (b, x, y) => b.node('mul', [x, y], {}),
    fits: [[-1], [MOST], [-MOST]],
    leaves: [[MOST], [MOST]],
  },
  {
    name: 'sum',
    make: (b, x) => b.node('sum', [x], { axes: [0], keepdims: false }),
    fits: [[MOST, MOST, -MOST, -5], [0, 0, 0, 0], [MOST - 5]],
    leaves: [
      [MOST, 1, 0, 0],
      [0, 0, 0, 0],
    ],
  },
  {
    name: 'cumsum',
    make: (b, x) => b.node('cumsum', [x], { axis: 0 }),
    fits: [
      [1, MOST - 1, -7],
      [0, 0, 0],
      [1, MOST, MOST - 7],
    ],
    leaves: [
      [MOST, 1, -7],
      [0, 0, 0],
    ],
  },
  {
    name: 'adding writes',
    make: (b, x, y) => b.node('scatter_add', [x, b.constant(i64(1, 1, 0)), y], { axis: 0 }),
    fits: [
      [1, -5, 2],
      [MOST, 4, 3],
      [4, MOST - 1, 2],
    ],
    leaves: [
      [1, 5, 2],
      [MOST, 4, 3],
    ],
  },
];

const inputs = (x: readonly number[], y: readonly number[]): ReadonlyMap<string, WideTensor> =>
  new Map([
    ['x', i64(...x)],
    ['y', i64(...y)],
  ]);

describe.skipIf(unavailable).each(PROFILES)('on a device, profile %s', (profile) => {
  test.each(CASES)('$name', async ({ name, make, fits: [x, y, z], leaves }) => {
    const graph = graphOf(make, x.length);
    const gpu = await gpuOf(profile);
    const { z: found } = await runGraph(gpu, graph, inputs(x, y));
    expect(Array.from(found!.data, Number)).toEqual(z);
    const op = graph.nodes.at(-1)!.op;
    await expect(runGraph(gpu, graph, inputs(...leaves)), name).rejects.toThrow(
      new RegExp(`^an element of ${op} in main .* left the 32 bits`),
    );
  });

  test('a cast of a number that is past 32 bits, or none', async () => {
    const b = new GraphBuilder('main');
    b.output('z', b.node('cast', [b.input('x', 'f32', [3])], { to: 'i64' }));
    const graph = b.build();
    const run = async (...x: number[]) =>
      runGraph(await gpuOf(profile), graph, new Map([['x', tensor('f32', [3], x)]]));
    const { z } = await run(-2147483648, 2147483520, Number.NaN);
    expect([...z!.data]).toEqual([-2147483648n, 2147483520n, 0n]);
    await expect(run(1, 2147483648, 2)).rejects.toMatchObject({ code: 'R1014' });
    await expect(run(1, -2147483904, 2)).rejects.toMatchObject({ code: 'R1014' });
    await expect(run(Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY)).rejects.toThrow(/^2 elements of cast/);
  });

  test('an input is refused where it enters; a seed may have 32 bits without a sign', async () => {
    const b = new GraphBuilder('main');
    const [x, seed] = [b.input('x', 'i64', [2]), b.input('seed', 'i64', [])];
    b.output('z', b.node('cast', [x], { to: 'f32' }));
    b.output('r', b.node('random_uniform', [seed], { shape: [2], salt: 1 }));
    const run = async (large: number) =>
      runGraph(
        await gpuOf(profile),
        b.build(),
        new Map([
          ['x', i64(7, large)],
          ['seed', tensor('i64', [], [4294967295])],
        ]),
      );
    expect([...(await run(-MOST)).z!.data]).toEqual([7, -Math.fround(MOST)]);
    await expect(run(3e9)).rejects.toThrow('element 1 of x is 3000000000 and integers on the device have 32 bits');
  });
});

describe('what is known when the graph is compiled', () => {
  const watched = (make: Parameters<typeof graphOf>[0]): readonly string[] =>
    (planOfGraph(graphOf(make, 4)).entries.main!.watched ?? []).map(({ op }) => op);

  test.each<[string, Parameters<typeof graphOf>[0]]>([
    ['places', (b) => b.node('add', [b.node('iota', [], { shape: [symbol('T')], axis: 0 }), one(b, 7)], {})],
    [
      'a count',
      (b, x, y) => {
        const same = b.node('cast', [b.node('equal', [x, y], {})], { to: 'i64' });
        return b.node('sum', [same], { axes: [0], keepdims: false });
      },
    ],
    ['a choice', (b, x, y) => b.node('maximum', [x, y], {})],
    [
      'an argmax and what is made of it',
      (b, x) => b.node('add', [b.node('argmax', [x], { axis: 0 }), one(b, 1000)], {}),
    ],
  ])('%s cannot leave 32 bits, so nothing watches it', (_, make) => {
    const b = new GraphBuilder('main');
    const [x, y] = [b.input('x', 'i64', [symbol('T')]), b.input('y', 'i64', [symbol('T')])];
    b.output('z', make(b, x, y));
    expect(safeIntegers(b.build(), new Map()).watched).toEqual([]);
  });

  test('a range that a session checks is a proof', () => {
    const b = new GraphBuilder('main');
    b.output('z', b.node('mul', [b.input('x', 'i64', [4]), one(b, 1000)], {}));
    const graph = b.build();
    expect(safeIntegers(graph, new Map()).watched).toEqual([{ op: 'mul', origin: '' }]);
    expect(safeIntegers(graph, new Map([['x', { low: 0, high: 50_000 }]])).watched).toEqual([]);
  });

  test('sums of inputs are watched', () => {
    expect(watched((b, x, y) => b.node('add', [x, y], {}))).toEqual(['add']);
  });

  test.each<[string, Parameters<typeof graphOf>[0], number]>([
    ['a constant', (b, x) => b.node('add', [x, one(b, 5e9)], {}), 5e9],
    ['what fills a pad', (b, x) => b.node('pad', [x], { before: [1], after: [0], value: -3e9 }), -3e9],
    ['a product of constants', (b) => b.node('mul', [one(b, 100_000), one(b, 100_000)], {}), 1e10],
  ])('%s that does not fit is an error', (_, make, value) => {
    const graph = graphOf(make, 4);
    expect(() => safeIntegers(graph, new Map())).toThrow(IntegerError);
    expect(() => safeIntegers(graph, new Map())).toThrow(`the integer ${value}`);
  });

  test('a size that is an integer of the graph is a requirement', () => {
    const b = new GraphBuilder('main');
    const x = b.input('x', 'f32', [symbol('T'), symbol('P')]);
    b.output('z', b.node('dim_size', [], { dim: productOf(b.typeOf(x).shape) }));
    expect(safeIntegers(b.build(), new Map()).requires).toMatchObject([
      { what: 'the integer P*T, which has 32 bits on WebGPU,' },
    ]);
  });
});

const one = (b: GraphBuilder, value: number): ValueId => b.constant(tensor('i64', [], [value]));
