/** Which file of a folder is its weights; a guess would load another model's. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeSafetensors, openCheckpoint } from '../../../src/runtime/index.ts';
import { folderWith } from '../../support/folder.ts';
import { provokes } from '../support.ts';

const bytes = encodeSafetensors(new Map([['w', { dtype: 'f32', shape: [1], data: Float32Array.of(7) }]]));
const folderOf = (...names: string[]): string => {
  const folder = folderWith();
  for (const name of names)
    writeFileSync(join(folder, name), name.endsWith('.json') ? '{"weight_map":{"w":"shard.bin"}}' : bytes);
  return folder;
};
const filesOf = async (folder: string): Promise<string[]> => {
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.close();
  return checkpoint.files.map(({ name }) => name.slice(folder.length + 1));
};

it.each([
  [['model.safetensors', 'pytorch_model.bin'], ['model.safetensors']],
  [['pytorch_model.bin', 'training_args.bin', 'optimizer.pt'], ['pytorch_model.bin']],
  [['pytorch_model.bin.index.json', 'shard.bin', 'training_args.bin'], ['shard.bin']],
  [['weights.pth', 'config.yaml'], ['weights.pth']],
])('of %j it is %j', async (names, expected) => {
  expect(await filesOf(folderOf(...names))).toEqual(expected);
});

it('of several other files none is chosen', async () => {
  expect(await provokes('R1186', () => openCheckpoint(folderOf('a.pth', 'b.gguf', 'c.txt')))).toContain(
    '2 files that could be its weights (a.pth, b.gguf)',
  );
});

it('without any there is nothing to open', async () => {
  expect(await provokes('R0118', () => openCheckpoint(folderOf('notes.txt')))).toContain('has no file of weights');
});

it('an index that is a link to a shard elsewhere is refused', async () => {
  const folder = folderOf('pytorch_model.bin.index.json');
  symlinkSync(join(folderOf('shard.bin'), 'shard.bin'), join(folder, 'shard.bin'));
  await provokes('R0113', () => openCheckpoint(folder));
});

it('a part that is not there names the levels there are', async () => {
  const folder = folderOf('model.safetensors');
  expect(await provokes('R1185', () => openCheckpoint(`${folder}#model`))).toContain('its keys have no levels');
});
