/** Weights that do not fit a model are refused, key by key. */
import { describe, expect, it } from 'vitest';
import type { WeightsOptions } from '../../src/compiler/workbench/model.ts';
import type { HostTensor } from '../../src/runtime/index.ts';
import { f32, folderWith, i64, SMALL, SMALL_WEIGHTS, safetensors } from './support.ts';
import { chunksOf, file, modelOf, numbers, openSmall } from './weights-support.ts';

async function refusal(
  tensors: Readonly<Record<string, HostTensor>>,
  options: WeightsOptions = {},
): Promise<{ message: string; notes: readonly string[] }> {
  const error = await openSmall(file(tensors), options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'C0101' });
  return error as { message: string; notes: readonly string[] };
}

const without = (...keys: string[]): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(SMALL_WEIGHTS).filter(([key]) => !keys.includes(key)));

describe('where they lie', () => {
  it('one file', async () => {
    const { weights, notes } = await openSmall(file(SMALL_WEIGHTS));
    expect(await numbers(weights, 'fc.weight')).toEqual([1, 2, 3, 4, 5, 6]);
    expect({ notes, origin: weights.origin, trained: weights.trained }).toEqual({
      notes: [],
      origin: 'w.safetensors',
      trained: true,
    });
    await weights.close();
  });

  const shards = {
    'a.safetensors': safetensors({ 'fc.weight': SMALL_WEIGHTS['fc.weight']!, steps: SMALL_WEIGHTS.steps! }),
    'b.safetensors': safetensors(without('fc.weight', 'steps')),
  };
  const map = {
    'fc.weight': 'a.safetensors',
    steps: 'a.safetensors',
    'fc.bias': 'b.safetensors',
    'scale.gain': 'b.safetensors',
  };

  it.each([
    ['an index', '/model.safetensors.index.json'],
    ['a folder with an index', ''],
  ])('%s', async (_, path) => {
    const folder = folderWith({ ...shards, 'model.safetensors.index.json': JSON.stringify({ weight_map: map }) });
    const { weights } = await openSmall(folder + path);
    expect([await numbers(weights, 'fc.weight'), await numbers(weights, 'scale.gain')]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [10, 100],
    ]);
    await weights.close();
  });

  it('a folder of files', async () => {
    const { weights } = await openSmall(folderWith(shards));
    expect(await numbers(weights, 'scale.gain')).toEqual([10, 100]);
    await weights.close();
  });

  it.each([
    ['an index that leads outside', { ...map, steps: '../a.safetensors' }, 'R0113'],
    ['an index with a key that its shard lacks', { ...map, steps: 'b.safetensors' }, 'R0114'],
    [
      'an index that lists less than its shards have',
      { 'fc.weight': 'a.safetensors', steps: 'a.safetensors', 'fc.bias': 'b.safetensors' },
      'R0116',
    ],
    ['an index of a shard that is not there', { ...map, steps: 'c.safetensors' }, 'R0118'],
  ])('%s', async (_, weight_map, code) => {
    const folder = folderWith({ ...shards, 'model.safetensors.index.json': JSON.stringify({ weight_map }) });
    await expect(openSmall(folder)).rejects.toMatchObject({ code });
  });

  it('a key in two files of a folder; an empty folder', async () => {
    await expect(
      openSmall(folderWith({ ...shards, 'c.safetensors': safetensors({ steps: SMALL_WEIGHTS.steps! }) })),
    ).rejects.toMatchObject({ code: 'R0115' });
    await expect(openSmall(folderWith())).rejects.toMatchObject({ code: 'R0118' });
  });
});

describe('strictly', () => {
  it('missing, unexpected and mis-shaped keys are listed, all of them, with the nearest names', async () => {
    const { message, notes } = await refusal({
      steps: SMALL_WEIGHTS.steps!,
      'fc.wieght': f32([2, 3], [1, 2, 3, 4, 5, 6]),
      'fc.bias': f32([3], [1, 2, 3]),
      head: f32([1], [0]),
    });
    expect(message).toMatch(/w\.safetensors does not fit the model: 5 keys differ$/);
    expect(notes.slice(0, -1)).toEqual([
      'mis-shaped fc.bias: is [3] and the model has [2]',
      'missing    fc.weight [2, 3] (nearest in the checkpoint: fc.wieght)',
      'missing    scale.gain [2]',
      'unexpected fc.wieght [2, 3] (nearest in the model: fc.weight)',
      'unexpected head [1]',
    ]);
    expect(notes.at(-1)).toContain('--allow-missing PATTERN');
  });

  it('several hundred keys are listed too', async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`other.${i}`, f32([1], [i])]));
    const { message, notes } = await refusal({ ...SMALL_WEIGHTS, ...many });
    expect(message).toContain('300 keys differ');
    expect(notes.filter((note) => note.startsWith('unexpected other.'))).toHaveLength(300);
  });

  it('integers where floats belong are no weights', async () => {
    const { notes } = await refusal({ ...SMALL_WEIGHTS, 'fc.bias': i64([2], [1, 2]) });
    expect(notes[0]).toBe('mis-typed  fc.bias: is I64 and the model has f32');
  });

  it('--allow-missing and --allow-unexpected take patterns', async () => {
    const tensors = { ...without('scale.gain'), 'head.weight': f32([1], [0]), 'head.bias': f32([1], [0]) };
    await refusal(tensors, { allowMissing: ['scale.*'], allowUnexpected: ['head.weight'] });
    for (const options of [
      { allowMissing: ['scale.*'], allowUnexpected: ['head'] },
      { allowMissing: ['**'], allowUnexpected: ['**'] },
    ]) {
      const { weights, notes } = await openSmall(file(tensors), options);
      expect(notes).toEqual([
        'ignored: 2 keys that the model does not have, as allowed',
        'made from their initialisers: 1 key that the checkpoint lacks, as allowed',
      ]);
      expect(await numbers(weights, 'scale.gain')).toEqual([1, 1]);
      expect(await chunksOf(weights, 'scale.gain')).toEqual([new Uint8Array(Float32Array.of(1, 1).buffer)]);
      await weights.close();
    }
  });

  it('allowed patterns do not cover shapes', async () => {
    await refusal(
      { ...SMALL_WEIGHTS, 'fc.bias': f32([3], [1, 2, 3]) },
      { allowMissing: ['**'], allowUnexpected: ['**'] },
    );
  });

  it('keys of what a flag switched off are unused, and that is said', async () => {
    const { weights, notes } = await openSmall(file(SMALL_WEIGHTS), {}, modelOf(SMALL, ['scaled=false']));
    expect(notes).toEqual(['unused: 1 key of components that are switched off (scaled)']);
    await weights.close();
  });

  it('a buffer may be missing: the compiler makes it', async () => {
    const { weights, notes } = await openSmall(file(without('steps')));
    expect(notes).toEqual([]);
    expect(await weights.read('steps')).toEqual(i64([2], [0, 1]));
    await weights.close();
  });
});
