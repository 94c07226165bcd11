/** Values of buffers that outlive the update behind them. In the text a buffer is `self.level`, which is its latest value. */
import type { ValueId } from '../../ir/graph.ts';
import { type Flat, type Item, type Recording, readsOf, updatesIn } from './bodies.ts';

/** By the item that updates a buffer, in a call too: its key, and values that the buffer had before and that are read later. */
export type HeldBuffers = ReadonlyMap<Item, readonly (readonly [id: ValueId, key: string])[]>;

type Read = readonly ValueId[];

/** Items one after the other, each with what it reads; the names of a statement are read at its end. */
function inOrder(items: readonly Item[]): { readonly item: Item; readonly reads: Read }[] {
  return items.flatMap((item) => {
    if (item.kind === 'loop') return item.iterations.flatMap((turn) => inOrder(turn.items));
    if (item.kind !== 'statement') return [{ item, reads: readsOf(item) }];
    return [...inOrder(item.items), { item, reads: item.names.flatMap(([, ids]) => ids) }];
  });
}

function updatesOf(item: Item): readonly (readonly [result: ValueId, key: string])[] {
  if (item.kind === 'call') return updatesIn(item.run.steps);
  if (item.kind !== 'effect' || item.effect.kind !== 'update') return [];
  return [[item.effect.result, item.effect.parameter.keys[0]]];
}

export function heldBuffers({ items, results }: Flat, { parameterIds }: Recording): HeldBuffers {
  const order = inOrder(items);
  const last = new Map<ValueId, number>();
  for (const [at, { reads }] of order.entries()) for (const id of reads) last.set(id, at);
  for (const id of results) last.set(id, order.length);
  const values = new Map<string, ValueId[]>();
  const held = new Map<Item, (readonly [ValueId, string])[]>();
  for (const [at, { item }] of order.entries()) {
    const updates = updatesOf(item);
    for (const [, key] of updates) {
      const before = values.get(key) ?? [parameterIds.get(key)].filter((id) => id !== undefined);
      const later = before.filter((id) => last.get(id)! > at).map((id) => [id, key] as const);
      if (later.length > 0) held.set(item, [...(held.get(item) ?? []), ...later]);
      values.set(key, []);
    }
    for (const [result, key] of updates) values.get(key)!.push(result);
  }
  return held;
}
