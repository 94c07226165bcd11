/** examples/gpt.mdl against a PyTorch loop, step by step, and what it comes to on the repository's own docs. */
import { expect, test } from 'vitest';
import { folderWith } from '../support/folder.ts';
import { distance, lossesOn } from './gpt-cases.ts';

const folder = folderWith();

test('twenty steps have the losses of PyTorch, within 1e-4', async () => {
  const losses = await lossesOn('onnx', folder);
  expect(losses).toHaveLength(20);
  expect(distance(losses)).toBeLessThan(1e-4);
  expect(losses.at(-1)).toBeLessThan(losses[0]! - 1);
});
