/** `repeat` of MDL as the built-in makes it: an axis before each axis, widened, and merged with the one behind it. */
import { equalDims, mulDims, type Shape } from '../../../shared/dim.ts';
import type { Node } from '../../ir/graph.ts';

/** How often each axis of a tensor is repeated; undefined where the nodes do something else. */
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
