/** Batches to train on in the page: the same one again and again, or a data set of the user's as the model's recipe reads it. */
import type { Model } from 'mdl-compiler';
import { type Batch, type DataSource, type Manifest, Tokenizer } from 'mdl-compiler/runtime';
import { memoryFile } from '../../../../src/recipes/data/file.ts';
import type { Recipe } from '../../../../src/recipes/recipe.ts';
import type { NamedFile } from '../named-file.ts';
import { type InputRequest, inputOf } from './inputs.ts';

type Entry = Manifest['entries'][string];

/** One batch of random numbers for every step: a model that can learn learns it by heart. */
export async function randomBatch(inputs: Entry['inputs'], request: InputRequest): Promise<DataSource> {
  const feeds: Record<string, Batch['feeds'][string]> = {};
  for (const port of inputs) feeds[port.name] = await inputOf(port, { kind: 'random' }, request);
  const rows = Object.values(feeds)[0]?.shape[0] ?? 1;
  return { name: `one random batch, seed ${request.seed}`, batch: async () => ({ feeds, tokens: rows, rows }) };
}

/** Recipes that need nothing but files. */
const RECIPES: Readonly<Record<string, () => Promise<Recipe>>> = {
  text: async () => (await import('../../../../src/recipes/text/recipe.ts')).textRecipe,
  tensors: async () => (await import('../../../../src/recipes/tensors/recipe.ts')).tensorsRecipe,
  'image-classification': async () =>
    (await import('../../../../src/recipes/image-classification/recipe.ts')).imageClassification,
};

export interface OwnData {
  readonly model: Model;
  readonly stage: Model['stages'][number];
  /** ports of the entry that is trained */
  readonly loss: Entry;
  readonly files: readonly NamedFile[];
  readonly batchSize: number;
  /** tokens of a row, of recipes that have rows of them */
  readonly length: number | undefined;
  readonly seed: number;
  note(line: string): void;
}

/** @throws Error where the model names no such recipe; RuntimeError R112x, R114x of data that does not fit */
export async function ownData({
  model,
  stage,
  loss,
  files,
  batchSize,
  length,
  seed,
  note,
}: OwnData): Promise<DataSource> {
  const declared = model.recipe?.declaration;
  const load = declared && RECIPES[declared.name];
  if (!load) throw new Error(`the page reads data for the recipes ${Object.keys(RECIPES).join(', ')} alone`);
  const recipe = await load();
  const clauses = Object.entries(stage.options).filter(([clause]) => Object.hasOwn(recipe.clauses, clause));
  const row = length !== undefined && Object.hasOwn(recipe.clauses, 'length') ? { length } : {};
  return recipe.dataset({
    data: files.length === 1 ? files[0]!.name : 'the files',
    files: files.map(({ name, bytes }) => memoryFile(name, bytes)),
    split: 'train',
    model: {
      name: model.name,
      settings: model.recipe!.settings,
      entry: (role) => (role === 'loss' ? loss : undefined),
    },
    stage: { who: `the stage ${stage.name}`, clauses: { ...Object.fromEntries(clauses), ...row } },
    batchSize,
    seed,
    tokenizer: async () => tokenizerOf(files),
    badRows: 'fail',
    note,
  });
}

const TOKENIZER = 'tokenizer.json';

function tokenizerOf(files: readonly NamedFile[]): Tokenizer {
  const file = files.find(({ name }) => name === TOKENIZER || name.endsWith(`/${TOKENIZER}`));
  if (!file) throw new Error(`the model reads text by a tokenizer: choose its ${TOKENIZER} together with the texts`);
  return Tokenizer.from(new TextDecoder().decode(file.bytes));
}
