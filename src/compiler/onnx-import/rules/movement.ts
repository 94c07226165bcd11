/** Operators that move elements: reshapes, slices, joins, padding. */
import {
  addDims,
  type Dim,
  divideDims,
  equalDims,
  isSymbolic,
  mulDims,
  productOf,
  type Shape,
  subDims,
} from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';
import { boundOf, FAR, reshapedTo, withAxis } from './shapes.ts';

function axesOf(c: Call, index: number): readonly number[] | undefined {
  const attribute = c.intList('axes');
  return c.has(index) ? c.numbers(index) : attribute;
}

const reshape: Rule = (c) => {
  const allowsZero = c.flag('allowzero', false);
  const wanted = c.opset < 5 ? (c.intList('shape') ?? []) : c.dims(1);
  return c.made(c.importer.reshape(c.tensor(0), reshapedTo(c, c.shape(0), wanted, allowsZero)));
};

const transpose: Rule = (c) => {
  const x = c.input(0);
  const permutation = c.intList('perm') ?? c.shape(0).map((_, axis) => c.rank(0) - 1 - axis);
  const swapsMatrix = x.kind === 'stored' && permutation.join() === '1,0';
  // a weight that is read transposed is stored so
  if (swapsMatrix) return [{ ...x, turned: !x.turned, shape: [x.shape[1]!, x.shape[0]!] }];
  const rank = c.rank(0);
  if (permutation.length !== rank || c.axes(permutation, rank).length !== rank)
    c.fail('its perm does not name each axis once');
  const order = permutation.map((axis) => c.axis(axis, rank));
  return c.made(c.emit('transpose', [c.tensor(0)], { permutation: order }));
};

const flatten: Rule = (c) => {
  const rank = c.rank(0);
  const given = c.int('axis', 1);
  const axis = given < 0 ? given + rank : given;
  const shape = c.shape(0);
  return c.made(c.importer.reshape(c.tensor(0), [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))]));
};

const squeeze: Rule = (c) => {
  const shape = c.shape(0);
  const given = axesOf(c, 1);
  if (!given && shape.some((dim) => isSymbolic(dim))) c.fail('it drops the axes of size 1, and a size is dynamic');
  const dropped = given ? c.axes(given, shape.length) : shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const left = shape.filter((_, axis) => !dropped.includes(axis));
  return c.made(c.importer.reshape(c.tensor(0), left));
};

const unsqueeze: Rule = (c) => {
  const given = axesOf(c, 1) ?? c.fail('it has no axes');
  const rank = c.rank(0) + given.length;
  const added = c.axes(given, rank);
  let shape = c.shape(0);
  for (const axis of added) shape = withAxis(shape, axis);
  return c.made(c.importer.reshape(c.tensor(0), shape));
};

const concat: Rule = (c) => {
  const ids = c.inputs.map((_, index) => c.tensor(index));
  const axis = c.axis(c.int('axis', 1), c.rank(0));
  // nothing is joined with nothing
  const kept = ids.filter((_, index) => !equalDims(c.shape(index)[axis]!, 0) || c.rank(index) !== 1);
  if (kept.length === 1) return c.made(kept[0]!);
  return c.made(c.emit('concat', kept, { axis }));
};

const split: Rule = (c) => {
  c.ignore('num_outputs');
  const axis = c.axis(c.int('axis', 0), c.rank(0));
  const size = c.shape(0)[axis]!;
  const count = c.node.outputs.length;
  const attribute = c.intList('split');
  if (count === 1) return [c.input(0)];
  const sizes = c.has(1) ? c.dims(1) : (attribute ?? even(c, size, count));
  return c.made(...c.importer.emitAll('split', [c.tensor(0)], { axis, sizes }));
};

/** Equal pieces; the last may be smaller. */
function even(c: Call, size: Dim, count: number): readonly Dim[] {
  const each = divideDims(size, count);
  if (each !== undefined) return new Array<Dim>(count).fill(each);
  if (isSymbolic(size)) return c.fail(`its axis may not divide into ${count} equal pieces`);
  const most = Math.ceil(size / count);
  return Array.from({ length: count }, (_, index) => Math.min(most, Math.max(0, size - index * most)));
}

interface Range {
  readonly axis: number;
  readonly start: Dim;
  readonly end: Dim;
  readonly step: number;
}

/** The elements of some axes. */
export function sliced(c: Call, x: ValueId, ranges: readonly Range[]): ValueId {
  const shape = c.shapeOf(x);
  const [starts, ends]: [Dim[], Dim[]] = [shape.map(() => 0), [...shape]];
  const steps = shape.map(() => 1);
  for (const { axis, start, end, step } of ranges) [starts[axis], ends[axis], steps[axis]] = [start, end, step];
  const whole = shape.every((size, axis) => starts[axis] === 0 && steps[axis] === 1 && equalDims(ends[axis]!, size));
  return whole ? x : c.emit('slice', [x], { starts, ends, steps });
}

const slice: Rule = (c) => {
  const old = c.opset < 10;
  const [attributeStarts, attributeEnds, attributeAxes] = [c.intList('starts'), c.intList('ends'), c.intList('axes')];
  const starts: readonly Dim[] = old ? (attributeStarts ?? []) : c.dims(1);
  const ends: readonly Dim[] = old ? (attributeEnds ?? []) : c.dims(2);
  const axes = (old ? attributeAxes : c.has(3) ? c.numbers(3) : undefined) ?? starts.map((_, axis) => axis);
  const steps = c.has(4) ? c.numbers(4) : starts.map(() => 1);
  let x = c.tensor(0);
  const ranges: Range[] = [];
  for (const [index, given] of axes.entries()) {
    const axis = c.axis(given, c.rank(0));
    const size = c.shape(0)[axis]!;
    const [start, end, step] = [starts[index]!, ends[index]!, steps[index]!];
    if (step < 0) {
      const all =
        !isSymbolic(start) &&
        !isSymbolic(end) &&
        (start === -1 || start >= FAR || (!isSymbolic(size) && start >= size - 1)) &&
        (end <= -FAR || (!isSymbolic(size) && end < -size));
      if (step !== -1 || !all) c.fail('it goes backwards over a part of an axis');
      x = c.emit('flip', [x], { axes: [axis] });
      continue;
    }
    const [from, to] = [boundOf(start, size), boundOf(end, size)];
    const empty = !isSymbolic(from) && !isSymbolic(to) && to < from;
    ranges.push({ axis, start: from, end: empty ? from : to, step });
  }
  return c.made(sliced(c, x, ranges));
};

const pad: Rule = (c) => {
  const mode = c.string('mode', 'constant');
  const old = c.opset < 11;
  const [attribute, value] = [c.intList('pads') ?? c.intList('paddings'), old ? c.float('value', 0) : 0];
  const given = old ? (attribute ?? c.fail('it has no pads')) : c.numbers(1);
  const rank = c.rank(0);
  const axes = c.has(3) ? c.numbers(3).map((axis) => c.axis(axis, rank)) : c.shape(0).map((_, axis) => axis);
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  for (const [index, axis] of axes.entries()) {
    before[axis] = given[index]!;
    after[axis] = given[index + axes.length]!;
  }
  let x = c.tensor(0);
  // a negative padding cuts off
  const cut = before.flatMap((size, axis): Range[] =>
    size < 0 || after[axis]! < 0
      ? [{ axis, start: Math.max(0, -size), end: addDims(c.shape(0)[axis]!, Math.min(0, after[axis]!)), step: 1 }]
      : [],
  );
  x = sliced(c, x, cut);
  const [front, back] = [before.map((size) => Math.max(0, size)), after.map((size) => Math.max(0, size))];
  if (front.every((size) => size === 0) && back.every((size) => size === 0)) return c.made(x);
  if (mode === 'constant') {
    const fill = old ? value : c.has(2) && c.known(2).items.length > 0 ? c.number(2) : 0;
    return c.made(c.emit('pad', [x], { before: front, after: back, value: fill }));
  }
  if (mode !== 'reflect' && mode !== 'edge') c.fail(`its mode is ${mode}`);
  for (const axis of front.keys()) x = mirrored(c, x, axis, front[axis]!, back[axis]!, mode === 'edge');
  return c.made(x);
};

/** An axis with what lies beside its ends before and after it: reflected, or its last element again. */
function mirrored(c: Call, x: ValueId, axis: number, before: number, after: number, edge: boolean): ValueId {
  const size = c.shapeOf(x)[axis]!;
  const piece = (start: Dim, count: number): ValueId => {
    if (!edge)
      return c.emit('flip', [sliced(c, x, [{ axis, start, end: addDims(start, count), step: 1 }])], { axes: [axis] });
    const last = sliced(c, x, [{ axis, start, end: addDims(start, 1), step: 1 }]);
    return c.emit('expand', [last], { shape: c.shapeOf(last).map((dim, index) => (index === axis ? count : dim)) });
  };
  const left = before > 0 ? [piece(edge ? 0 : 1, before)] : [];
  const right = after > 0 ? [piece(subDims(size, edge ? 1 : after + 1), after)] : [];
  return left.length + right.length === 0 ? x : c.emit('concat', [...left, x, ...right], { axis });
}

const tile: Rule = (c) => {
  const shape = c.shape(0);
  const repeats = c.dims(1);
  if (repeats.length !== shape.length) c.fail(`it repeats ${repeats.length} axes of ${shape.length}`);
  if (repeats.every((count) => count === 1)) return [c.input(0)];
  const apart = shape.flatMap((dim): Dim[] => [1, dim]);
  const wide = shape.flatMap((dim, axis): Dim[] => [repeats[axis]!, dim]);
  const copied = c.emit('expand', [c.importer.reshape(c.tensor(0), apart)], { shape: wide });
  return c.made(
    c.importer.reshape(
      copied,
      shape.map((dim, axis) => mulDims(dim, repeats[axis]!)),
    ),
  );
};

/** What lies on and above (upper) or on and below a diagonal of the last two axes; zeros elsewhere. */
const trilu: Rule = (c) => {
  const upper = c.flag('upper', true);
  const offset = c.has(1) ? c.number(1) : 0;
  const matrix = c.shape(0).slice(-2);
  const { dtype } = c.type(0);
  const [row, column] = [0, 1].map((axis) => c.emit('iota', [], { shape: matrix, axis })) as [ValueId, ValueId];
  const diagonal = offset === 0 ? row : c.emit('add', [row, c.importer.scalar(offset, 'i64')], {});
  const kept = upper ? c.emit('less_equal', [diagonal, column], {}) : c.emit('less_equal', [column, diagonal], {});
  if (dtype === 'bool') return c.made(c.emit('and', [c.tensor(0), kept], {}));
  return c.made(c.emit('where', [kept, c.tensor(0), c.importer.scalar(0, dtype)], {}));
};

/** [N, C, H, W] to [N, C / b², H b, W b], or back */
const depthToSpace: Rule = (c) => {
  const block = c.int('blocksize', 0);
  const mode = c.string('mode', 'DCR');
  if (mode !== 'DCR' && mode !== 'CRD') c.fail(`its mode is ${mode}`);
  const [n, channels, height, width] = imageShape(c);
  const each = divideDims(channels, block * block) ?? c.fail(`${block}² does not divide its channels`);
  const [split, order] =
    mode === 'DCR'
      ? [
          [n, block, block, each, height, width],
          [0, 3, 4, 1, 5, 2],
        ]
      : [
          [n, each, block, block, height, width],
          [0, 1, 4, 2, 5, 3],
        ];
  const turned = c.emit('transpose', [c.importer.reshape(c.tensor(0), split)], { permutation: order });
  return c.made(c.importer.reshape(turned, [n, each, mulDims(height, block), mulDims(width, block)]));
};

const spaceToDepth: Rule = (c) => {
  const block = c.int('blocksize', 0);
  const [n, channels, height, width] = imageShape(c);
  const [h, w] = [height, width].map(
    (size) => divideDims(size, block) ?? c.fail(`${block} does not divide its height and width`),
  ) as [Dim, Dim];
  const apart = c.importer.reshape(c.tensor(0), [n, channels, h, block, w, block]);
  const turned = c.emit('transpose', [apart], { permutation: [0, 3, 5, 1, 2, 4] });
  return c.made(c.importer.reshape(turned, [n, mulDims(channels, block * block), h, w]));
};

function imageShape(c: Call): readonly [Dim, Dim, Dim, Dim] {
  const shape: Shape = c.shape(0);
  if (shape.length !== 4) c.fail(`its operand has ${shape.length} axes, and [N, C, H, W] is expected`);
  return shape as readonly [Dim, Dim, Dim, Dim];
}

const oneHot: Rule = (c) => {
  const depth = c.number(1);
  const values = c.known(2);
  const [off, on] = c.numbers(2) as [number, number];
  const rank = c.rank(0) + 1;
  const axis = c.axis(c.int('axis', -1), rank);
  const given = c.tensor(0, 'i64');
  const shape = withAxis(c.shape(0), axis);
  // a negative class counts from the end
  const wrapped = c.emit(
    'where',
    [
      c.emit('less', [given, c.importer.scalar(0, 'i64')], {}),
      c.emit('add', [given, c.importer.scalar(depth, 'i64')], {}),
      given,
    ],
    {},
  );
  const classes = c.importer.reshape(
    c.emit('iota', [], { shape: [depth], axis: 0 }),
    shape.map((_, index) => (index === axis ? depth : 1)),
  );
  const hit = c.emit('equal', [c.importer.reshape(wrapped, shape), classes], {});
  return c.made(c.emit('where', [hit, c.importer.scalar(on, values.dtype), c.importer.scalar(off, values.dtype)], {}));
};

export const MOVEMENT: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  Trilu: trilu,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  OneHot: oneHot,
};
