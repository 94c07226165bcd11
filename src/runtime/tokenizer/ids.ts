/** Token ids as callers have them: a list of numbers, or an array of integers as tensors hold them. */
import { checkArgument } from '../arguments.ts';
import { runtimeError } from '../errors.ts';

export type TokenIds = ArrayLike<number | bigint>;

/** The ids as a plain list. @throws RuntimeError R0511 for what is no integer, R0512 for what is no list */
export function idList(ids: TokenIds, call: string): number[] {
  const isList = typeof ids === 'object' && ids !== null && Number.isSafeInteger(ids.length);
  checkArgument(call, 'ids', ids, isList, 'a list of integers');
  return Array.from(ids as ArrayLike<unknown>, (value, at) => {
    const id = typeof value === 'bigint' ? Number(value) : value;
    if (typeof id !== 'number' || !Number.isSafeInteger(id))
      throw runtimeError('token_id_form', { at, value: String(value) });
    return id;
  });
}
