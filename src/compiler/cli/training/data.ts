/** Where a stage's batches come from: one batch from a file, or a data set that the model's recipe opens. */
import { isDataModule, moduleData } from '../../../recipes/module.node.ts';
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { readInputs } from '../commands/run.ts';
import { cliError } from '../errors.ts';
import type { Output } from '../output.ts';
import { recipeFor, recipeStage, tokenizerFor, toldOf } from '../recipe.ts';

export interface DataRequest {
  readonly batch?: string;
  readonly data?: string;
  readonly batchSize?: number;
  readonly tokenizer?: string;
  readonly seed: number;
  readonly skipBadImages?: boolean;
}

/** @throws CliError C0203, C0104, C0112, C0208; RuntimeError R09xx, R112x */
export async function openBatches(
  file: string,
  model: Model,
  stage: Stage,
  request: DataRequest,
  output: Output,
): Promise<DataSource> {
  const { batch, data } = request;
  if (batch !== undefined && data !== undefined) throw cliError('data_or_batch', { found: 'both --data and --batch' });
  if (batch !== undefined) {
    sayUnused(model, stage, output);
    return sameBatch(batch);
  }
  if (data === undefined) throw cliError('data_or_batch', { found: 'neither' });
  const told = toldOf(model);
  const tokenizer = tokenizerFor(file, told, request.tokenizer);
  let tokenised = false;
  const common = {
    split: 'train' as const,
    model: told,
    batchSize: request.batchSize ?? (typeof stage.options.batch === 'number' ? stage.options.batch : 16),
    seed: request.seed,
    tokenizer: () => {
      tokenised = true;
      return tokenizer();
    },
    badRows: request.skipBadImages ? ('skip' as const) : ('fail' as const),
    note: (line: string) => output.note(line),
  };
  const needed = (source: DataSource): DataSource => {
    if (request.tokenizer === undefined || tokenised) return source;
    throw cliError('option_without', { option: '--tokenizer', without: 'data that is read with a tokenizer file' });
  };
  if (isDataModule(data))
    return needed(await moduleData({ ...common, data, stage: { who: `the stage ${stage.name}`, clauses: {} } }));
  const { recipe } = recipeFor(model);
  const asked = recipeStage(recipe, stage);
  const set = recipe.dataOf?.(data, asked) ?? data;
  if (set !== data) output.note(`${stage.name}: batches of its own data ${set}, not of ${data}`);
  return needed(await recipe.dataset({ ...common, data: set, stage: asked }));
}

/** Clauses about the data set say nothing of one batch that is given. */
function sayUnused({ recipe }: Model, { name, options }: Stage, output: Output): void {
  const { clauses = {}, shapes = [] } = recipe?.declaration ?? {};
  const unused = Object.keys(options).filter((clause) => Object.hasOwn(clauses, clause) && !shapes.includes(clause));
  if (unused.length > 0) output.note(`${name}: ${unused.join(', ')} of the stage say nothing of --batch`);
}

async function sameBatch(file: string): Promise<DataSource> {
  const feeds = await readInputs(file);
  const rows = Math.max(...Object.values(feeds).map(({ shape }) => shape[0] ?? 1), 1);
  return { name: file, batch: async () => ({ feeds, tokens: rows, rows }) };
}
