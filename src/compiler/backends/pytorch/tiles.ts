/** Chains of nodes that PyTorch says in one expression: `repeat` of MDL, and a row that is picked. */
import { equalDims, mulDims, type Shape } from '../../../shared/dim.ts';
import { type Graph, type Node, typeOf } from '../../ir/graph.ts';

/**
 * How often each axis of a tensor is repeated; undefined where the nodes do something else than the built-in `repeat`: an axis before
 * each axis, widened, and merged with the one behind it.
 */
export function tilesOf(
  shape: Shape,
  apart: Node<'reshape'>,
  expand: Node<'expand'>,
  merged: Node<'reshape'>,
): readonly number[] | undefined {
  const wide = expand.attributes.shape;
  const { shape: result } = merged.attributes;
  if (wide.length !== 2 * shape.length || result.length !== shape.length) return undefined;
  const repeats = shape.map((_, axis) => wide[2 * axis]!);
  const fits = shape.every(
    (dim, axis) => equalDims(wide[2 * axis + 1]!, dim) && equalDims(result[axis]!, mulDims(dim, repeats[axis]!)),
  );
  const before = apart.attributes.shape.every((dim, at) => equalDims(dim, at % 2 === 0 ? 1 : shape[(at - 1) / 2]!));
  const known = repeats.filter((times) => typeof times === 'number');
  return fits && before && known.length === repeats.length ? known : undefined;
}

/** The axis of a tensor that a slice of one and a reshape behind it drop, and which of its rows they take; undefined where they do not. */
export function pickOf(graph: Graph, slice: Node<'slice'>, reshape: Node<'reshape'>) {
  const { starts, ends } = slice.attributes;
  const from = slice.inputs[0];
  const { shape } = typeOf(graph, from);
  const cut = shape.flatMap((dim, axis) => (equalDims(starts[axis]!, 0) && equalDims(ends[axis]!, dim) ? [] : [axis]));
  const [axis, ...more] = cut;
  const index = axis === undefined ? undefined : starts[axis];
  if (axis === undefined || more.length > 0 || typeof index !== 'number' || !equalDims(ends[axis]!, index + 1))
    return undefined;
  const dropped = shape.toSpliced(axis, 1);
  const to = reshape.attributes.shape;
  const same = to.length === dropped.length && to.every((dim, at) => equalDims(dim, dropped[at]!));
  return same ? { from, axis, index } : undefined;
}
