/**
 * Ops that need no kernel of their own: how to compute the element of a result at given coordinates from elements of the
 * operands. A total table over those ops; fusion asks it whether an op may be folded into its readers.
 */
import { addDims, type Dim } from '../../../../shared/dim.ts';
import type { Node, TensorType } from '../../../ir/graph.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import { COLUMN_ROUNDS, FIELD, KEY_ROUNDS, ROW_ROUNDS, UNIFORM_STEPS } from '../../../ops/random.ts';
import type { Block } from './block.ts';
import {
  axesOf,
  constant,
  type Index,
  keyOf,
  linearise,
  minus,
  plus,
  reshapeCoordinates,
  times,
  word,
  ZERO,
} from './expr.ts';
import { binary, bitcast, chain, converted, type Expression, literal, select } from './expression.ts';
import { library } from './library.ts';
import { SCALAR_TYPES } from './scalar.ts';

/** What a view is asked: which element of its operand is the one at `coordinates` of this output. */
export interface ViewContext<N extends keyof OpAttributes> {
  readonly node: Node<N>;
  readonly types: readonly TensorType[];
  /** which of the node's outputs is wanted */
  readonly output: number;
  readonly coordinates: readonly Index[];
}

/** What another rule works with: `element(i, coordinates)` is operand i's element there. */
export interface InlineContext<N extends keyof OpAttributes> extends ViewContext<N> {
  readonly block: Block;
  element(operand: number, coordinates: readonly Index[]): Expression;
}

/** Coordinates of an element of operand 0. */
export type ViewRule<N extends keyof OpAttributes> = (context: ViewContext<N>) => readonly Index[];

export interface InlineRule<N extends keyof OpAttributes> {
  /** simple operations per element */
  readonly cost: number;
  element(context: InlineContext<N>): Expression;
}

export type ViewOp =
  | 'reshape'
  | 'transpose'
  | 'expand'
  | 'slice'
  | 'split'
  | 'flip'
  | 'barrier'
  | 'stop_gradient'
  | 'with_gradient';
export type PlaceOp =
  | 'concat'
  | 'pad'
  | 'iota'
  | 'dim_size'
  | 'gather'
  | 'gather_elements'
  | 'random_uniform'
  | 'upstream_gradient';
export type InlineOp = ViewOp | PlaceOp;

/** Where along its axis each output of a split starts. */
function splitStart(sizes: readonly Dim[], output: number): Dim {
  return sizes.slice(0, output).reduce<Dim>(addDims, 0);
}

/** Ops that only say where an element lies. */
export const VIEWS: { readonly [N in ViewOp]: ViewRule<N> } = {
  reshape: ({ node, types, coordinates }) => reshapeCoordinates(coordinates, node.attributes.shape, types[0]!.shape),
  transpose: ({ node: { attributes }, coordinates }) => {
    const source = new Array<Index>(coordinates.length);
    for (const [axis, from] of attributes.permutation.entries()) source[from] = coordinates[axis]!;
    return source;
  },
  expand: ({ coordinates }) => coordinates,
  slice: ({ node: { attributes }, coordinates }) =>
    coordinates.map((at, axis) => plus(times(at, attributes.steps[axis]!), constant(attributes.starts[axis]!))),
  split: ({ node: { attributes }, output, coordinates }) =>
    coordinates.map((at, axis) =>
      axis === attributes.axis ? plus(at, constant(splitStart(attributes.sizes, output))) : at,
    ),
  flip: ({ node: { attributes }, types, coordinates }) =>
    coordinates.map((at, axis) =>
      attributes.axes.includes(axis) ? minus(constant(addDims(types[0]!.shape[axis]!, -1)), at) : at,
    ),
  // kernels run in the graph's order, so what is computed again is computed where it is read
  barrier: ({ coordinates }) => coordinates,
  stop_gradient: ({ coordinates }) => coordinates,
  with_gradient: ({ coordinates }) => coordinates,
};

export const INLINE: { readonly [N in PlaceOp]: InlineRule<N> } = {
  concat: {
    cost: 2,
    element: ({ block, node: { attributes }, types, coordinates, element }) => {
      const at = coordinates[attributes.axis]!;
      let start: Dim = 0;
      let found: Expression | undefined;
      for (const [operand, { shape }] of types.entries()) {
        const own = minus(at, constant(start));
        const value = element(
          operand,
          coordinates.map((other, axis) => (axis === attributes.axis ? own : other)),
        );
        // reads outside an operand stay inside its buffer (WebGPU clamps them) and are not selected
        found = found ? block.name(select(found, value, binary('>=', block.named(at), block.size(start))), 'v') : value;
        start = addDims(start, shape[attributes.axis]!);
      }
      return found!;
    },
  },
  pad: {
    cost: 2,
    element: ({ block, node: { attributes }, types, coordinates, element }) => {
      const { shape, dtype } = types[0]!;
      const conditions: Expression[] = [];
      const inside = coordinates.map((at, axis) => {
        const [before, after] = [attributes.before[axis]!, attributes.after[axis]!];
        if (before === 0 && after === 0) return at;
        const own = minus(at, constant(before));
        conditions.push(binary('<', block.named(own), block.size(shape[axis]!))); // below 0 wraps around to a large number
        return own;
      });
      const value = element(0, inside);
      const filler = block.code.literal(SCALAR_TYPES[dtype], attributes.value);
      return conditions.length === 0 ? value : block.name(select(filler, value, chain('&&', conditions)), 'v');
    },
  },
  iota: {
    cost: 0,
    element: ({ block, node: { attributes }, coordinates }) =>
      block.name(converted('i32', block.index(coordinates[attributes.axis]!))),
  },
  dim_size: { cost: 0, element: ({ block, node: { attributes } }) => converted('i32', block.size(attributes.dim)) },
  gather: {
    cost: 2,
    element: ({ block, node, types, coordinates, element }) => {
      const { attributes } = node;
      const [from, rank] = [attributes.axis, types[1]!.shape.length];
      const index = looked(block, node, coordinates.slice(from, from + rank), element);
      return element(0, [...coordinates.slice(0, from), index, ...coordinates.slice(from + rank)]);
    },
  },
  gather_elements: {
    cost: 2,
    element: ({ block, node, coordinates, element }) => {
      const { attributes } = node;
      const index = looked(block, node, coordinates, element);
      return element(
        0,
        coordinates.map((at, axis) => (axis === attributes.axis ? index : at)),
      );
    },
  },
  upstream_gradient: { cost: 0, element: () => literal('f32', 0) },
  // the rounds of ops/random.ts in u32; the seed's bits are a number below 2³²
  random_uniform: {
    cost: 16,
    element: ({ block, node: { attributes }, coordinates, element }) => {
      const { shape, salt } = attributes;
      const u32 = (number: number): Expression => literal('u32', number);
      const field = u32(FIELD);
      const cube = (...of: readonly Expression[]): Expression => library('cube_mod', [chain('+', of)]);
      const seeded = element(0, []);
      const key = block.once(`key ${salt} ${seeded.key}`, () => {
        const seed = block.name(bitcast('u32', seeded));
        const words = [binary('%', seed, field), binary('%', binary('/', seed, field), field), u32(0)];
        let mixed = block.code.argument(salt % FIELD); // an argument: the masks of all layers are one kernel
        for (const word of words) {
          for (const constant of KEY_ROUNDS) mixed = block.name(cube(mixed, word, u32(constant)), 'key');
        }
        return mixed;
      });
      const mixed = (index: Index, rounds: readonly number[]): Expression =>
        rounds.reduce<Expression>(
          (x, constant) => block.name(cube(x, key, u32(constant)), 'h'),
          binary('%', block.named(index), field),
        );
      const column = mixed(coordinates.at(-1) ?? ZERO, COLUMN_ROUNDS);
      const row = mixed(linearise(coordinates.slice(0, -1), shape.slice(0, -1)), ROW_ROUNDS);
      return binary('*', converted('f32', cube(row, column)), literal('f32', 1 / UNIFORM_STEPS));
    },
  },
};

/** The index that operand 1 holds at these coordinates. */
function looked(
  block: Block,
  { inputs }: Node<'gather'> | Node<'gather_elements'>,
  coordinates: readonly Index[],
  element: InlineContext<'gather'>['element'],
): Index {
  const index = block.name(converted('u32', element(1, coordinates)));
  const axes = new Set(coordinates.flatMap((at) => [...axesOf(at)]));
  return word(index, `%${inputs[1]}[${keyOf(coordinates)}]`, axes);
}

export function isView(op: string): op is ViewOp {
  return Object.hasOwn(VIEWS, op);
}

/** Ops that are computed where they are read. */
export function isInline(op: string): op is InlineOp {
  return isView(op) || Object.hasOwn(INLINE, op);
}

/** Simple operations per element. */
export const inlineCost = (op: InlineOp): number => (isView(op) ? 0 : INLINE[op].cost);
