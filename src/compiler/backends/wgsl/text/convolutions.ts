/**
 * Convolutions as matrix products whose operands are read where windows put them, so that patches are never in memory:
 *
 *   y[n, o, (y, x)]    = Σ_(c, i, j)  w[o, (c, i, j)] · x[n, c, y·s − p + i·d, …]       batch n · groups, m = o, n = (y, x)
 *   dx[n, c, (y, x)]   = Σ_(o, i, j)  w[o, c, i, j]   · dy[n, o, (y + p − i·d) / s, …]  batch n · groups, m = c, n = (y, x)
 *   dw[o, (c, i, j)]   = Σ_(n, y, x)  dy[n, o, y, x]  · x[n, c, y·s − p + i·d, …]       batch groups,     m = o, n = (c, i, j)
 *
 * Channels are those of a group. (Implicit GEMM: Chetlur et al. 2014, arXiv 1410.0759.)
 */
import { type Dim, mulDims, productOf } from '../../../../shared/dim.ts';
import { type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { DimPair, Windowing } from '../../../ops/convolution.ts';
import type { Profile, Template } from '../families/contract.ts';
import type { Block } from './block.ts';
import { delinearise, type Index, modulo, over, plus, times } from './expr.ts';
import { type Operand, operandAt } from './operands.ts';
import { productTemplate, withBias } from './products.ts';
import { flattened, type WindowProduct, windowProduct } from './window-product.ts';
import { imageSize, inside, type Pixel, reached, reachesItself, thereOrZero, under } from './windows.ts';
import type { KernelWriter } from './writer.ts';

type Indices = readonly [Index, Index];

/** Sizes of a convolution y of x, and of one group of its channels. */
interface Sizes {
  readonly groups: number;
  readonly images: Dim;
  /** output channels of a group */
  readonly out: Dim;
  /** input channels of a group, and the window */
  readonly taps: readonly [channels: Dim, height: Dim, width: Dim];
  readonly image: DimPair;
  readonly places: DimPair;
}

function sizesOf({ facts }: KernelWriter, x: ValueId, weight: ValueId, y: ValueId, groups: number): Sizes {
  const [image, kernel, result] = [x, weight, y].map((value) => typeOf(facts.graph, value));
  const [out, ...taps] = kernel!.shape as [number, Dim, Dim, Dim];
  return {
    groups,
    images: image!.shape[0]!,
    out: out / groups,
    taps,
    image: imageSize(image!),
    places: imageSize(result!),
  };
}

/** Channels of a tensor [N, C, H, W] over coordinates of a product, where windows are there, and which tap of them. */
type Seen = (at: readonly Index[]) => readonly [image: Index, channel: Index, place: Indices, tap: Indices];

/** The pixels of x under windows. */
function underWindows(writer: KernelWriter, x: ValueId, window: Windowing, seen: Seen): Operand {
  if (window.padding.every((size) => size === 0)) {
    return operandAt(writer, x, (at) => {
      const [image, channel, place, tap] = seen(at);
      return [image, channel, ...under(place, tap, window)];
    });
  }
  const size = imageSize(typeOf(writer.facts.graph, x));
  return pixels(writer, x, seen, (block, place, tap) => inside(block, place, tap, window, size));
}

function pixels(
  { evaluator }: KernelWriter,
  value: ValueId,
  seen: Seen,
  pixel: (block: Block, place: Indices, tap: Indices) => Pixel,
): Operand {
  return {
    place: () => undefined,
    element: (block, at) => {
      const [image, channel, place, tap] = seen(at);
      const found = pixel(block, place, tap);
      return thereOrZero(block, found, evaluator.element(block, value, [image, channel, ...found.at]));
    },
  };
}

/** An image and a group for one of images · groups. */
const imageAndGroup = (batch: Index, groups: number): Indices => [over(batch, groups), modulo(batch, groups)];

/** Channel `own` of a group of `each`. */
const channelOf = (group: Index, each: Dim, own: Index): Index => plus(times(group, each), own);

/** Loops over a window's rows and columns, and in them over its channels. */
const TAPS_OUTSIDE = [1, 2, 0];

/** One tap that moves by one is a product of matrices as they lie. */
function productOfWindows(
  writer: KernelWriter,
  window: Windowing,
  [, ...kernel]: Sizes['taps'],
  profile: Profile,
  product: WindowProduct,
): Template {
  const plain = reachesItself(window, kernel);
  return plain ? productTemplate(writer, flattened(product), profile) : windowProduct(writer, product, profile);
}

/** y: output channels × places, summed over the taps of the window. */
export function convolution(writer: KernelWriter, node: Node<'conv2d'>, profile: Profile): Template {
  const { inputs, outputs, attributes } = node;
  const [x, weight, bias] = inputs as [ValueId, ValueId, ValueId?];
  const { groups, images, out, taps, places } = sizesOf(writer, x, weight, outputs[0], attributes.groups);
  return productOfWindows(writer, attributes, taps, profile, {
    sizes: { batch: mulDims(images, groups), m: out, n: productOf(places) },
    summed: taps,
    loops: TAPS_OUTSIDE,
    a: operandAt(writer, weight, ([batch, row, ...tap]) => [
      channelOf(imageAndGroup(batch!, groups)[1], out, row!),
      ...tap,
    ]),
    b: underWindows(writer, x, attributes, ([batch, column, channel, i, j]) => {
      const [image, group] = imageAndGroup(batch!, groups);
      return [image, channelOf(group, taps[0], channel!), delinearise(column!, places) as [Index, Index], [i!, j!]];
    }),
    result: outputs[0],
    resultAt: ([batch, row, column]) => {
      const [image, group] = imageAndGroup(batch!, groups);
      return [image, channelOf(group, out, row!), ...delinearise(column!, places)];
    },
    finished: (block, [batch, row]) =>
      withBias(writer, block, bias, channelOf(imageAndGroup(batch!, groups)[1], out, row!)),
  });
}

/** dx: input channels × pixels, summed over the output channels and the taps by which they see a pixel. */
export function inputGradient(writer: KernelWriter, node: Node<'conv2d_grad_input'>, profile: Profile): Template {
  const { inputs, outputs, attributes } = node;
  const [dy, weight] = inputs;
  const { groups, images, out, taps, image: size, places } = sizesOf(writer, outputs[0], weight, dy, attributes.groups);
  const [channels, ...window] = taps;
  const seen: Seen = ([batch, column, own, i, j]) => {
    const [image, group] = imageAndGroup(batch!, groups);
    return [image, channelOf(group, out, own!), delinearise(column!, size) as [Index, Index], [i!, j!]];
  };
  return productOfWindows(writer, attributes, taps, profile, {
    sizes: { batch: mulDims(images, groups), m: channels, n: productOf(size) },
    summed: [out, ...window],
    loops: TAPS_OUTSIDE,
    a: operandAt(writer, weight, ([batch, row, own, ...tap]) => [
      channelOf(imageAndGroup(batch!, groups)[1], out, own!),
      row!,
      ...tap,
    ]),
    b: reachesItself(attributes, window)
      ? operandAt(writer, dy, (at) => {
          const [image, channel, place] = seen(at);
          return [image, channel, ...place];
        })
      : pixels(writer, dy, seen, (block, place, tap) => reached(block, place, tap, attributes, places)),
    result: outputs[0],
    resultAt: ([batch, row, column]) => {
      const [image, group] = imageAndGroup(batch!, groups);
      return [image, channelOf(group, channels, row!), ...delinearise(column!, size)];
    },
  });
}

/** dw: output channels × taps, summed over images and places. */
export function weightGradient(writer: KernelWriter, node: Node<'conv2d_grad_weight'>, profile: Profile): Template {
  const { inputs, outputs, attributes } = node;
  const [x, dy] = inputs;
  const { groups, images, out, taps, places } = sizesOf(writer, x, outputs[0], dy, attributes.groups);
  return productOfWindows(writer, attributes, taps, profile, {
    sizes: { batch: groups, m: out, n: productOf(taps) },
    summed: [images, ...places],
    loops: [0, 1, 2],
    a: operandAt(writer, dy, ([group, row, image, ...place]) => [image!, channelOf(group!, out, row!), ...place]),
    b: underWindows(writer, x, attributes, ([group, column, image, i, j]) => {
      const [channel, ...tap] = delinearise(column!, taps) as [Index, Index, Index];
      return [image!, channelOf(group!, taps[0], channel), [i!, j!], tap];
    }),
    result: outputs[0],
    resultAt: ([group, row, column]) => [channelOf(group!, out, row!), ...delinearise(column!, taps)],
  });
}
