/** Operators that make values of shapes and constants. */

import { READ_AS } from '../../../runtime/weights/dtypes.ts';
import { type Dim, productOf, subDims } from '../../../shared/dim.ts';
import type { Rule } from '../call.ts';
import { DTYPE_OF } from '../dtypes.ts';
import type { FileTensor } from '../proto.ts';
import { fromHost, type Imported, ints, known } from '../values.ts';
import { boundOf } from './shapes.ts';

/** A tensor of the file: numbers that are known, or one that the model holds. @param scalars whether it holds one of rank 0 */
export function fileTensor(tensor: FileTensor, initialiser: boolean, scalars = false): Imported | undefined {
  const { view, host } = tensor;
  if (!view) return undefined;
  const dtype = READ_AS[view.dtype];
  const trains = initialiser && dtype === 'f32';
  // weights stay tensors of the file, whatever their numbers; so does what is too large to be looked at
  if (!host || (trains && (scalars || view.shape.length > 0)))
    return { kind: 'stored', tensor, dtype, shape: view.shape, trains, turned: false };
  return fromHost(host, tensor);
}

const constant: Rule = (c) => {
  const given = c.tensorAttribute('value')?.value;
  // its own name says nothing, or what another has too
  const tensor = given && { ...given, name: c.node.outputs[0]! };
  if (tensor) return [fileTensor(tensor, false) ?? c.fail(tensor.unread ?? 'its tensor cannot be read')];
  if (c.given('value_float')) return [known('f32', [], [c.float('value_float', 0)])];
  if (c.given('value_int')) return [known('i64', [], [c.int('value_int', 0)])];
  const floats = c.floatList('value_floats');
  if (floats) return [known('f32', [floats.length], floats)];
  const whole = c.intList('value_ints');
  if (whole) return [ints(whole)];
  return c.fail('its value is no tensor of numbers');
};

const shape: Rule = (c) => {
  const all = c.shape(0);
  const [start, end] = [boundOf(c.int('start', 0), all.length), boundOf(c.int('end', all.length), all.length)];
  return [ints(all.slice(Number(start), Number(end)))];
};

const constantOfShape: Rule = (c) => {
  const given = c.tensorAttribute('value')?.value;
  if (given && !given.host) c.fail(given.unread ?? 'its value is no number');
  const dtype = given?.host?.dtype ?? 'f32';
  const fill = given?.host ? Number(given.host.data[0]) : 0;
  return c.made(c.emit('expand', [c.importer.scalar(fill, dtype)], { shape: c.dims(0) }));
};

/** start, start + delta, … below limit */
const range: Rule = (c) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => c.dims(index)[0] ?? 0) as [Dim, Dim, Dim];
  if (c.type(0).dtype !== 'i64') c.fail('it counts in floats to a size that is dynamic');
  if (delta !== 1) c.fail('it counts to a dynamic size in steps that are not 1');
  const count = c.emit('iota', [], { shape: [subDims(limit, start)], axis: 0 });
  return c.made(start === 0 ? count : c.emit('add', [count, c.importer.size(start)], {}));
};

/** A generator of a matrix with ones on a diagonal, of a shape that is known. */
const eyeLike: Rule = (c) => {
  const offset = c.int('k', 0);
  const type = c.int('dtype', 1);
  const to = DTYPE_OF.get(type) ?? c.fail('its dtype is none that MDL has');
  const matrix = c.shape(0);
  const [row, column] = [0, 1].map((axis) => c.emit('iota', [], { shape: matrix, axis })) as [number, number];
  const diagonal = c.emit('add', [row, c.importer.scalar(offset, 'i64')], {});
  return c.made(c.emit('cast', [c.emit('equal', [diagonal, column], {})], { to }));
};

export const SOURCES: Readonly<Record<string, Rule>> = {
  Constant: constant,
  Shape: shape,
  Size: (c) => [known('i64', [], [productOf(c.shape(0))])],
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
};
