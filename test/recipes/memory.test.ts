/** Data sets whose files are in memory, as a page has them: the batches are those of the same files on the disk. */
import { describe, expect, test } from 'vitest';
import { memoryFile } from '../../src/recipes/data/file.ts';
import { imageClassification } from '../../src/recipes/image-classification/recipe.ts';
import type { Recipe } from '../../src/recipes/recipe.ts';
import { tensorsRecipe } from '../../src/recipes/tensors/recipe.ts';
import { textRecipe } from '../../src/recipes/text/recipe.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { folderWith } from '../support/folder.ts';
import { modelOf, requestOf } from './text/support.ts';
import { plainPng } from './vision-language/support.ts';

const ids = { dtype: 'i64' as const, shape: ['B', 'T'] };
const table = { shape: [2], dtype: 'f32' as const, data: Float32Array.of(5, 6) };

const CASES: readonly [string, Recipe, ReturnType<typeof modelOf>, Record<string, string | Uint8Array>][] = [
  [
    'a table and a shard',
    tensorsRecipe,
    modelOf({}, [{ name: 'x', dtype: 'f32', shape: ['B'] }]),
    { 'a.csv': 'x\n1\n2\n', 'b.safetensors': encodeSafetensors(new Map([['x', table]])), 'notes.pdf': 'aside' },
  ],
  [
    'texts',
    textRecipe,
    modelOf({ tokenizer: 'bytes', length: 4, eos: 0 }, [{ ...ids, name: 'input_ids' }]),
    { 'b.txt': 'to be or not', 'a-b/c.txt': 'that is', 'a/d.txt': 'the question' },
  ],
  [
    'pictures',
    imageClassification,
    modelOf({ image_size: 4 }, [
      { name: 'pixel_values', dtype: 'f32', shape: ['N', 3, 4, 4] },
      { name: 'labels', dtype: 'i64', shape: ['N'] },
    ]),
    { 'cat/a.png': plainPng([255, 0, 0]), 'ant/c.png': plainPng([0, 255, 0]) },
  ],
];

describe.each(CASES)('%s', (_, recipe, model, given) => {
  const files = Object.entries(given).map(([name, content]) =>
    memoryFile(name, typeof content === 'string' ? new TextEncoder().encode(content) : content),
  );

  test('give the batches of the disk', async () => {
    const options = { batchSize: 2, data: 'mine' };
    const disk = await recipe.dataset({ ...requestOf(folderWith(given), model), batchSize: 2 });
    const memory = await recipe.dataset({ ...requestOf('', model, options), files: [...files].reverse() });
    expect(memory.rows).toBe(disk.rows);
    for (const step of [0, 1, 5]) expect((await memory.batch(step)).feeds).toEqual((await disk.batch(step)).feeds);
  });

  test('R1141 where none of them is read', async () => {
    const request = requestOf('', model, { batchSize: 2, data: 'mine' });
    await expect(recipe.dataset({ ...request, files: [memoryFile('a.pdf', new Uint8Array(3))] })).rejects.toMatchObject(
      {
        code: 'R1141',
        message: expect.stringMatching(/mine cannot be used \(no \.\w+ .*file is there\)/),
      },
    );
  });
});
