/**
 * A JSON reader that refuses what JSON.parse hides: duplicate keys, and deep nesting.
 *
 * Objects come back as Maps, so that a key such as `__proto__` is a key and nothing else.
 */
export type StrictJson = string | number | boolean | null | readonly StrictJson[] | ReadonlyMap<string, StrictJson>;

export class DuplicateKeyError extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`the key ${key} occurs twice`);
    this.name = 'DuplicateKeyError';
    this.key = key;
  }
}

const DEEPEST = 16;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The value of a JSON text.
 * @throws DuplicateKeyError when an object has a key twice
 * @throws SyntaxError when the text is not JSON, or nests deeper than 16
 */
export function parseStrictJson(text: string): StrictJson {
  let at = 0;

  const fail = (expected: string): never => {
    const found = at < text.length ? `found ${JSON.stringify(text[at])}` : 'the text ends';
    throw new SyntaxError(`expected ${expected} at character ${at} and ${found}`);
  };
  const space = (): void => {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  };
  /** Takes this character if it is next. */
  const takes = (character: string): boolean => {
    space();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const string = (): string => {
    space();
    if (text[at] !== '"') fail('a string');
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    if (end >= text.length) fail('the end of a string');
    const value: unknown = JSON.parse(text.slice(at, end + 1)); // escapes and control characters
    at = end + 1;
    return value as string;
  };
  const value = (depth: number): StrictJson => {
    if (depth > DEEPEST) fail(`at most ${DEEPEST} levels of nesting`);
    if (takes('{')) {
      const object = new Map<string, StrictJson>();
      if (takes('}')) return object;
      do {
        const key = string();
        if (object.has(key)) throw new DuplicateKeyError(key);
        if (!takes(':')) fail('":"');
        object.set(key, value(depth + 1));
      } while (takes(','));
      if (!takes('}')) fail('"," or "}"');
      return object;
    }
    if (takes('[')) {
      const items: StrictJson[] = [];
      if (takes(']')) return items;
      do items.push(value(depth + 1));
      while (takes(','));
      if (!takes(']')) fail('"," or "]"');
      return items;
    }
    if (text[at] === '"') return string();
    SCALAR.lastIndex = at;
    const scalar = SCALAR.exec(text)?.[0];
    if (scalar === undefined) return fail('a value');
    at += scalar.length;
    return JSON.parse(scalar) as number | boolean | null;
  };

  const result = value(0);
  space();
  if (at < text.length) fail('the end of the text');
  return result;
}
