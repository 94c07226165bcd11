/** What a command puts into the system's folder for temporary files is gone when it ends, with an error too. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { MICRO, microBatch } from '../training/support.ts';
import { f32, folderWith, mdl, SMALL, safetensors } from './support.ts';

const before = process.env.TMPDIR;
afterEach(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
});

const RUN = ['run', 'small.mdl', '--entry', 'main', '--init', '0', '--outputs', 'y.safetensors', '--inputs'];
const TRAIN = ['train', 'micro.mdl', '--stage', 'one', '--init', '0', '--steps', '2', '--batch'];

it.each([
  ['a run', [...RUN, 'x.safetensors'], 0],
  ['a run whose input has another shape', [...RUN, 'narrow.safetensors'], 1],
  ['training', [...TRAIN, 'batch.safetensors'], 0],
  ['training on a label outside of its classes', [...TRAIN, 'wrong.safetensors'], 1],
])('%s', async (_, args, expected) => {
  const batch = microBatch();
  const folder = folderWith({
    'small.mdl': SMALL,
    'micro.mdl': MICRO,
    'x.safetensors': safetensors({ x: f32([2, 3], [1, 0, 0, 0, 1, 0]) }),
    'narrow.safetensors': safetensors({ x: f32([2, 2], [1, 0, 0, 1]) }),
    'batch.safetensors': safetensors(batch),
    'wrong.safetensors': safetensors({
      ...batch,
      labels: { dtype: 'i64', shape: [6], data: new BigInt64Array(6).fill(9n) },
    }),
  });
  const temporary = folderWith();
  process.env.TMPDIR = temporary;
  const { code, stderr } = await mdl(folder, ...args);
  expect(code, stderr).toBe(expected);
  // ONNX Runtime writes a log of its own there
  expect(readdirSync(temporary).filter((name) => name.startsWith('mdl-'))).toEqual([]);
});
