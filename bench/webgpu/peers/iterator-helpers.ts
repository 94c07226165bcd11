/** `map`, `filter`, `toArray` … on iterators, which jax-js uses and Node has from version 22: the slow and obvious way. */
interface Helpers {
  map<T, R>(this: Iterator<T>, change: (item: T, index: number) => R): unknown;
  filter<T>(this: Iterator<T>, keep: (item: T, index: number) => boolean): unknown;
  flatMap<T, R>(this: Iterator<T>, change: (item: T, index: number) => Iterable<R>): unknown;
  toArray<T>(this: Iterator<T>): T[];
  forEach<T>(this: Iterator<T>, visit: (item: T, index: number) => void): void;
  some<T>(this: Iterator<T>, test: (item: T, index: number) => boolean): boolean;
  every<T>(this: Iterator<T>, test: (item: T, index: number) => boolean): boolean;
  find<T>(this: Iterator<T>, test: (item: T, index: number) => boolean): T | undefined;
  reduce<T, R>(this: Iterator<T>, combine: (sum: R, item: T, index: number) => R, start: R): R;
  take<T>(this: Iterator<T>, count: number): unknown;
  drop<T>(this: Iterator<T>, count: number): unknown;
}

function all<T>(iterator: Iterator<T>): T[] {
  const items: T[] = [];
  for (let next = iterator.next(); !next.done; next = iterator.next()) items.push(next.value);
  return items;
}

const HELPERS: Helpers = {
  map(change) {
    return all(this).map(change).values();
  },
  filter(keep) {
    return all(this).filter(keep).values();
  },
  flatMap(change) {
    return all(this)
      .flatMap((item, index) => [...change(item, index)])
      .values();
  },
  toArray() {
    return all(this);
  },
  forEach(visit) {
    all(this).forEach(visit);
  },
  some(test) {
    return all(this).some(test);
  },
  every(test) {
    return all(this).every(test);
  },
  find(test) {
    return all(this).find(test);
  },
  reduce(combine, start) {
    return all(this).reduce(combine, start);
  },
  take(count) {
    return all(this).slice(0, count).values();
  },
  drop(count) {
    return all(this).slice(count).values();
  },
};

/** Where they are missing; never instead of the engine's own. */
export function addIteratorHelpers(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
  for (const [name, value] of Object.entries(HELPERS)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}
