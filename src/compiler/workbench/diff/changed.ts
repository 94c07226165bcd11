/** What differs between two maps: the form of every part of a difference. */

export interface Changed<T> {
  readonly name: string;
  /** undefined where only the other side has it */
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export interface KeyChange extends Changed<string> {
  /** keys of layers that differ in their number only count as one */
  readonly count: number;
}

/** Names whose value differs, those of the first side in its order, then the others. */
export function differences<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): Changed<T>[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .map((name) => ({ name, before: a.get(name), after: b.get(name) }))
    .filter(({ before, after }) => before !== after);
}

export function together(changed: readonly Changed<string>[]): KeyChange[] {
  const changes = new Map<string, KeyChange>();
  for (const { name, before, after } of changed) {
    const general = name.replace(/\.\d+(?=\.|$)/g, '[*]');
    const id = `${general} ${before} ${after}`;
    changes.set(id, { name: general, before, after, count: (changes.get(id)?.count ?? 0) + 1 });
  }
  return [...changes.values()];
}
