/** Folding of what moves elements: concat, gather, slice, reshape and their kin, of numbers that are known. */
import { isSymbolic } from '../../shared/dim.ts';
import { sizeOf, stridesOf } from '../../shared/tensor.ts';
import type { Call } from './call.ts';
import { isConcrete, type Known, known } from './values.ts';

type Fold = (c: Call, inputs: readonly Known[]) => readonly Known[] | undefined;

const MOST = 1 << 16;

/** The elements of `x` at coordinates that a function gives for each place of `shape`. */
function taken(
  x: Known,
  shape: readonly number[],
  from: (place: readonly number[]) => readonly number[],
): Known | undefined {
  if (sizeOf(shape) > MOST) return undefined;
  const [own, strides] = [stridesOf(x.shape), stridesOf(shape)];
  const items = Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const place = shape.map((size, axis) => Math.floor(flat / strides[axis]!) % size);
    return x.items[from(place).reduce((at, index, axis) => at + index * own[axis]!, 0)]!;
  });
  return known(x.dtype, shape, items);
}

const one = (x: Known | undefined): readonly Known[] | undefined => x && [x];

const gather: Fold = (c, [x, indices]) => {
  const axis = c.axis(c.int('axis', 0), x!.shape.length);
  const { items } = indices!;
  if (!isConcrete(items)) return undefined;
  const size = x!.shape[axis]!;
  const rows = items.map((index) => (index < 0 ? index + size : index));
  if (rows.some((index) => index < 0 || index >= size)) return undefined;
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  const strides = stridesOf(indices!.shape);
  const depth = indices!.shape.length;
  return one(
    taken(x!, shape, (place) => {
      const at = place.slice(axis, axis + depth).reduce((sum, index, i) => sum + index * strides[i]!, 0);
      return [...place.slice(0, axis), rows[at]!, ...place.slice(axis + depth)];
    }),
  );
};

const concat: Fold = (c, inputs) => {
  const { shape } = inputs[0]!;
  const axis = c.axis(c.int('axis', 1), shape.length);
  const total = inputs.reduce((sum, { shape: own }) => sum + (own[axis] ?? 0), 0);
  if (inputs.some(({ shape: own }) => own.length !== shape.length)) return undefined;
  // the rows of each input before the axis, one after the other
  const outer = sizeOf(shape.slice(0, axis));
  const items = Array.from({ length: outer }, (_, row) =>
    inputs.flatMap((x) => x.items.slice((row * x.items.length) / outer, ((row + 1) * x.items.length) / outer)),
  ).flat();
  return [
    known(
      inputs[0]!.dtype,
      shape.map((size, index) => (index === axis ? total : size)),
      items,
    ),
  ];
};

const slice: Fold = (c, [x]) => {
  const old = [c.intList('starts'), c.intList('ends'), c.intList('axes')];
  const [starts, ends] = c.opset < 10 ? [old[0] ?? [], old[1] ?? []] : [c.dims(1), c.dims(2)];
  const axes = (c.opset < 10 ? old[2] : c.has(3) ? c.numbers(3) : undefined) ?? starts.map((_, axis) => axis);
  const rows = x!.shape.map((size) => Array.from({ length: size }, (_, index) => index));
  for (const [index, given] of axes.entries()) {
    const axis = c.axis(given, x!.shape.length);
    const [start, end, step] = [starts[index]!, ends[index]!, c.has(4) ? c.numbers(4)[index]! : 1];
    if (isSymbolic(start) || isSymbolic(end) || step === 0) return undefined;
    rows[axis] = taking(x!.shape[axis]!, start, end, step);
  }
  return one(
    taken(
      x!,
      rows.map(({ length }) => length),
      (place) => place.map((index, axis) => rows[axis]![index]!),
    ),
  );
};

/** The indices of start:end:step in an axis, as NumPy has them. */
function taking(size: number, start: number, end: number, step: number): number[] {
  const [least, most] = step < 0 ? [-1, size - 1] : [0, size];
  const within = (value: number): number => Math.min(Math.max(value < 0 ? value + size : value, least), most);
  const found: number[] = [];
  for (let at = within(start); step > 0 ? at < within(end) : at > within(end); at += step) found.push(at);
  return found;
}

/** The shape that Reshape asks for, of a tensor with so many elements. */
const reshape: Fold = (c, [x, to]) => {
  const allowsZero = c.flag('allowzero', false);
  if (!to || !isConcrete(to.items)) return undefined;
  const wanted = to.items.map((size, axis) => (size === 0 && !allowsZero ? x!.shape[axis]! : size));
  const rest = sizeOf(wanted.filter((size) => size !== -1));
  const shape = wanted.map((size) => (size === -1 ? x!.items.length / rest : size));
  return sizeOf(shape) === x!.items.length ? [{ ...known(x!.dtype, shape, x!.items) }] : undefined;
};

function axesOf(c: Call): readonly number[] | undefined {
  const attribute = c.intList('axes');
  return c.has(1) ? c.numbers(1) : attribute;
}

const squeeze: Fold = (c, [x]) => {
  const axes = axesOf(c);
  const dropped = axes ? c.axes(axes, x!.shape.length) : x!.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  if (dropped.some((axis) => x!.shape[axis] !== 1)) return undefined;
  return [
    known(
      x!.dtype,
      x!.shape.filter((_, axis) => !dropped.includes(axis)),
      x!.items,
    ),
  ];
};

const unsqueeze: Fold = (c, [x]) => {
  const axes = axesOf(c) ?? c.fail('it has no axes');
  const rank = x!.shape.length + axes.length;
  const added = c.axes(axes, rank);
  let next = 0;
  const shape = Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : x!.shape[next++]!));
  return [known(x!.dtype, shape, x!.items)];
};

const transpose: Fold = (c, [x]) => {
  const order = c.intList('perm') ?? x!.shape.map((_, axis) => x!.shape.length - 1 - axis);
  const shape = order.map((axis) => x!.shape[axis]!);
  return one(taken(x!, shape, (place) => x!.shape.map((_, axis) => place[order.indexOf(axis)]!)));
};

const expand: Fold = (_, [x, to]) => {
  if (!to || !isConcrete(to.items)) return undefined;
  const rank = Math.max(x!.shape.length, to.items.length);
  const at = (list: readonly number[], axis: number): number => list[axis + list.length - rank] ?? 1;
  const shape = Array.from({ length: rank }, (__, axis) =>
    Math.max(at(x!.shape, axis), at(to.items as readonly number[], axis)),
  );
  const shift = rank - x!.shape.length;
  return one(taken(x!, shape, (place) => x!.shape.map((size, axis) => (size === 1 ? 0 : place[axis + shift]!))));
};

const range: Fold = (_, [start, limit, delta]) => {
  const [a, b, step] = [start!.items[0]!, limit!.items[0]!, delta!.items[0]!];
  if (isSymbolic(a) || isSymbolic(b) || isSymbolic(step) || step === 0) return undefined;
  const count = Math.max(0, Math.ceil((b - a) / step));
  if (count > MOST) return undefined;
  return [
    known(
      start!.dtype,
      [count],
      Array.from({ length: count }, (__, index) => a + index * step),
    ),
  ];
};

const constantOfShape: Fold = (c, [shape]) => {
  const value = c.tensorAttribute('value')?.value.host;
  if (!isConcrete(shape!.items) || sizeOf(shape!.items) > MOST) return undefined;
  if (c.given('value') && !value) return undefined;
  const fill = value ? Number(value.data[0]) : 0;
  return [known(value?.dtype ?? 'f32', shape!.items, new Array<number>(sizeOf(shape!.items)).fill(fill))];
};

/** Indices of what is not 0, [rank, count] */
const nonZero: Fold = (_, [x]) => {
  if (!isConcrete(x!.items)) return undefined;
  const strides = stridesOf(x!.shape);
  const found = x!.items.flatMap((item, at) => (item === 0 ? [] : [at]));
  const items = x!.shape.flatMap((size, axis) => found.map((at) => Math.floor(at / strides[axis]!) % size));
  return [known('i64', [x!.shape.length, found.length], items)];
};

const split: Fold = (c, [x, sizes]) => {
  const axis = c.axis(c.int('axis', 0), x!.shape.length);
  const count = c.node.outputs.length;
  c.ignore('num_outputs');
  const given = sizes && isConcrete(sizes.items) ? sizes.items : c.intList('split');
  if (x!.shape.length !== 1) return undefined;
  const each = given ?? new Array<number>(count).fill(x!.shape[axis]! / count);
  let at = 0;
  return each.map((size) => {
    at += size;
    return known(x!.dtype, [size], x!.items.slice(at - size, at));
  });
};

export const FOLD_SHAPES: Readonly<Record<string, Fold>> = {
  Gather: gather,
  Concat: concat,
  Slice: slice,
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Range: range,
  ConstantOfShape: constantOfShape,
  NonZero: nonZero,
  Split: split,
  Flatten: (c, [x]) => {
    c.ignore('axis');
    return x!.shape.length === 1 ? [known(x!.dtype, [1, x!.items.length], x!.items)] : undefined;
  },
};
