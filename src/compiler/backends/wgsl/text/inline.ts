/**
 * Ops that need no kernel of their own: how to compute the element of a result at given coordinates from elements of the
 * operands. A total table over those ops; fusion asks it whether an op may be folded into its readers.
 */
import { addDims, type Dim, type Shape } from '../../../../shared/dim.ts';
import type { Node, TensorType } from '../../../ir/graph.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import { COLUMN_ROUNDS, FIELD, KEY_ROUNDS, ROW_ROUNDS, UNIFORM_STEPS } from '../../../ops/random.ts';
import type { Block } from './code.ts';
import { type Coordinate, linearise, minus, plus, reshapeCoordinates, times } from './index-math.ts';
import { SCALAR_TYPES } from './scalar.ts';
import { expanded, permuted, reshaped, type Strided, sliced } from './strided.ts';

/** What a rule works with: `element(i, coordinates)` is the text of operand i's element there. */
export interface InlineContext<N extends keyof OpAttributes> {
  readonly block: Block;
  readonly node: Node<N>;
  readonly types: readonly TensorType[];
  /** which of the node's outputs is wanted */
  readonly output: number;
  readonly coordinates: readonly Coordinate[];
  element(operand: number, coordinates: readonly Coordinate[]): string;
}

export interface InlineRule<N extends keyof OpAttributes> {
  /** simple operations per element */
  readonly cost: number;
  element(context: InlineContext<N>): string;
  /** the same view as strides, where the op is one: of operand 0's strides */
  strided?(view: Strided, node: Node<N>, output: number, shape: Shape): Strided | undefined;
}

type ViewOp = 'reshape' | 'transpose' | 'expand' | 'slice' | 'split' | 'flip' | 'barrier' | 'stop_gradient';
type PlaceOp = 'concat' | 'pad' | 'iota' | 'dim_size' | 'gather' | 'gather_elements' | 'random_uniform';
export type InlineOp = ViewOp | PlaceOp;

const zeroSteps = (shape: Shape): number[] => shape.map(() => 1);

/** Where along its axis each output of a split starts. */
function splitStart(sizes: readonly Dim[], output: number): Dim {
  return sizes.slice(0, output).reduce<Dim>(addDims, 0);
}

export const INLINE: { readonly [N in InlineOp]: InlineRule<N> } = {
  reshape: {
    cost: 0,
    element: ({ block, node, types, coordinates, element }) =>
      element(0, reshapeCoordinates(block, coordinates, node.attributes.shape, types[0]!.shape)),
    strided: (view, _node, _output, shape) => reshaped(view, shape),
  },
  transpose: {
    cost: 0,
    element: ({ node: { attributes }, coordinates, element }) => {
      const source = new Array<Coordinate>(coordinates.length);
      for (const [axis, from] of attributes.permutation.entries()) source[from] = coordinates[axis]!;
      return element(0, source);
    },
    strided: (view, { attributes }) => permuted(view, attributes.permutation),
  },
  expand: {
    cost: 0,
    element: ({ coordinates, element }) => element(0, coordinates),
    strided: (view, _node, _output, shape) => expanded(view, shape),
  },
  slice: {
    cost: 0,
    element: ({ block, node: { attributes }, coordinates, element }) =>
      element(
        0,
        coordinates.map((at, axis) =>
          plus(times(at, `${attributes.steps[axis]!}u`), block.size(attributes.starts[axis]!)),
        ),
      ),
    strided: (view, { attributes }, _output, shape) => sliced(view, attributes.starts, attributes.steps, shape),
  },
  split: {
    cost: 0,
    element: ({ block, node: { attributes }, output, coordinates, element }) =>
      element(
        0,
        coordinates.map((at, axis) =>
          axis === attributes.axis ? plus(at, block.size(splitStart(attributes.sizes, output))) : at,
        ),
      ),
    strided: (view, { attributes }, output, shape) =>
      sliced(
        view,
        shape.map((_, axis) => (axis === attributes.axis ? splitStart(attributes.sizes, output) : 0)),
        zeroSteps(shape),
        shape,
      ),
  },
  flip: {
    cost: 0,
    element: ({ block, node: { attributes }, types, coordinates, element }) =>
      element(
        0,
        coordinates.map((at, axis) =>
          attributes.axes.includes(axis) ? minus(block.size(addDims(types[0]!.shape[axis]!, -1)), at) : at,
        ),
      ),
  },
  // kernels run in the graph's order, so what is computed again is computed where it is read
  barrier: { cost: 0, element: ({ coordinates, element }) => element(0, coordinates), strided: (view) => view },
  stop_gradient: { cost: 0, element: ({ coordinates, element }) => element(0, coordinates), strided: (view) => view },
  concat: {
    cost: 2,
    element: ({ block, node: { attributes }, types, coordinates, element }) => {
      const at = coordinates[attributes.axis]!;
      let start: Dim = 0;
      let text = '';
      for (const [operand, { shape }] of types.entries()) {
        const own = block.name(minus(at, block.size(start)));
        const value = element(
          operand,
          coordinates.map((other, axis) => (axis === attributes.axis ? own : other)),
        );
        // reads outside an operand stay inside its buffer (WebGPU clamps them) and are not selected
        text = operand === 0 ? value : block.name(`select(${text}, ${value}, ${at} >= ${block.size(start)})`, 'v');
        start = addDims(start, shape[attributes.axis]!);
      }
      return text;
    },
  },
  pad: {
    cost: 2,
    element: ({ block, node: { attributes }, types, coordinates, element }) => {
      const { shape, dtype } = types[0]!;
      const conditions: string[] = [];
      const inside = coordinates.map((at, axis) => {
        const [before, after] = [attributes.before[axis]!, attributes.after[axis]!];
        if (before === 0 && after === 0) return at;
        const own = block.name(minus(at, `${before}u`));
        conditions.push(`${own} < ${block.size(shape[axis]!)}`); // below 0 wraps around to a large number
        return own;
      });
      const value = element(0, inside);
      const filler = block.code.literal(SCALAR_TYPES[dtype], attributes.value);
      return conditions.length === 0
        ? value
        : block.name(`select(${filler}, ${value}, ${conditions.join(' && ')})`, 'v');
    },
  },
  iota: { cost: 0, element: ({ node: { attributes }, coordinates }) => `i32(${coordinates[attributes.axis]!})` },
  dim_size: { cost: 0, element: ({ block, node: { attributes } }) => `i32(${block.size(attributes.dim)})` },
  gather: {
    cost: 2,
    element: ({ block, node: { attributes }, types, coordinates, element }) => {
      const [from, rank] = [attributes.axis, types[1]!.shape.length];
      const index = block.name(`u32(${element(1, coordinates.slice(from, from + rank))})`);
      return element(0, [...coordinates.slice(0, from), index, ...coordinates.slice(from + rank)]);
    },
  },
  gather_elements: {
    cost: 2,
    element: ({ block, node: { attributes }, coordinates, element }) => {
      const index = block.name(`u32(${element(1, coordinates)})`);
      return element(
        0,
        coordinates.map((at, axis) => (axis === attributes.axis ? index : at)),
      );
    },
  },
  // the rounds of ops/random.ts in u32; the seed's bits are a number below 2³²
  random_uniform: {
    cost: 16,
    element: ({ block, node: { attributes }, coordinates, element }) => {
      const { shape, salt } = attributes;
      const cube = block.code.use('cube_mod');
      const key = block.once(`key ${salt} ${element(0, [])}`, () => {
        const seed = block.name(`bitcast<u32>(${element(0, [])})`);
        const words = [`${seed} % ${FIELD}u`, `(${seed} / ${FIELD}u) % ${FIELD}u`, '0u'];
        let text = block.code.argument(salt % FIELD); // an argument: the masks of all layers are one kernel
        for (const word of words) {
          for (const constant of KEY_ROUNDS) text = block.name(`${cube}(${text} + (${word}) + ${constant}u)`, 'key');
        }
        return text;
      });
      const mixed = (index: Coordinate, rounds: readonly number[]): string =>
        rounds.reduce(
          (x, constant) => block.name(`${cube}(${x} + ${key} + ${constant}u)`, 'h'),
          `(${index} % ${FIELD}u)`,
        );
      const column = mixed(coordinates.at(-1) ?? '0u', COLUMN_ROUNDS);
      const row = mixed(block.name(linearise(block, coordinates.slice(0, -1), shape.slice(0, -1))), ROW_ROUNDS);
      return `f32(${cube}(${row} + ${column})) * ${1 / UNIFORM_STEPS}`;
    },
  },
};

export function isInline(op: string): op is InlineOp {
  return Object.hasOwn(INLINE, op);
}

/** Ops that only say where an element lies. */
export function isView(op: string): op is ViewOp {
  return isInline(op) && INLINE[op].cost === 0 && op !== 'iota' && op !== 'dim_size';
}
