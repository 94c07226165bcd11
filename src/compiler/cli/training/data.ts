/** Where a stage's batches come from: one batch from a file, or a data set opened with the model's sizes. */
import { dirname, join } from 'node:path';
import { type BadImage, type DataOptions, openData } from '../../../runtime/data/index.ts';
import { imageSettings } from '../../../runtime/index.ts';
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { typeOf } from '../../ir/graph.ts';
import { readInputs } from '../commands/run.ts';
import { cliError } from '../errors.ts';
import type { Output } from '../output.ts';
import { tokenizerOf } from '../tokenizer.ts';
import { Config } from './config.ts';
import { IMAGE_SIZE } from './image-size.ts';
import { stageSays, wordingOf } from './wording.ts';

export interface DataRequest {
  readonly batch?: string;
  readonly data?: string;
  readonly batchSize?: number;
  readonly tokenizer?: string;
  readonly seed: number;
  readonly skipBadImages?: boolean;
}

/** @throws CliError C0203, C0202, C0104; RuntimeError R09xx */
export async function openBatches(
  file: string,
  model: Model,
  stage: Stage,
  request: DataRequest,
  output: Output,
): Promise<DataSource> {
  const { batch, data } = request;
  if (batch !== undefined && data !== undefined) throw cliError('data_or_batch', { found: 'both --data and --batch' });
  if (batch !== undefined) return sameBatch(batch);
  if (data === undefined) throw cliError('data_or_batch', { found: 'neither' });
  const config = new Config(model);
  const tokenizer = await tokenizerOf(
    request.tokenizer,
    join(dirname(file), config.text('tokens.tokenizer') ?? 'tokenizer.json'),
  );
  const set = setOf(stage, data);
  if (set !== data) output.note(`${stage.name}: batches of its own data ${set}, not of ${data}`);
  const options: DataOptions = {
    ...imageSettings(model.config()),
    ...wordingOf(model, stage.options, set, stageSays(stage.name)),
    tokenizer,
    imageSize: config.required(IMAGE_SIZE, set),
    imageTokens: imageTokensOf(model, stage),
    batchSize: request.batchSize ?? (typeof stage.options.batch === 'number' ? stage.options.batch : 16),
    seed: request.seed,
    split: 'train',
    bos: config.required('tokens.bos', set),
    pad: config.required('tokens.pad', set),
    onBadImage: request.skipBadImages ? 'skip' : 'fail',
    report: ({ image, file: list, line, reason }: BadImage) =>
      output.note(`skipped ${image} (line ${line} of ${list}): ${reason}`),
  };
  return openData(set, options);
}

/** The data set of a stage: its own, or the command's. */
export function setOf({ options }: Stage, data: string): string {
  return typeof options.data === 'string' ? options.data : data;
}

/** Rows that `encode_image` makes of one image: the queries, or with q_former off a quarter of the patches. */
function imageTokensOf(model: Model, stage: Stage): number {
  const graph = model.entries.includes('encode_image') ? model.entry('encode_image')?.graph : undefined;
  const rows = graph?.outputs[0] && typeOf(graph, graph.outputs[0].value).shape[1];
  if (typeof rows === 'number') return rows;
  throw cliError('stage_not_trainable', {
    stage: stage.name,
    reason:
      'the model has no entry encode_image that gives image tokens [N, tokens, d], which --data needs; give batches with --batch',
  });
}

async function sameBatch(file: string): Promise<DataSource> {
  const feeds = await readInputs(file);
  const rows = Math.max(...Object.values(feeds).map(({ shape }) => shape[0] ?? 1), 1);
  return { name: file, batch: async () => ({ feeds, tokens: rows, rows }) };
}
