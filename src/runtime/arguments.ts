/** What callers without types pass by mistake, told before it fails somewhere inside. */
import { runtimeError } from './errors.ts';

/** `nothing`, `null`, `a string`, `an ArrayBuffer`, `an object` */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  const name = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
  const word = name === 'Object' ? 'object' : name;
  return `${/^[aeiou]/i.test(word) ? 'an' : 'a'} ${word}`;
}

/** @throws RuntimeError R0512 unless it `fits` */
export function checkArgument(call: string, argument: string, value: unknown, fits: boolean, expected: string): void {
  if (!fits) throw runtimeError('argument_form', { call, argument, found: kindOf(value), expected });
}

/** @throws RuntimeError R0512 for what is no object of options */
export function checkOptions(call: string, options: unknown): void {
  const fits = typeof options === 'object' && options !== null && !Array.isArray(options);
  checkArgument(call, 'its options', options, fits, 'an object');
}

/** @throws RuntimeError R0512 */
export function checkBytes(call: string, bytes: unknown): void {
  checkArgument(call, 'bytes', bytes, bytes instanceof Uint8Array, 'a Uint8Array');
}
