/** `mdl ablate` of a user's own flag, by texts and by pictures of classes. */
import { expect, test } from 'vitest';
import { ablated, KINDS } from './ablate-kinds.ts';

test.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('compares a flag of the model by %s', async (kind) => {
  const losses = await ablated(kind, 'onnx');
  expect([...losses.keys()]).toEqual(['full', `no-${KINDS[kind].flags}`]);
  const [full, without] = [...losses.values()];
  for (const loss of [full!, without!]) expect(loss).toBeGreaterThan(0);
  expect(without).not.toBe(full);
});
