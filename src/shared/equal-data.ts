/** Whether two values are the same data: numbers, texts, lists, maps, typed arrays and plain objects, whose order of names does not count. */
export function equalData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a) || ArrayBuffer.isView(a)) return equalLists(a as ArrayLike<unknown>, b as ArrayLike<unknown>);
  if (a instanceof Map) {
    const other = b as Map<unknown, unknown>;
    return a.size === other.size && [...a].every(([key, value]) => other.has(key) && equalData(value, other.get(key)));
  }
  if (Object.getPrototypeOf(a) !== Object.prototype) throw new Error(`${a.constructor.name} is no plain data`);
  return equalObjects(a as Record<string, unknown>, b as Record<string, unknown>);
}

function equalLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!equalData(a[at], b[at])) return false;
  return true;
}

function equalObjects(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let names = 0;
  for (const name in a) {
    if (!Object.hasOwn(b, name) || !equalData(a[name], b[name])) return false;
    names++;
  }
  return names === Object.keys(b).length;
}
