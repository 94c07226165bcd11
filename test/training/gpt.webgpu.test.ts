/** examples/gpt.mdl on WebGPU against a PyTorch loop, step by step. */
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { folderWith } from '../support/folder.ts';
import { distance, lossesOn } from './gpt-cases.ts';

test.skipIf(unavailable)('twenty steps have the losses of PyTorch, within 1e-4', async () => {
  const folder = folderWith();
  expect(distance(await lossesOn('webgpu', folder))).toBeLessThan(1e-4);
});
