/** Outputs that are kept lie in lent memory on ONNX Runtime: written again after their release, and not before. */
import { afterAll, expect, it } from 'vitest';
import { release, toHost } from '../../src/runtime/device-tensor.ts';
import { LentTensor } from '../../src/runtime/lent.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { sessionOn } from '../support/targets.ts';
import { provokes } from './support.ts';

const opened = sessionOn(
  'onnx 17',
  'model M { entry double(x: [2, 2], z: [B]) -> (y: [2, 2], rest: [B], total: []) { (x + x, z, sum(x)) } }',
);
afterAll(async () => (await opened).dispose());

const feeds = (value: number): Record<string, HostTensor> => ({
  x: { dtype: 'f32', shape: [2, 2], data: new Float32Array(4).fill(value) },
  z: { dtype: 'f32', shape: [1], data: Float32Array.of(value) },
});

it('what is kept is not written again until it is released', async () => {
  const session = await opened;
  const run = async (value: number) => (await session.run('double', feeds(value), { keep: ['y'] })).y as LentTensor;
  const first = await run(1);
  expect(first).toBeInstanceOf(LentTensor);
  const memory = first.data;
  const second = await run(2);
  expect(second.data).not.toBe(memory);
  expect([...first.data]).toEqual([2, 2, 2, 2]);
  release(first);
  const third = await run(3);
  expect(third.data).toBe(memory);
  expect([...third.data]).toEqual([6, 6, 6, 6]);
  expect([...second.data]).toEqual([4, 4, 4, 4]);
});

it('a copy stays, and what was released is refused by name', async () => {
  const session = await opened;
  const { y } = await session.run('double', feeds(4), { keep: ['y'] });
  const copy = await toHost(y!);
  release(y!);
  release(y!); // does nothing
  const [again, other] = [
    await session.run('double', feeds(5), { keep: ['y'] }),
    await session.run('double', feeds(6), { keep: ['y'] }),
  ];
  expect((again.y as LentTensor).data).not.toBe((other.y as LentTensor).data);
  expect([...copy.data]).toEqual([8, 8, 8, 8]);
  expect(await provokes('R1008', async () => (y as LentTensor).data)).toContain('was released');
});

it('what is fetched, or has a size of its own in each run, is not lent', async () => {
  const session = await opened;
  const { y, rest, total } = await session.run('double', feeds(1), { keep: ['rest', 'total'] });
  for (const tensor of [y, rest, total]) expect(tensor).not.toBeInstanceOf(LentTensor);
});

it('a lent tensor is an input as any other', async () => {
  const session = await opened;
  const { y } = await session.run('double', feeds(1), { keep: ['y'] });
  const results = await session.run('double', { ...feeds(1), x: y as unknown as HostTensor }, { keep: ['y'] });
  expect([...(results.y as LentTensor).data]).toEqual([4, 4, 4, 4]);
});
