/** What the tests of data for any model share: folders of files, a model that is only its ports, a request. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DataRequest, RecipeModel } from '../../../src/recipes/recipe.ts';
import type { SettingValues } from '../../../src/shared/recipe.ts';

/** A new folder with these files. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mdl-data-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

export const TEXT_PORTS = ['input_ids', 'attention_mask', 'labels'].map((name) => ({
  name,
  dtype: 'i64' as const,
  shape: ['B', 'T'],
}));

export function modelOf(
  settings: SettingValues,
  inputs: NonNullable<ReturnType<RecipeModel['entry']>>['inputs'] = TEXT_PORTS,
): RecipeModel {
  return { name: 'GPT', settings, entry: (name) => (name === 'loss' ? { inputs, outputs: [] } : undefined) };
}

/** A request, and the notes that were made of it. */
export function requestOf(
  data: string,
  model: RecipeModel,
  more: Partial<DataRequest> = {},
): DataRequest & { readonly notes: string[] } {
  const notes: string[] = [];
  return {
    data,
    split: 'train',
    model,
    stage: { who: 'the stage train', clauses: {} },
    batchSize: 2,
    seed: 1,
    tokenizer: () => Promise.reject(new Error('no tokenizer is wanted here')),
    badRows: 'fail',
    note: (line) => notes.push(line),
    ...more,
    notes,
  };
}
