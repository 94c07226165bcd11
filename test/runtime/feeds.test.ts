/** What a session makes of the arrays that it is fed: truth of every byte but 0 (as numpy and torch), and a copy of its own. */
import { describe, expect, it } from 'vitest';
import { sessionOn, TARGETS } from '../support/targets.ts';

const SOURCE = `model M {
  entry truth(b: bool[N], x: [N]) -> (number: [N], chosen: [N], same: bool[N], both: bool[N]) {
    (float(b), where(b, x, 0.0 - x), b == (x > 0.0), b and (x > 0.0))
  }
  entry double(x: [N], i: int[N], b: bool[N]) -> (y: [N], j: int[N], c: bool[N]) { (x + x, i + i, not b) }
}`;

describe.each(TARGETS)('feeds on %s', (target) => {
  const opened = sessionOn(target, SOURCE);

  it('bytes of bools other than 0 and 1 are true', async () => {
    const session = await opened;
    const data = Uint8Array.of(0, 1, 255, 2, 128);
    const x = { dtype: 'f32', shape: [5], data: Float32Array.of(1, 1, 1, -1, 1) } as const;
    const { number, chosen, same, both } = await session.run('truth', { b: { dtype: 'bool', shape: [5], data }, x });
    expect([...number!.data]).toEqual([0, 1, 1, 1, 1]);
    expect([...chosen!.data]).toEqual([-1, 1, 1, -1, 1]);
    expect([...same!.data]).toEqual([0, 1, 1, 0, 1]);
    expect([...both!.data]).toEqual([0, 1, 1, 0, 1]);
    expect([...data]).toEqual([0, 1, 255, 2, 128]);
  });

  it('an array that changes after the call changes nothing', async () => {
    const session = await opened;
    const arrays = {
      x: Float32Array.of(1, 2),
      i: BigInt64Array.of(3n, 4n),
      b: Buffer.from([1, 0]), // its slice() shares memory
    };
    const shape = [2];
    const running = session.run('double', {
      x: { dtype: 'f32', shape, data: arrays.x },
      i: { dtype: 'i64', shape, data: arrays.i },
      b: { dtype: 'bool', shape, data: arrays.b },
    });
    for (const array of [arrays.x, arrays.b]) array.fill(0);
    arrays.i.fill(0n);
    shape[0] = 7;
    const { y, j, c } = await running;
    expect([...y!.data]).toEqual([2, 4]);
    expect([...j!.data]).toEqual([6n, 8n]);
    expect([...c!.data]).toEqual([0, 1]);
  });

  it('32-bit integers are copied too, and borrowed arrays are read where they lie', async () => {
    const session = await opened;
    const feeds = {
      x: { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) },
      i: { dtype: 'i32', shape: [2], data: Int32Array.of(3, 4) },
      b: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
    } as const;
    const running = session.run('double', feeds);
    feeds.i.data.fill(0);
    expect([...(await running).j!.data]).toEqual([6n, 8n]);
    expect([...(await session.run('double', feeds, { borrow: true })).j!.data]).toEqual([0n, 0n]);
  });
});
