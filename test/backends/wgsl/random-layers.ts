/**
 * Random graphs of what models are made of: contractions, norms, softmax, attention, folds and views, over [B, T, 4] and
 * what comes of it. Late values are the likelier operands, so chains get long and fusion has something to join.
 */
import fc from 'fast-check';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { TypeRuleError } from '../../../src/compiler/ops/spec.ts';
import { type Shape, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { noise } from '../../passes/autodiff/support.ts';

/** Which instruction, and numbers that it turns into operands and attributes. */
type Instruction = readonly [number, number, number, number];
type Make = (b: GraphBuilder, x: ValueId, y: ValueId, pick: number) => ValueId | readonly ValueId[];

const [B, T] = [symbol('B'), symbol('T')];
const SHAPES: readonly Shape[] = [
  ...([
    [B, T, 4],
    [B, T, 2, 2],
    [B, T, 1, 4],
    [1, B, T, 4],
  ] satisfies Shape[]),
  ...([[T, 4], [4], [B, 4], [2, B, T, 4]] satisfies Shape[]),
];
/** by key */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  ...{ scale: [4], shift: [4], square: [4, 4], up: [40, 4], up_bias: [40], down: [4, 40] },
};

const rank = (b: GraphBuilder, x: ValueId): number => b.typeOf(x).shape.length;
const axesOf = (b: GraphBuilder, x: ValueId): number[] => [...b.typeOf(x).shape.keys()];
const weight = (b: GraphBuilder, key: string): ValueId => b.parameter(key, 'f32', WEIGHTS[key]!);
const ends = (b: GraphBuilder, x: ValueId, at: (axis: number, last: boolean) => number): number[] =>
  axesOf(b, x).map((axis, _, all) => at(axis, axis === all.length - 1));

const INSTRUCTIONS: readonly Make[] = [
  (b, x, y) => b.node('add', [x, y], {}),
  (b, x, y) => b.node('mul', [x, y], {}),
  (b, x, y) => b.node('sub', [x, y], {}),
  (b, x, y) => b.node('where', [b.node('less', [x, y], {}), x, y], {}),
  (b, x) => b.node('tanh', [x], {}),
  (b, x) => b.node('gelu', [x], { approximate: 'tanh' }),
  (b, x) => b.node('relu', [x], {}),
  (b, x, _, pick) => b.node('softmax', [x], { axis: pick % Math.max(1, rank(b, x)) }),
  (b, x) => b.node('softmax', [x], { axis: rank(b, x) - 1 }),
  (b, x) => b.node('layer_norm', [x, weight(b, 'scale'), weight(b, 'shift')], { eps: 1e-3 }),
  (b, x) => b.node('rms_norm', [x], { eps: 1e-3 }),
  (b, x) => b.node('linear', [x, weight(b, 'square')], {}),
  (b, x) => b.node('linear', [x, weight(b, 'up'), weight(b, 'up_bias')], {}),
  (b, x) => b.node('linear', [x, weight(b, 'down'), weight(b, 'shift')], {}),
  (b, x, y, pick) => b.node('matmul', [x, y], { transpose_a: (pick & 1) === 1, transpose_b: (pick & 2) === 2 }),
  (b, x) => {
    const q = b.node('expand', [x], { shape: [2, B, T, 4] });
    return b.node('attention', [q, q, b.node('tanh', [q], {})], { causal: true, scale: null });
  },
  (b, x, _, pick) => {
    const axes = axesOf(b, x);
    const last = [...axes.slice(0, -2), ...axes.slice(-2).reverse()];
    return b.node('transpose', [x], { permutation: pick % 2 === 0 ? last : axes.toReversed() });
  },
  (b, x, _, pick) => {
    const axes = axesOf(b, x).filter((axis) => (pick >> axis) % 2 === 1);
    return b.node((['sum', 'mean', 'max', 'min'] as const)[pick % 4]!, [x], { axes, keepdims: (pick & 4) === 4 });
  },
  (b, x) => b.node('mean', [x], { axes: [rank(b, x) - 1], keepdims: true }),
  (b, x) => b.node('max', [x], { axes: [rank(b, x) - 1], keepdims: false }),
  (b, x, _, pick) => b.node('reshape', [x], { shape: SHAPES[pick % SHAPES.length]! }),
  (b, x, _, pick) => b.node('expand', [x], { shape: SHAPES[pick % SHAPES.length]! }),
  (b, x, y, pick) => b.node('concat', [x, y], { axis: pick % 3 }),
  (b, x, _, pick) => b.nodeOutputs('split', [x], { axis: rank(b, x) - 1, sizes: pick % 2 === 0 ? [1, 3] : [2, 2] }),
  (b, x, _, pick) => b.node('flip', [x], { axes: [pick % Math.max(1, rank(b, x))] }),
  (b, x, _, pick) => b.node('gather', [x, b.constant(tensor('i64', [2], [0, 0]))], { axis: pick % 3 }),
  (b, x) => b.node('cumsum', [x], { axis: 1 }),
  (b, x) =>
    b.node('pad', [x], { before: ends(b, x, () => 0), after: ends(b, x, (_, last) => (last ? 2 : 0)), value: 0.5 }),
  (b, x) =>
    b.node('slice', [x], {
      starts: ends(b, x, (_, last) => (last ? 1 : 0)),
      ends: b.typeOf(x).shape,
      steps: ends(b, x, () => 1),
    }),
];

export const layerInstructions: fc.Arbitrary<readonly Instruction[]> = fc.array(
  fc.tuple(fc.nat(INSTRUCTIONS.length - 1), fc.nat(1000), fc.nat(1000), fc.nat(63)),
  { minLength: 2, maxLength: 14, size: 'max' },
);

export function buildLayers(list: readonly Instruction[]): Graph {
  const b = new GraphBuilder('layers');
  const pool: ValueId[] = [
    b.input('x', 'f32', [B, T, 4]),
    b.input('y', 'f32', [B, T, 1]),
    weight(b, 'scale'),
    b.input('z', 'f32', [T, 4]),
  ];
  const operand = (n: number): ValueId =>
    pool[n % 3 === 0 ? n % pool.length : pool.length - 1 - (n % Math.min(pool.length, 4))]!;
  for (const [index, first, second, pick] of list) {
    try {
      const made = INSTRUCTIONS[index]!(b, operand(first), operand(second), pick);
      pool.push(...(typeof made === 'number' ? [made] : made));
    } catch (error) {
      if (!(error instanceof TypeRuleError)) throw error;
    }
  }
  for (const [index, value] of pool.slice(-3).entries()) b.output(`out${index}`, value);
  return b.build();
}

export const layerWeights: ReadonlyMap<string, WideTensor> = new Map(
  Object.entries(WEIGHTS).map(([key, shape], seed) => [key, noise(shape, seed + 2)]),
);

export function layerInputs(rows: number, steps: number): Map<string, WideTensor> {
  return new Map([
    ['x', noise([rows, steps, 4], 11)],
    ['y', noise([rows, steps, 1], 12)],
    ['z', noise([steps, 4], 13)],
  ]);
}
