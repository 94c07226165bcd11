/** Flat outputs that are several tensors are written piece by piece, and slices of flat tensors are read where they lie. */
import { describe, expect, it } from 'vitest';
import { outputPieces } from '../../../src/compiler/backends/wgsl/fusion/pieces.ts';
import { factsOf } from '../../../src/compiler/backends/wgsl/text/evaluator.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { type WideTensor, widen } from '../../../src/shared/tensor.ts';
import { noise } from '../../passes/autodiff/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { disagreement, planOfGraphs } from './support.ts';

class Sketch extends GraphBuilder {
  flat = (value: ValueId): ValueId => {
    const size = this.typeOf(value).shape.reduce<number>((product, dim) => product * Number(dim), 1);
    return this.node('reshape', [value], { shape: [size] });
  };
  slice = (value: ValueId, start: number, end: number): ValueId =>
    this.node('slice', [value], { starts: [start], ends: [end], steps: [1] });
  concat = (...parts: ValueId[]): ValueId => this.node('concat', parts, { axis: 0 });
  relu = (value: ValueId): ValueId => this.node('relu', [value], {});
  sum = (value: ValueId, axes: number[]): ValueId => this.node('sum', [value], { axes, keepdims: false });
}

function graphOf(build: (b: Sketch) => Readonly<Record<string, ValueId>>): Graph {
  const b = new Sketch('pieces');
  for (const [name, value] of Object.entries(build(b))) b.output(name, value);
  return b.build();
}

const ZEROS: WideTensor = { dtype: 'f32', shape: [3], data: new Float64Array(3) };

const CASES: readonly (readonly [name: string, graph: Graph, pieces: readonly string[], dispatches: number])[] = [
  [
    'a product, a sum and rows added to a table, with padding between them',
    graphOf((b) => {
      const [x, w] = [b.input('x', 'f32', [2, 4]), b.slice(b.input('w', 'f32', [20]), 4, 16)];
      const product = b.node('linear', [x, b.node('reshape', [w], { shape: [3, 4] })], {});
      const table = b.node('expand', [b.scalar(0)], { shape: [5, 4] });
      const rows = b.node('scatter_add', [table, b.input('index', 'i64', [2]), x], { axis: 0 });
      const zeros = b.constant(ZEROS);
      return { y: b.concat(b.flat(rows), b.slice(b.flat(zeros), 0, 3), b.sum(x, [0]), b.flat(product), zeros, zeros) };
    }),
    ['y[0]', 'y[20]', 'y[23]', 'y[27]', 'y[33]', 'y[36]'],
    2, // the product; the others side by side
  ],
  [
    'what is given twice, is an output of its own, or is nothing but an input',
    graphOf((b) => {
      const [x, flat] = [b.input('x', 'f32', [2, 4]), b.input('w', 'f32', [20])];
      const twice = b.relu(x);
      const own = b.sum(x, [0]);
      return { y: b.concat(b.flat(twice), own, b.flat(x), b.slice(flat, 1, 4), b.flat(twice)), own };
    }),
    ['y[0]', 'y[8]', 'y[12]', 'y[20]', 'y[23]', 'own'],
    2, // what is computed; the copies
  ],
  [
    'a flat output that something reads is one value',
    graphOf((b) => {
      const x = b.input('x', 'f32', [2, 4]);
      const y = b.concat(b.flat(b.relu(x)), b.sum(x, [0]));
      return { y, total: b.sum(y, [0]) };
    }),
    ['y', 'total'],
    3,
  ],
  [
    'slices of what a kernel writes are read at their places',
    graphOf((b) => {
      const y = b.relu(b.input('w', 'f32', [20]));
      const [first, second] = [b.slice(y, 0, 8), b.slice(y, 8, 16)];
      return { y, first: b.sum(b.node('reshape', [first], { shape: [2, 4] }), [1]), second: b.sum(second, [0]) };
    }),
    ['y', 'first', 'second'],
    2,
  ],
];

const FEEDS: ReadonlyMap<string, WideTensor> = new Map([
  ['x', noise([2, 4], 1)],
  ['w', noise([20], 2)],
  ['index', widen({ dtype: 'i64', shape: [2], data: BigInt64Array.of(3n, 1n) })],
]);

it.each(CASES)('%s', (_, graph, pieces, dispatches) => {
  expect(outputPieces(factsOf(graph)).map(({ name }) => name)).toEqual(pieces);
  expect(planOfGraphs({ main: { graph } }).entries.main!.steps).toHaveLength(dispatches);
});

describe.skipIf(unavailable).each(PROFILES)('the numbers are right, profile %s', (profile) => {
  it.each(CASES)('%s', async (_, graph) => {
    expect(await disagreement(await gpuOf(profile), graph, FEEDS)).toBeUndefined();
  });
});
