/** Batches that are asked for before they are wanted. */
import type { Batch } from '../../../runtime/train/index.ts';

/**
 * Gives batch after batch, with those of the next `count` steps asked for already. Any step may be asked for; one that is no
 * longer near is dropped. A batch that fails does so when it is its turn.
 */
export function ahead(count: number, make: (step: number) => Promise<Batch>): (step: number) => Promise<Batch> {
  const asked = new Map<number, Promise<Batch>>();
  const ask = (step: number): Promise<Batch> => {
    let found = asked.get(step);
    if (!found) {
      found = make(step);
      found.catch(() => {});
      asked.set(step, found);
    }
    return found;
  };
  return (step) => {
    for (const old of asked.keys()) if (old < step || old > step + count) asked.delete(old);
    const wanted = ask(step);
    for (let next = step + 1; next <= step + count; next++) ask(next);
    return wanted;
  };
}
