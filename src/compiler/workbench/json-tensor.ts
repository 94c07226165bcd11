/** Lists of numbers, as JSON has them, to a tensor: `[[1, 2], [3, 4]]` is [2, 2], a number alone is []. */
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';

export type Json = number | boolean | string | null | readonly Json[] | { readonly [name: string]: Json };

/** @param refuse makes the error that is thrown, of a reason */
export function tensorOfJson(value: Json, dtype: DType, refuse: (reason: string) => Error): HostTensor {
  const shape: number[] = [];
  for (let inner = value; isList(inner); inner = inner[0]!) {
    shape.push(inner.length);
    if (inner.length === 0) break;
  }
  const flat: Json[] = [];
  collect(value, shape, 0, [], flat, refuse);
  const { fits, expected } = ELEMENTS[dtype];
  const wrong = flat.findIndex((element) => !fits(element));
  if (wrong >= 0)
    throw refuse(`element ${wrong} is ${JSON.stringify(flat[wrong])!.slice(0, 40)}, and ${expected} is expected`);
  if (dtype === 'f32') return { dtype, shape, data: Float32Array.from(flat, Number) };
  if (dtype === 'i64') return { dtype, shape, data: BigInt64Array.from(flat, (element) => BigInt(element as number)) };
  return { dtype, shape, data: Uint8Array.from(flat, Number) };
}

const ELEMENTS: { readonly [D in DType]: { fits(value: Json): boolean; readonly expected: string } } = {
  f32: { fits: (value) => typeof value === 'number', expected: 'a number' },
  i64: { fits: (value) => Number.isSafeInteger(value), expected: 'an integer' },
  bool: { fits: (value) => typeof value === 'boolean', expected: 'true or false' },
};

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

function collect(
  value: Json,
  shape: readonly number[],
  axis: number,
  at: readonly number[],
  into: Json[],
  refuse: (reason: string) => Error,
): void {
  const where = at.length === 0 ? 'it' : `[${at.join(', ')}]`;
  if (axis === shape.length) {
    if (isList(value)) throw refuse(`${where} is a list, and others at its place are numbers`);
    into.push(value);
    return;
  }
  if (!isList(value)) throw refuse(`${where} is no list, and others at its place are lists`);
  if (value.length !== shape[axis])
    throw refuse(`${where} has ${value.length} elements, and the first at its place ${shape[axis]}`);
  for (const [i, inner] of value.entries()) collect(inner, shape, axis + 1, [...at, i], into, refuse);
}
