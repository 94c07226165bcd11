/** examples/gpt.mdl on WebGPU against a PyTorch loop, step by step. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { distance, lossesOn } from './gpt-cases.ts';

test.skipIf(unavailable)('twenty steps have the losses of PyTorch, within 1e-4', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdl-gpt-'));
  expect(distance(await lossesOn('webgpu', folder))).toBeLessThan(1e-4);
  rmSync(folder, { recursive: true });
});
