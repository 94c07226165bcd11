/** Token ids as callers have them: a list of numbers, or an array of integers as tensors hold them. */
import { runtimeError } from '../errors.ts';

export type TokenIds = ArrayLike<number | bigint>;

/** The ids as a plain list. @throws RuntimeError R0511 for what is no integer */
export function idList(ids: TokenIds): number[] {
  return Array.from(ids as ArrayLike<unknown>, (value, at) => {
    const id = typeof value === 'bigint' ? Number(value) : value;
    if (typeof id !== 'number' || !Number.isSafeInteger(id))
      throw runtimeError('token_id_form', { at, value: String(value) });
    return id;
  });
}
