/** Where a stage's batches come from: one batch from a file, or a data set that the model's recipe opens. */
import { isDataModule, moduleData } from '../../../recipes/module.node.ts';
import type { Recipe, DataRequest as RecipeRequest } from '../../../recipes/recipe.ts';
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { cliError } from '../errors.ts';
import { readInputs } from '../inputs.ts';
import type { Notes } from '../notes.ts';
import { chatTemplateFor, lengthOf, recipeFor, recipeStage, tokenizerFor, toldOf } from '../recipe.ts';
import { batchSizeOf } from './stages.ts';

export interface DataRequest {
  readonly batch?: string;
  readonly data?: string;
  readonly batchSize?: number;
  readonly tokenizer?: string;
  readonly seed: number;
  /** what to do about a row or picture that cannot be used; `fail` when absent */
  readonly onBadRow?: 'fail' | 'skip';
  /** tokens of a row, in place of the model's and the stage's */
  readonly length?: number;
  /** data to judge by, beside that of training */
  readonly val?: string;
  /** part of `data` that is kept to judge by */
  readonly valSplit?: number;
}

/** Batches to train on. @throws CliError C0203, C0104, C0112, C0208, C0422; RuntimeError R09xx, R112x */
export async function openBatches(
  file: string,
  model: Model,
  stage: Stage,
  request: DataRequest,
  output: Notes,
): Promise<DataSource> {
  const { batch, data, valSplit } = request;
  if (batch !== undefined && data !== undefined) throw cliError('data_or_batch', { found: 'both --data and --batch' });
  if (batch !== undefined) {
    sayUnused(model, stage, output);
    return sameBatch(batch);
  }
  if (data === undefined) throw cliError('data_or_batch', { found: 'neither' });
  const part = valSplit === undefined ? {} : { heldOut: valSplit };
  return openSet(file, { model, stage, data, split: 'train', ...part }, request, output);
}

/** Rows to judge a stage by: `val`, else what of `data` is held out. @throws as `openBatches` */
export async function openHeldOut(
  file: string,
  model: Model,
  stage: Stage,
  request: DataRequest & { readonly data: string },
  output: Notes,
): Promise<DataSource> {
  const { val, valSplit } = request;
  const part = val === undefined ? valSplit : 1;
  const set = { model, stage, data: val ?? request.data, split: 'held-out' as const };
  return openSet(file, { ...set, ...(part === undefined ? {} : { heldOut: part }) }, request, output);
}

interface SetRequest extends Pick<RecipeRequest, 'data' | 'split' | 'heldOut'> {
  readonly model: Model;
  readonly stage: Stage;
}

async function openSet(
  file: string,
  { model, stage, data, ...part }: SetRequest,
  request: DataRequest,
  output: Notes,
): Promise<DataSource> {
  const told = toldOf(model, stage);
  const tokenizer = tokenizerFor(file, told, request.tokenizer);
  let tokenised = false;
  const common = {
    ...part,
    model: told,
    batchSize: batchSizeOf(stage, request.batchSize),
    seed: request.seed,
    tokenizer: () => {
      tokenised = true;
      return tokenizer();
    },
    chatTemplate: chatTemplateFor(file, told, request.tokenizer),
    badRows: request.onBadRow ?? 'fail',
    note: (line: string) => output.note(line),
  };
  const needed = (source: DataSource): DataSource => {
    if (request.tokenizer === undefined || tokenised) return source;
    throw cliError('option_without', { option: '--tokenizer', without: 'data that is read with a tokenizer file' });
  };
  if (isDataModule(data)) {
    return needed(await moduleData({ ...common, data, stage: { who: `the stage ${stage.name}`, clauses: {} } }));
  }
  const { recipe } = recipeFor(model);
  if (recipe.ownSplit) refuseSplit(request, `data of the recipe ${recipe.name}`);
  const own = recipeStage(recipe, stage);
  const asked = { ...own, clauses: { ...own.clauses, ...lengthOf(recipe, request) } };
  // what is given to judge by is not the stage's own data
  const set = part.heldOut === 1 ? data : ownData(recipe, data, stage, output);
  return needed(await recipe.dataset({ ...common, data: set, stage: asked }));
}

/** @throws CliError C0422 */
function refuseSplit({ valSplit }: DataRequest, who: string): void {
  if (valSplit !== undefined) throw cliError('split_not_taken', { option: '--val-split', who });
}

/** The data set that the stage itself names, else the one that was asked for. */
function ownData(recipe: Recipe, data: string, stage: Stage, output: Notes): string {
  const set = recipe.dataOf?.(data, recipeStage(recipe, stage)) ?? data;
  if (set !== data) output.note(`${stage.name}: batches of its own data ${set}, not of ${data}`);
  return set;
}

/** Clauses about the data set say nothing of one batch that is given. */
function sayUnused({ recipe }: Model, { name, options }: Stage, output: Notes): void {
  const { clauses = {}, shapes = [] } = recipe?.declaration ?? {};
  const unused = Object.keys(options).filter((clause) => Object.hasOwn(clauses, clause) && !shapes.includes(clause));
  if (unused.length > 0) output.note(`${name}: ${unused.join(', ')} of the stage say nothing of --batch`);
}

async function sameBatch(file: string): Promise<DataSource> {
  const feeds = await readInputs(file);
  const rows = Math.max(...Object.values(feeds).map(({ shape }) => shape[0] ?? 1), 1);
  return {
    name: file,
    rowName: (_, row) => `row ${row} of ${file}`,
    batch: async () => ({ feeds, tokens: rows, rows }),
  };
}
