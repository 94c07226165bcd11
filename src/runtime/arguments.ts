/** What callers without types pass by mistake, told before it fails somewhere inside. */
import { isObject, kindOf } from '../shared/kind-of.ts';
import { nearest } from '../shared/nearest.ts';
import { runtimeError } from './errors.ts';

/** @throws RuntimeError R0512 unless it `fits` */
export function checkArgument(call: string, argument: string, value: unknown, fits: boolean, expected: string): void {
  if (!fits) throw runtimeError('argument_form', { call, argument, found: kindOf(value), expected });
}

/** @param known their names; absent: the caller looks at them. @throws RuntimeError R0512 for what is no object of options, R0510 for unknown ones */
export function checkOptions(call: string, options: unknown, known?: readonly string[]): void {
  checkArgument(call, 'its options', options, isObject(options), 'an object');
  const name = known && Object.keys(options as object).find((one) => !known.includes(one));
  if (name !== undefined)
    throw runtimeError('unknown_option', { call, name, near: nearest(name, known!), known: known! });
}

/** @throws RuntimeError R0512 for what is neither a list of names nor absent */
export function checkNames(call: string, argument: string, names: unknown): void {
  const fits = names === undefined || (Array.isArray(names) && names.every((name) => typeof name === 'string'));
  checkArgument(call, argument, names, fits, 'a list of names');
}

/** @throws RuntimeError R0512 */
export function checkBytes(call: string, bytes: unknown): void {
  checkArgument(call, 'bytes', bytes, bytes instanceof Uint8Array, 'a Uint8Array');
}
