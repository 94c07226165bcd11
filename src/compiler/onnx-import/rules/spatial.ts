/** Convolutions and pools over [N, C, L] and [N, C, H, W], and resizing. */
import { addDims, type Dim, isSymbolic, printDim, type Shape, symbolsOf } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import { covered, type DimPair, dimPlaces } from '../../ops/convolution.ts';
import type { Call, Rule } from '../call.ts';
import { sliced } from './movement.ts';
import { withAxis, withoutAxis } from './shapes.ts';

type Pair = readonly [number, number];

interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly before: Pair;
  readonly after: Pair;
}

/** Operands of one spatial axis are images of height 1. */
function asImage(c: Call, x: ValueId): ValueId {
  const shape = c.shapeOf(x);
  return shape.length === 3 ? c.importer.reshape(x, withAxis(shape, 2)) : x;
}

/** A result in the axes that the operand of the file has. */
function asGiven(c: Call, y: ValueId): ValueId {
  return c.rank(0) === 3 ? c.importer.reshape(y, withoutAxis(c.shapeOf(y), 2)) : y;
}

function expectRank(c: Call): void {
  const rank = c.rank(0);
  if (rank !== 3 && rank !== 4) c.fail(`its operand has ${rank - 2} spatial axes, and MDL has 1 and 2`);
}

/** Of each spatial axis, two of them. */
function pair(c: Call, name: string, list: readonly number[] | undefined, fallback: number): Pair {
  const spatial = c.rank(0) - 2;
  const values = list ?? new Array<number>(spatial).fill(fallback);
  if (values.length !== spatial) c.fail(`its ${name} has ${values.length} items for ${spatial} spatial axes`);
  return spatial === 1 ? [name === 'pads' ? 0 : 1, values[0]!] : (values as unknown as Pair);
}

/** Height and width of the operand; what has one spatial axis is an image of height 1. */
function dimsOfImage(c: Call): DimPair {
  const shape = c.shape(0);
  return [shape.length === 3 ? 1 : shape[2]!, shape.at(-1)!];
}

const axisName = (c: Call, axis: number): string => (c.rank(0) === 3 ? 'length' : axis === 0 ? 'height' : 'width');

/** The same as numbers. */
const sizes = (c: Call): Pair =>
  dimsOfImage(c).map((dim, i) => c.static(dim, `the ${axisName(c, i)} of its operand`)) as unknown as Pair;

/** A stride divides what is dynamic, so that the result has a size that can be said. */
function expectSteps(c: Call, { kernel, stride, dilation, before, after }: Window): void {
  for (const [i, dim] of dimsOfImage(c).entries()) {
    const whole = addDims(dim, before[i]! + after[i]!);
    if (!isSymbolic(dim) || dimPlaces(whole, kernel[i]!, stride[i]!, 0, dilation[i]!) !== undefined) continue;
    const own = symbolsOf(dim)[0]!;
    c.fail(
      `the ${axisName(c, i)} of its operand is ${printDim(dim)} and its stride ${stride[i]}: make it a multiple, such as --dim "${own}=${stride[i]}*N", or a number, --dim ${own}=SIZE`,
    );
  }
}

/** The attributes of a window; `auto_pad` becomes the padding that it stands for. */
function windowOf(c: Call, kernel: Pair): Window {
  const stride = pair(c, 'strides', c.intList('strides'), 1);
  const dilation = pair(c, 'dilations', c.intList('dilations'), 1);
  const given = c.intList('pads');
  const auto = c.string('auto_pad', 'NOTSET');
  const spatial = c.rank(0) - 2;
  let [before, after]: [Pair, Pair] = [
    [0, 0],
    [0, 0],
  ];
  if (auto === 'NOTSET' || auto === '') {
    if (given && given.length !== 2 * spatial) c.fail(`its pads has ${given.length} items for ${spatial} spatial axes`);
    before = pair(c, 'pads', given?.slice(0, spatial), 0);
    after = pair(c, 'pads', given?.slice(spatial), 0);
  } else if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = sizes(c).map((size, i) =>
      Math.max(0, (Math.ceil(size / stride[i]!) - 1) * stride[i]! + dilation[i]! * (kernel[i]! - 1) + 1 - size),
    ) as unknown as Pair;
    const small = total.map((size) => Math.floor(size / 2)) as unknown as Pair;
    const large = total.map((size) => Math.ceil(size / 2)) as unknown as Pair;
    [before, after] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  } else if (auto !== 'VALID') c.fail(`its auto_pad is ${auto}`);
  return { kernel, stride, dilation, before, after };
}

function kernelOf(c: Call, weight: Shape): Pair {
  const declared = c.intList('kernel_shape');
  const found = weight.slice(2).map((size) => c.static(size, 'the kernel'));
  if (declared && declared.join() !== found.join())
    c.fail(`its kernel_shape is [${declared.join(', ')}] and its weight is ${found.join(' × ')}`);
  return (found.length === 1 ? [1, found[0]!] : found) as unknown as Pair;
}

const isEven = ({ before, after }: Window): boolean => before.join() === after.join();

/** The operand with its padding, where that differs between the sides; the window's is 0 then. */
function padded(c: Call, x: ValueId, window: Window, value: number): readonly [ValueId, Window] {
  const [before, after] = [
    [0, 0, ...window.before],
    [0, 0, ...window.after],
  ];
  const wide = c.emit('pad', [x], { before, after, value });
  return [wide, { ...window, before: [0, 0], after: [0, 0] }];
}

const conv: Rule = (c) => {
  expectRank(c);
  const window = windowOf(c, kernelOf(c, c.shape(1)));
  const groups = c.int('group', 1);
  expectSteps(c, window);
  const image = asImage(c, c.tensor(0, 'f32'));
  const [x, { stride, before, dilation }] = isEven(window) ? [image, window] : padded(c, image, window, 0);
  const bias = c.has(2) ? [c.weight(2)] : [];
  const operands = [x, asImage(c, c.weight(1)), ...bias];
  return c.made(asGiven(c, c.emit('conv2d', operands, { stride, padding: before, dilation, groups })));
};

const convTranspose: Rule = (c) => {
  expectRank(c);
  if (c.given('output_shape')) c.fail('its output_shape decides about its padding');
  const kernel = kernelOf(c, c.shape(1));
  const { stride, dilation, before, after } = windowOf(c, kernel);
  const extra = pair(c, 'output_padding', c.intList('output_padding'), 0).map((size, i) =>
    c.rank(0) === 3 && i === 0 ? 0 : size,
  );
  const even = before.join() === after.join();
  const padding: Pair = even ? before : [0, 0];
  const size = dimsOfImage(c).map((length, i) =>
    addDims(covered(length, kernel[i]!, stride[i]!, padding[i]!, dilation[i]!), extra[i]!),
  ) as unknown as DimPair;
  const groups = c.int('group', 1);
  const operands = [asImage(c, c.tensor(0, 'f32')), asImage(c, c.weight(1))];
  let y = c.emit('conv2d_grad_input', operands, { stride, padding, dilation, groups, size });
  // other amounts on the two sides are cut off
  if (!even)
    y = sliced(
      c,
      y,
      [2, 3].map((axis, i) => ({ axis, start: before[i]!, end: addDims(size[i]!, -after[i]!), step: 1 })),
    );
  if (c.has(2)) y = c.emit('add', [y, c.importer.reshape(c.weight(2), [...c.shape(2), 1, 1])], {});
  return c.made(asGiven(c, y));
};

/** With ceil_mode the last window may hang over the end: by padding that counts for nothing, or an error where it counts. */
function ceiled(c: Call, window: Window): Window {
  if (!c.flag('ceil_mode', false)) return window;
  const after = sizes(c).map((size, i) => {
    const room = size + window.before[i]! + window.after[i]! - window.kernel[i]!;
    const over = Math.ceil(room / window.stride[i]!) * window.stride[i]! - room;
    // a window that would begin in the padding is left out
    const begins = Math.ceil(room / window.stride[i]!) * window.stride[i]!;
    return begins >= size + window.before[i]! ? window.after[i]! : window.after[i]! + over;
  }) as unknown as Pair;
  return { ...window, after };
}

function pooled(c: Call): Window {
  expectRank(c);
  const kernel = pair(c, 'kernel_shape', c.intList('kernel_shape') ?? c.fail('it has no kernel_shape'), 1);
  const window = windowOf(c, kernel);
  if (window.dilation.some((step) => step !== 1)) c.fail('its window is dilated');
  const whole = ceiled(c, window);
  expectSteps(c, whole);
  return whole;
}

/** The pools take padding of at most half a kernel, the same on both sides. */
const fits = (window: Window): boolean =>
  isEven(window) && window.before.every((size, i) => 2 * size <= window.kernel[i]!);

const maxPool: Rule = (c) => {
  c.only('storage_order', 0);
  const window = pooled(c);
  const image = asImage(c, c.tensor(0, 'f32'));
  const [x, { kernel, stride, before }] = fits(window)
    ? [image, window]
    : padded(c, image, window, Number.NEGATIVE_INFINITY);
  return c.made(asGiven(c, c.emit('max_pool2d', [x], { kernel, stride, padding: before })));
};

const averagePool: Rule = (c) => {
  const counts = c.flag('count_include_pad', false);
  const window = pooled(c);
  if (counts && c.flag('ceil_mode', false) && !isEven(window)) c.fail('its ceil_mode and count_include_pad together');
  const image = asImage(c, c.tensor(0, 'f32'));
  if (fits(window)) {
    const { kernel, stride, before } = window;
    return c.made(
      asGiven(c, c.emit('avg_pool2d', [image], { kernel, stride, padding: before, count_include_pad: counts })),
    );
  }
  const average = (x: ValueId): ValueId => {
    const [wide, { kernel, stride }] = padded(c, x, window, 0);
    return c.emit('avg_pool2d', [wide], { kernel, stride, padding: [0, 0], count_include_pad: true });
  };
  if (counts) return c.made(asGiven(c, average(image)));
  // the part of each window that is not padding
  const [, , ...spatial] = c.shapeOf(image) as readonly [Dim, Dim, ...Dim[]];
  const part = average(c.emit('expand', [c.importer.scalar(1)], { shape: [1, 1, ...spatial] }));
  return c.made(asGiven(c, c.emit('div', [average(image), part], {})));
};

const global =
  (op: 'mean' | 'max'): Rule =>
  (c) => {
    const axes = c.shape(0).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
    return c.made(c.emit(op, [c.tensor(0, 'f32')], { axes, keepdims: true }));
  };

/** Resizing as torch does it; what other coordinates mean is refused. */
const resize: Rule = (c) => {
  const upsample = c.node.op === 'Upsample';
  const mode = c.string('mode', 'nearest');
  const how = upsample
    ? 'asymmetric'
    : c.string('coordinate_transformation_mode', c.opset < 11 ? 'asymmetric' : 'half_pixel');
  c.only('antialias', 0);
  c.only('exclude_outside', 0);
  c.only('keep_aspect_ratio_policy', 'stretch');
  c.ignore('extrapolation_value', ...(mode === 'cubic' ? [] : ['cubic_coeff_a']));
  if (c.given('axes')) c.fail('its attribute axes chooses axes');
  if (c.rank(0) !== 4) c.fail(`its operand has ${c.rank(0)} axes, and [N, C, H, W] is expected`);
  const [height, width] = sizes(c);
  const [toHeight, toWidth] = targetSize(c, [height, width]);
  const done = (found: 'nearest' | 'bilinear' | 'bicubic'): ReturnType<Rule> =>
    c.made(c.emit('interpolate', [c.tensor(0, 'f32')], { mode: found, size: [toHeight, toWidth] }));
  if (mode === 'nearest') {
    const rounds = c.string('nearest_mode', c.opset < 11 ? 'floor' : 'round_prefer_floor');
    const whole = toHeight % height === 0 && toWidth % width === 0;
    if (how === 'asymmetric' && rounds === 'floor' && (whole || (height % toHeight === 0 && width % toWidth === 0)))
      return done('nearest');
    // whole factors: the pixel that a new one lies in, however its middle is rounded
    if (how === 'half_pixel' && whole && rounds !== 'ceil') return done('nearest');
    return c.fail(`nearest with ${how} and ${rounds} by factors that are not whole`);
  }
  c.ignore('nearest_mode');
  const halfPixel = how === 'half_pixel' || (how === 'pytorch_half_pixel' && toHeight > 1 && toWidth > 1);
  if (!halfPixel) c.fail(`its coordinate_transformation_mode is ${how}`);
  if (mode === 'linear') return done('bilinear');
  if (mode !== 'cubic' || c.float('cubic_coeff_a', -0.75) !== -0.75)
    c.fail(`its mode is ${mode} with another coefficient than −0.75`);
  return done('bicubic');
};

function targetSize(c: Call, [height, width]: Pair): Pair {
  const [scalesAt, sizesAt] = c.opset < 11 ? [1, -1] : [2, 3];
  if (sizesAt > 0 && c.has(sizesAt) && c.known(sizesAt).items.length === 4) {
    const dims = c.dims(sizesAt);
    return [c.static(dims[2]!, 'the height that it makes'), c.static(dims[3]!, 'the width that it makes')];
  }
  const scales = c.has(scalesAt) ? c.numbers(scalesAt) : (c.floatList('scales') ?? []);
  if (scales.length !== 4) c.fail('it has neither sizes nor scales');
  if (scales[0] !== 1 || scales[1] !== 1) c.fail('it resizes the batch or the channels');
  const to = [height * scales[2]!, width * scales[3]!].map((size) => Math.floor(size));
  if (to[0] !== height * scales[2]! || to[1] !== width * scales[3]!) c.fail('its scales do not make a whole size');
  return to as unknown as Pair;
}

export const SPATIAL: Readonly<Record<string, Rule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: global('mean'),
  GlobalMaxPool: global('max'),
  Resize: resize,
  Upsample: resize,
};
