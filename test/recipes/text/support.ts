/** What the tests of data for any model share: folders of files, a model that is only its ports, a request. */
import type { DataRequest, RecipeModel } from '../../../src/recipes/recipe.ts';
import type { SettingValues } from '../../../src/shared/recipe.ts';

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
