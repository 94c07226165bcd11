/** Where a window over an image [N, C, H, W] reads: what convolutions, their gradients and the pools have in common. */
import type { Dim } from '../../../../shared/dim.ts';
import type { TensorType } from '../../../ir/graph.ts';
import type { DimPair, Windowing as Window } from '../../../ops/convolution.ts';
import type { Block } from './block.ts';
import { axesOf, constant, type Index, minus, modulo, over, plus, times, word, ZERO } from './expr.ts';
import { binary, chain, type Expression, literal, select } from './expression.ts';

export type { Window };

/** Rows and columns. */
type Indices = readonly [Index, Index];

/** Rows and columns, and what has to hold so that they are some of the image. */
export interface Pixel {
  readonly at: Indices;
  readonly conditions: readonly Expression[];
}

export const imageSize = ({ shape }: TensorType): DimPair => [shape[2]!, shape[3]!];

const isZero = ({ terms, offset }: Index): boolean => terms.length === 0 && offset === 0;

/** Rows and columns of the input under place (i, j) of the window at (y, x): y · stride − padding + i · dilation. */
export function under([y, x]: Indices, [i, j]: Indices, { stride, padding, dilation }: Window): Indices {
  const along = (place: Index, tap: Index, axis: 0 | 1): Index =>
    minus(plus(times(place, stride[axis]), times(tap, dilation[axis])), constant(padding[axis]));
  return [along(y, i, 0), along(x, j, 1)];
}

/** The same, each with a name. Without padding a window is always inside. */
export function inside(block: Block, place: Indices, tap: Indices, window: Window, size: DimPair): Pixel {
  const [row, column] = under(place, tap, window);
  const at: Indices = [block.fixed(row), block.fixed(column)];
  // a place before the first wraps around to a large number
  const conditions = at.flatMap((own, axis) =>
    window.padding[axis] === 0 ? [] : [binary('<', block.index(own), block.size(size[axis]!))],
  );
  return { at, conditions };
}

/** Whether `reached` is (y, x) itself: one tap, which moves by one. */
export const reachesItself = ({ stride, padding }: Window, [height, width]: DimPair): boolean =>
  [...stride, height, width].every((value) => value === 1) && padding.every((value) => value === 0);

/** Rows and columns of the output whose window has (y, x) under its place (i, j). */
export function reached(block: Block, [y, x]: Indices, [i, j]: Indices, window: Window, places: DimPair): Pixel {
  const { stride, padding, dilation } = window;
  const conditions: Expression[] = [];
  const along = (position: Index, tap: Index, axis: 0 | 1): Index => {
    const from = plus(position, constant(padding[axis]));
    const back = times(tap, dilation[axis]);
    const distance = block.named(minus(from, back));
    if (!isZero(back)) conditions.push(binary('>=', block.named(from), block.index(back)));
    const step = literal('u32', stride[axis]);
    const [strided, none] = [stride[axis] > 1, literal('u32', 0)];
    if (strided) conditions.push(binary('==', binary('%', distance, step), none));
    const place = block.name(strided ? binary('/', distance, step) : distance);
    conditions.push(binary('<', place, block.size(places[axis])));
    return word(place, `${place.key} of ${minus(from, back).key}`, axesOf(minus(from, back)));
  };
  const at: Indices = [along(y, i, 0), along(x, j, 1)];
  return { at, conditions };
}

/** The value of a pixel; of one outside, `nothing`. */
export function there(block: Block, { conditions }: Pixel, value: Expression, nothing = 0): Expression {
  if (conditions.length === 0) return value;
  return block.name(select(block.code.literal('f32', nothing), value, chain('&&', conditions)), 'v');
}

/**
 * The same, of one outside 0, where it stands many times in a kernel: a selection by each condition. `&&` is a branch, and
 * software adapters take minutes to compile a hundred of them.
 */
export const thereOrZero = (block: Block, { conditions }: Pixel, value: Expression): Expression =>
  conditions.reduce((found, condition) => block.name(select(literal('f32', 0), found, condition), 'v'), value);

/** Channel within its group, and which group: for a channel of groups of `each`. */
export function inGroup(channel: Index, each: Dim, groups: number): [own: Index, group: Index] {
  if (groups === 1) return [channel, ZERO];
  return [modulo(channel, each), over(channel, each)];
}
