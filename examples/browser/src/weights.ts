/**
 * Weights by checkpoint key: those that the page came with, fetched once and whole (any web server can serve them), and
 * those of a lesson in front of them. They stay in the page's memory, so a new device after a loss gets them again.
 */
import type { WeightReader } from 'mdl-compiler';
import { bytesSource, Checkpoint, type HostTensor } from 'mdl-compiler/runtime';

/** What lessons have changed. */
export type Learned = ReadonlyMap<string, HostTensor>;
export type Weights = (key: string) => Promise<HostTensor>;

const FILE = 'model/weights.safetensors';

let shipped: Promise<Checkpoint> | undefined;

async function fetchShipped(): Promise<Checkpoint> {
  const answer = await fetch(FILE);
  if (!answer.ok) throw new Error(`${FILE} is not there: the server answers ${answer.status}`);
  return Checkpoint.ofFiles(FILE, [bytesSource(new Uint8Array(await answer.arrayBuffer()), FILE)]);
}

/** @param learned stands before what the page came with */
export function weightsWith(learned: Learned): Weights {
  return async (key) => {
    const changed = learned.get(key);
    if (changed) return changed;
    shipped ??= fetchShipped();
    shipped.catch(() => {
      shipped = undefined; // the next one may try again
    });
    return (await shipped).read(key);
  };
}

/** Weights as what is compiled in the page is opened with them. */
export function readerOf(weights: Weights): WeightReader {
  return {
    origin: 'a lesson',
    trained: true,
    read: weights,
    async *chunks(key) {
      const { data } = await weights(key);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  };
}
