/**
 * Waiting for the device in Node.
 *
 * Dawn's binding polls the device in every turn of the event loop while one of its promises is open, and so keeps a
 * core busy; measured on two cores with a software adapter, runs take 1.4 times as long. Timers do not help, since the
 * loop turns meanwhile. So the thread itself sleeps, a fraction of a millisecond per turn; everything else that the
 * loop has to do still gets its turn.
 */

/** Milliseconds. */
const FIRST_NAP = 0.1;
const LONGEST_NAP = 1;
/** Turns of the event loop before the first nap: what is ready at once should not wait. */
const PATIENCE = 3;

const inNode: boolean =
  typeof process === 'object' &&
  process.versions?.node !== undefined &&
  !('Deno' in globalThis) &&
  !('Bun' in globalThis) &&
  typeof setImmediate === 'function' &&
  typeof SharedArrayBuffer === 'function';

const cell = inNode ? new Int32Array(new SharedArrayBuffer(4)) : undefined;

/** The promise's result; in Node the thread naps until it is there. */
export async function napping<T>(promise: Promise<T>): Promise<T> {
  if (!cell) return promise;
  let settled = false;
  const done = (): void => {
    settled = true;
  };
  promise.then(done, done);
  let nap = FIRST_NAP;
  for (let turn = 0; ; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (settled) return promise;
    if (turn < PATIENCE) continue;
    Atomics.wait(cell, 0, 0, nap);
    nap = Math.min(nap * 1.5, LONGEST_NAP);
  }
}
