/**
 * Random small graphs for property tests: fast-check draws a list of instructions, and those that the type
 * rules accept become nodes. Biased to what passes rewrite: constants 0, 1 and 2, views of views, equal
 * instructions.
 */
import fc from 'fast-check';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { TypeRuleError } from '../../src/compiler/ops/spec.ts';
import type { Dim, Shape } from '../../src/shared/dim.ts';
import { productOf, symbol } from '../../src/shared/dim.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { tensor } from '../ops/extra-cases.ts';

/** Which instruction, and numbers that it turns into operands and attributes. */
export type Instruction = readonly [number, number, number, number];

type Make = (b: GraphBuilder, x: ValueId, y: ValueId, pick: number) => ValueId | readonly ValueId[];

const B = symbol('B');
const SHAPES: readonly Shape[] = [[B, 3], [3, B], [B, 1, 3], [mulB(3)], [2, B, 3], [B, 3, 1], [3], [1, 3], [2, 3]];

function mulB(by: number): Dim {
  return productOf([B, by]);
}

/**
 * No reciprocal, and division by constants other than 0 only: passes may change the sign of a zero, which
 * 1/x would show.
 */
const INSTRUCTIONS: readonly Make[] = [
  (b, x, y) => b.node('add', [x, y], {}),
  (b, x, y) => b.node('mul', [x, y], {}),
  (b, x, y) => b.node('sub', [x, y], {}),
  (b, x, _, pick) => b.node('div', [x, b.scalar([1, 2, 3, -0.25][pick % 4]!)], {}),
  (b, x, _, pick) => b.node('pow', [x, b.scalar((pick % 2) + 1)], {}),
  (b, x, _, pick) => b.node(pick % 2 === 0 ? 'add' : 'mul', [x, b.scalar(pick % 3)], {}),
  (b, x, y) => b.node('maximum', [x, y], {}),
  (b, x) => b.node('neg', [x], {}),
  (b, x) => b.node('tanh', [x], {}),
  (b, x, y) => b.node('where', [b.node('less', [x, y], {}), x, y], {}),
  (b, x, _, pick) => b.node('cast', [x], { to: pick % 4 === 0 ? 'i64' : 'f32' }),
  (b, x) => b.node('cast', [x], { to: 'f32' }),
  (b, x, _, pick) => b.node('reshape', [x], { shape: SHAPES[pick % SHAPES.length]! }),
  (b, x, _, pick) => b.node('expand', [x], { shape: SHAPES[pick % SHAPES.length]! }),
  (b, x, _, pick) => {
    const axes = b.typeOf(x).shape.map((__, axis) => axis);
    return b.node('transpose', [x], { permutation: pick % 3 === 0 ? axes : axes.toReversed() });
  },
  (b, x, _, pick) => {
    const axes = b.typeOf(x).shape.map((__, axis) => axis);
    return b.node('sum', [x], { axes: axes.filter((axis) => (pick >> axis) % 2 === 1), keepdims: pick % 2 === 0 });
  },
  (b, x, _, pick) => {
    const { shape } = b.typeOf(x);
    return b.node('slice', [x], {
      starts: shape.map(() => 0),
      ends: shape.map((dim) => (dim === 3 ? 3 - (pick % 2) : dim)),
      steps: shape.map(() => 1),
    });
  },
  (b, x, y, pick) => b.node('concat', pick % 2 === 0 ? [x] : [x, y], { axis: 0 }),
  (b, x) => b.nodeOutputs('split', [x], { axis: 0, sizes: [b.typeOf(x).shape[0] ?? 0] }),
  (b, x) => b.nodeOutputs('split', [x], { axis: 1, sizes: [1, 2] }),
  (b, x, _, pick) =>
    b.node('pad', [x], {
      before: b.typeOf(x).shape.map(() => 0),
      after: b.typeOf(x).shape.map(() => pick % 2),
      value: 0,
    }),
  (b, _, __, pick) => b.node('cast', [b.node('iota', [], { shape: [pick % 2 === 0 ? 3 : B], axis: 0 })], { to: 'f32' }),
  (b, x, y) => b.node('matmul', [x, y], { transpose_a: false, transpose_b: false }),
];

export const instructions: fc.Arbitrary<readonly Instruction[]> = fc.array(
  fc.tuple(fc.nat(INSTRUCTIONS.length - 1), fc.nat(63), fc.nat(63), fc.nat(63)),
  { minLength: 1, maxLength: 30, size: 'max' },
);

/** The graph of the instructions; each picks its operands from all values so far, by number. */
export function buildRandom(list: readonly Instruction[]): Graph {
  const b = new GraphBuilder('random');
  const pool: ValueId[] = [
    b.input('x', 'f32', [B, 3]),
    b.input('y', 'f32', [B, 1]),
    b.parameter('w', 'f32', [3]),
    b.constant(tensor('f32', [3], [0, 0, 0])),
    b.constant(tensor('f32', [1, 3], [1, 1, 1])),
    b.constant(tensor('f32', [3], [0.5, -2, 3])),
    b.scalar(2),
  ];
  for (const [index, first, second, pick] of list) {
    try {
      const made = INSTRUCTIONS[index]!(b, pool[first % pool.length]!, pool[second % pool.length]!, pick);
      pool.push(...(typeof made === 'number' ? [made] : made));
    } catch (error) {
      if (!(error instanceof TypeRuleError)) throw error;
    }
  }
  // the last values are outputs, so that some of the earlier ones are dead
  for (const [index, value] of pool.slice(-3).entries()) b.output(`out${index}`, value);
  return b.build();
}

export const randomInputs: ReadonlyMap<string, WideTensor> = new Map([
  ['x', tensor('f32', [2, 3], [0.5, -1.5, 2, 0, -0.25, 3])],
  ['y', tensor('f32', [2, 1], [-2, 0.75])],
]);

export const randomParameter = (): WideTensor => tensor('f32', [3], [1, -1, 0.1]);
