/**
 * Operators that look up elements by index. ONNX counts negative indices from the end of their axis, and MDL's operators do not: indices
 * that the file holds are rewritten, and one outside of its axis is refused.
 */
import { addDims, type Dim, isSymbolic, productOf } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';
import { isConcrete } from '../values.ts';
import { sliced } from './movement.ts';

/** An index of an axis of `size` elements, from its start. */
function fromStart(c: Call, index: number, size: Dim): Dim {
  const least = isSymbolic(size) ? Number.NEGATIVE_INFINITY : -size;
  if (index < least || (!isSymbolic(size) && index >= size))
    c.fail(`its index ${index} is outside of an axis of ${size} elements`);
  return index < 0 ? addDims(size, index) : index;
}

/**
 * The operand of indices in the graph, from the starts of their axes where the file holds them.
 * @param sizes of the axes that the last axis of the indices runs over; one size: of every index
 */
function indicesOf(c: Call, sizes: readonly Dim[]): ValueId {
  const indices = c.maybeKnown(1);
  const given = c.type(1).dtype === 'i64' ? indices?.items : undefined;
  if (!indices || !given || !isConcrete(given)) return c.tensor(1, 'i64');
  const items = given.map((index, at) => fromStart(c, index, sizes[at % sizes.length]!));
  // unchanged, it stays the file's tensor
  if (given.every((index) => index >= 0)) return c.tensor(1);
  return c.importer.tensor({ kind: 'known', dtype: 'i64', shape: indices.shape, items });
}

const gather: Rule = (c) => {
  const axis = c.axis(c.int('axis', 0), c.rank(0));
  const size = c.shape(0)[axis]!;
  const indices = c.maybeKnown(1);
  const [index] = indices?.items ?? [];
  if (indices?.items.length !== 1 || index === undefined || isSymbolic(index))
    return c.made(c.emit('gather', [c.tensor(0), indicesOf(c, [size])], { axis }));
  // one row is a slice
  const row = fromStart(c, index, size);
  const x = sliced(c, c.tensor(0), [{ axis, start: row, end: addDims(row, 1), step: 1 }]);
  const shape = c.shapeOf(x);
  const to = [...shape.slice(0, axis), ...indices.shape.map(() => 1), ...shape.slice(axis + 1)];
  return c.made(to.length === shape.length ? x : c.importer.reshape(x, to));
};

const gatherElements: Rule = (c) => {
  const axis = c.axis(c.int('axis', 0), c.rank(0));
  return c.made(c.emit('gather_elements', [c.tensor(0), indicesOf(c, [c.shape(0)[axis]!])], { axis }));
};

/** Rows of the first axes, each index of which is looked up in its own axis, so that one outside of it is found. */
const gatherNd: Rule = (c) => {
  c.only('batch_dims', 0);
  const places = c.shape(1);
  const count = c.static(places.at(-1)!, 'the last axis of its indices');
  const data = c.shape(0);
  if (count < 1 || count > data.length) c.fail(`it gathers by ${count} indices from a tensor of ${data.length} axes`);
  const given = indicesOf(c, data.slice(0, count));
  const last = places.length - 1;
  const column = (axis: number): ValueId =>
    c.importer.reshape(
      count === 1 ? given : sliced(c, given, [{ axis: last, start: axis, end: axis + 1, step: 1 }]),
      places.slice(0, -1),
    );
  if (count === 1) return c.made(c.emit('gather', [c.tensor(0), column(0)], { axis: 0 }));
  let flat: ValueId | undefined;
  for (let axis = 0; axis < count; axis++) {
    const all = c.emit('iota', [], { shape: [data[axis]!], axis: 0 });
    const at = c.emit('gather', [all, column(axis)], { axis: 0 });
    const rows = flat === undefined ? at : c.emit('mul', [flat, c.importer.size(data[axis]!)], {});
    flat = flat === undefined ? at : c.emit('add', [rows, at], {});
  }
  const table = c.importer.reshape(c.tensor(0), [productOf(data.slice(0, count)), ...data.slice(count)]);
  return c.made(c.emit('gather', [table, flat!], { axis: 0 }));
};

export const GATHER: Readonly<Record<string, Rule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
};
