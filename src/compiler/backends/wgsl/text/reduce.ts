/**
 * Ops whose element is a fold over a domain: sums, extremes, convolutions, pooling, adding writes. A rule says how large
 * the domain is, what each of its places contributes, and what is made of the result. No adding write uses atomics: each
 * element of the result looks for its own updates, so results do not depend on the order of threads.
 */
import { productOf, type Shape } from '../../../../shared/dim.ts';
import type { Node, TensorType } from '../../../ir/graph.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import type { Block } from './block.ts';
import { constant, type Index, plus, times } from './expr.ts';
import { binary, builtin, chain, converted, type Expression, literal, select, unary } from './expression.ts';
import { library } from './library.ts';
import { SCALAR_TYPES } from './scalar.ts';
import { imageSize, inGroup, inside, reached, there, type Window } from './windows.ts';

export type Combine = 'sum' | 'max' | 'min' | 'argmax';

export interface ReduceContext<N extends keyof OpAttributes> {
  readonly block: Block;
  readonly node: Node<N>;
  readonly types: readonly TensorType[];
  readonly outputType: TensorType;
  /** of the result's element */
  readonly coordinates: readonly Index[];
  /** an operand's element, named */
  element(operand: number, coordinates: readonly Index[]): Expression;
}

export interface ReduceRule<N extends keyof OpAttributes> {
  readonly combine: Combine;
  /** the domain's axes; where only the kernel knows the size, what they stay below (cumsum: as far as the element itself) */
  domain(node: Node<N>, types: readonly TensorType[], outputType: TensorType): Shape;
  /** the domain of cumsum ends at the element */
  readonly upTo?: (context: ReduceContext<N>) => Index;
  /** what one place contributes */
  body(context: ReduceContext<N>, at: readonly Index[]): Expression;
  /** the element from the folded value */
  finish?(context: ReduceContext<N>, folded: Expression): Expression;
  /** folds plain axes of its operand: may become one reduction of a row kernel */
  readonly rows?: true;
}

type AxesOp = 'sum' | 'mean' | 'max' | 'min';
export type ReduceOp =
  | AxesOp
  | ('argmax' | 'cumsum' | 'scatter_add' | 'scatter_elements_add')
  | ('conv2d' | 'conv2d_grad_input' | 'conv2d_grad_weight' | 'avg_pool2d' | 'max_pool2d' | 'max_pool2d_grad');

/** Indexs of the operand: those of the result on kept axes, those of the domain on folded ones. */
function unfolded(
  rank: number,
  { axes, keepdims }: OpAttributes['sum'],
  coordinates: readonly Index[],
  at: readonly Index[],
): Index[] {
  let kept = 0;
  return Array.from({ length: rank }, (_, axis) => {
    const folded = axes.indexOf(axis);
    if (folded >= 0) {
      if (keepdims) kept++;
      return at[folded]!;
    }
    return coordinates[kept++]!;
  });
}

function axesRule<N extends AxesOp>(
  combine: Combine,
  finish?: (context: ReduceContext<N>, folded: Expression) => Expression,
): ReduceRule<N> {
  return {
    combine,
    rows: true,
    domain: ({ attributes }, types) => (attributes as OpAttributes['sum']).axes.map((axis) => types[0]!.shape[axis]!),
    body: ({ node, types, coordinates, element }, at) =>
      element(0, unfolded(types[0]!.shape.length, node.attributes as OpAttributes['sum'], coordinates, at)),
    ...(finish ? { finish } : {}),
  };
}

const window = ({ stride, padding }: Pick<Window, 'stride' | 'padding'>): Window => ({
  stride,
  padding,
  dilation: [1, 1],
});

export const REDUCTIONS: { readonly [N in ReduceOp]: ReduceRule<N> } = {
  sum: axesRule('sum'),
  mean: axesRule<'mean'>('sum', ({ block, node, types }, folded) => {
    const count = productOf(node.attributes.axes.map((axis) => types[0]!.shape[axis]!));
    const size = typeof count === 'number' ? literal('f32', count) : converted('f32', block.size(count));
    return binary('/', folded, size);
  }),
  max: axesRule('max'),
  min: axesRule('min'),
  argmax: {
    combine: 'argmax',
    domain: ({ attributes: { axis } }, types) => [types[0]!.shape[axis]!],
    body: ({ node: { attributes }, coordinates, element }, [at]) =>
      element(0, [...coordinates.slice(0, attributes.axis), at!, ...coordinates.slice(attributes.axis)]),
  },
  cumsum: {
    combine: 'sum',
    domain: ({ attributes: { axis } }, types) => [types[0]!.shape[axis]!],
    upTo: ({ node: { attributes }, coordinates }) => plus(coordinates[attributes.axis]!, constant(1)),
    body: ({ node: { attributes }, coordinates, element }, [at]) =>
      element(
        0,
        coordinates.map((own, axis) => (axis === attributes.axis ? at! : own)),
      ),
  },
  scatter_add: {
    combine: 'sum',
    domain: (_node, types) => types[1]!.shape,
    body: ({ block, node: { attributes }, outputType, coordinates, element }, [at]) => {
      const own = coordinates[attributes.axis]!;
      const update = element(
        2,
        coordinates.map((other, axis) => (axis === attributes.axis ? at! : other)),
      );
      const hit = binary('==', converted('u32', element(1, [at!])), block.named(own));
      return block.name(select(zero(outputType), update, hit), 'v');
    },
    finish: ({ coordinates, element }, folded) => binary('+', element(0, coordinates), folded),
  },
  scatter_elements_add: {
    combine: 'sum',
    domain: ({ attributes: { axis } }, types) => [types[1]!.shape[axis]!],
    body: ({ block, node: { attributes }, outputType, coordinates, element }, [at]) => {
      const place = coordinates.map((other, axis) => (axis === attributes.axis ? at! : other));
      const hit = binary('==', converted('u32', element(1, place)), block.named(coordinates[attributes.axis]!));
      return block.name(select(zero(outputType), element(2, place), hit), 'v');
    },
    finish: ({ coordinates, element }, folded) => binary('+', element(0, coordinates), folded),
  },
  // y[n, o, y, x] = Σ x[n, c, y·s − p + i·d, …] · w[o, c, i, j] (+ bias[o])
  conv2d: {
    combine: 'sum',
    domain: (_node, types) => types[1]!.shape.slice(1),
    body: ({ block, node: { attributes }, types, coordinates: [n, o, y, x], element }, [c, i, j]) => {
      const [, group] = inGroup(o!, Number(types[1]!.shape[0]) / attributes.groups, attributes.groups);
      const channel = block.fixed(plus(times(group, types[1]!.shape[1]!), c!));
      const place = inside(block, [y!, x!], [i!, j!], attributes, imageSize(types[0]!));
      const value = there(block, place, element(0, [n!, channel, ...place.at]));
      return binary('*', value, element(1, [o!, c!, i!, j!]));
    },
    finish: ({ types, coordinates, element }, folded) =>
      types.length > 2 ? binary('+', folded, element(2, [coordinates[1]!])) : folded,
  },
  conv2d_grad_input: {
    combine: 'sum',
    domain: ({ attributes: { groups } }, types) => [
      Number(types[1]!.shape[0]) / groups,
      types[1]!.shape[2]!,
      types[1]!.shape[3]!,
    ],
    body: ({ block, node: { attributes }, types, coordinates: [n, c, y, x], element }, [o, i, j]) => {
      const [own, group] = inGroup(c!, types[1]!.shape[1]!, attributes.groups);
      const each = Number(types[1]!.shape[0]) / attributes.groups;
      const channel = block.fixed(plus(times(group, each), o!));
      const place = reached(block, [y!, x!], [i!, j!], attributes, imageSize(types[0]!));
      const value = there(block, place, element(0, [n!, channel, ...place.at]));
      return binary('*', value, element(1, [channel, own, i!, j!]));
    },
  },
  conv2d_grad_weight: {
    combine: 'sum',
    domain: (_node, types) => [types[1]!.shape[0]!, types[1]!.shape[2]!, types[1]!.shape[3]!],
    body: ({ block, node: { attributes }, types, outputType, coordinates: [o, c, i, j], element }, [n, y, x]) => {
      const [, group] = inGroup(o!, Number(outputType.shape[0]) / attributes.groups, attributes.groups);
      const channel = block.fixed(plus(times(group, outputType.shape[1]!), c!));
      const place = inside(block, [y!, x!], [i!, j!], attributes, imageSize(types[0]!));
      const value = there(block, place, element(0, [n!, channel, ...place.at]));
      return binary('*', value, element(1, [n!, o!, y!, x!]));
    },
  },
  avg_pool2d: {
    combine: 'sum',
    domain: ({ attributes: { kernel } }) => kernel,
    body: ({ block, node: { attributes }, types, coordinates: [n, c, y, x], element }, [i, j]) => {
      const place = inside(block, [y!, x!], [i!, j!], window(attributes), imageSize(types[0]!));
      return there(block, place, element(0, [n!, c!, ...place.at]));
    },
    finish: ({ block, node: { attributes }, types, coordinates: [, , y, x] }, folded) => {
      const { kernel, stride, padding, count_include_pad } = attributes;
      if (count_include_pad) return binary('/', folded, literal('f32', kernel[0] * kernel[1]));
      const i32 = (number: number): Expression => literal('i32', number);
      const covered = (at: Index, axis: 0 | 1): Expression => {
        const start = binary('-', converted('i32', block.named(times(at, stride[axis]))), i32(padding[axis]));
        const size = converted('i32', block.size(imageSize(types[0]!)[axis]));
        const end = builtin('min', [binary('+', start, i32(kernel[axis])), size]);
        return binary('-', end, builtin('max', [start, i32(0)]));
      };
      return binary('/', folded, converted('f32', binary('*', covered(y!, 0), covered(x!, 1))));
    },
  },
  max_pool2d: {
    combine: 'max',
    domain: ({ attributes: { kernel } }) => kernel,
    body: ({ block, node: { attributes }, types, coordinates: [n, c, y, x], element }, [i, j]) => {
      const place = inside(block, [y!, x!], [i!, j!], window(attributes), imageSize(types[0]!));
      return there(block, place, element(0, [n!, c!, ...place.at]), Number.NEGATIVE_INFINITY);
    },
  },
  // dy of each window around the element whose first largest element, or whose last NaN, it is
  max_pool2d_grad: {
    combine: 'sum',
    domain: ({ attributes: { kernel } }) => kernel,
    body: ({ block, node: { attributes }, types, coordinates: [n, c, y, x], element }, [i, j]) => {
      const around = window(attributes);
      const place = reached(block, [y!, x!], [i!, j!], around, imageSize(types[1]!));
      const own = element(0, [n!, c!, y!, x!]);
      const isNumber = unary('!', block.name(library('is_nan', [own]), 'odd'));
      const [row, column] = [block.named(i!), block.named(j!)];
      /** whether place (a, b) of the window lies on one side of the element's */
      const isBeside = (side: '<' | '>', a: number, b: number): Expression => {
        const [ownRow, ownColumn] = [literal('u32', a), literal('u32', b)];
        const inRow = binary('&&', binary('==', ownRow, row), binary(side, ownColumn, column));
        return binary('||', binary(side, ownRow, row), inRow);
      };
      const rivals: Expression[] = [];
      const [height, width] = attributes.kernel;
      for (let a = 0; a < height; a++) {
        for (let b = 0; b < width; b++) {
          const rival = inside(block, place.at, [constant(a), constant(b)], around, imageSize(types[0]!));
          const value = element(0, [n!, c!, ...rival.at]);
          const tied = binary('&&', binary('==', value, own), isBeside('<', a, b));
          const larger = binary('&&', isNumber, binary('||', binary('>', value, own), tied));
          const odd = binary('||', isNumber, isBeside('>', a, b));
          const beats = select(larger, odd, library('is_nan', [value]));
          rivals.push(block.name(chain('&&', [...rival.conditions, beats]), 'beaten'));
        }
      }
      const conditions = [...place.conditions, unary('!', chain('||', rivals))];
      return there(block, { at: place.at, conditions }, element(1, [n!, c!, ...place.at]));
    },
  },
};

const zero = ({ dtype }: TensorType): Expression => literal(SCALAR_TYPES[dtype], 0);

export function isReduction(op: string): op is ReduceOp {
  return Object.hasOwn(REDUCTIONS, op);
}
