/** What a value of a program without types is, for messages. */

/** `nothing`, `null`, `a string`, `an ArrayBuffer`, `an object` */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  const name = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
  const word = name === 'Object' ? 'object' : name;
  return `${/^[aeiou]/i.test(word) ? 'an' : 'a'} ${word}`;
}

/** An object of named things: no list, and no bytes. */
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
