/** Where a stage's batches come from: one batch from a file, or a data set opened with the model's sizes. */
import { dirname, join } from 'node:path';
import { type BadImage, type DataOptions, openData } from '../../../runtime/data/index.ts';
import type { DataSource } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { typeOf } from '../../ir/graph.ts';
import { readInputs } from '../commands/run.ts';
import { cliError } from '../errors.ts';
import type { Output } from '../output.ts';
import { tokenizerOf } from '../tokenizer.ts';
import { IMAGE_SIZE } from './image-size.ts';

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
  if (batch !== undefined && data !== undefined) throw cliError('C0203', { found: 'both --data and --batch' });
  if (batch !== undefined) return sameBatch(batch);
  if (data === undefined) throw cliError('C0203', { found: 'neither' });
  const config = new Config(model);
  const tokenizer = await tokenizerOf(
    request.tokenizer,
    join(dirname(file), config.text('tokens.tokenizer') ?? 'tokenizer.json'),
  );
  const { template, data: set } = stage.options;
  const number = /(\d)$/.exec(stage.name)?.[1];
  const [mean, std] = [config.triple('image.mean'), config.triple('image.std')];
  const options: DataOptions = {
    // a stage that is none of the paper's four (pre-training of the parts) has captions, as stage 1
    stage: number !== undefined && number >= '1' && number <= '4' ? (Number(number) as DataOptions['stage']) : 1,
    tokenizer,
    imageSize: config.size(IMAGE_SIZE, stage),
    imageTokens: imageTokensOf(model),
    batchSize: request.batchSize ?? (typeof stage.options.batch === 'number' ? stage.options.batch : 16),
    seed: request.seed,
    split: 'train',
    bos: config.number('tokens.bos') ?? 0,
    pad: config.number('tokens.pad') ?? 0,
    onBadImage: request.skipBadImages ? 'skip' : 'fail',
    report: ({ image, file: list, line, reason }: BadImage) =>
      output.note(`skipped ${image} (line ${line} of ${list}): ${reason}`),
    ...(typeof template === 'string' ? { template: template as NonNullable<DataOptions['template']> } : {}),
    ...(mean ? { mean } : {}),
    ...(std ? { std } : {}),
  };
  return openData(typeof set === 'string' ? set : data, options);
}

/** Rows that `encode_image` makes of one image: the queries, or with q_former off a quarter of the patches. */
function imageTokensOf(model: Model): number {
  const graph = model.entry('encode_image')?.graph;
  const rows = graph?.outputs[0] && typeOf(graph, graph.outputs[0].value).shape[1];
  return typeof rows === 'number' ? rows : 1;
}

async function sameBatch(file: string): Promise<DataSource> {
  const feeds = await readInputs(file);
  const rows = Math.max(...Object.values(feeds).map(({ shape }) => shape[0] ?? 1), 1);
  return { name: file, batch: async () => ({ feeds, tokens: rows, rows }) };
}

/** Values of the model's config by dotted name, where it has them. */
class Config {
  private readonly values: unknown;
  constructor(model: Model) {
    this.values = model.config();
  }

  number(path: string): number | undefined {
    const value = this.at(path);
    return typeof value === 'number' ? value : undefined;
  }

  text(path: string): string | undefined {
    const value = this.at(path);
    return typeof value === 'string' ? value : undefined;
  }

  triple(path: string): readonly [number, number, number] | undefined {
    const value = this.at(path);
    return Array.isArray(value) && value.length === 3
      ? (value as unknown as readonly [number, number, number])
      : undefined;
  }

  size(path: string, stage: Stage): number {
    const found = this.number(path);
    if (found !== undefined) return found;
    throw cliError('C0202', {
      stage: stage.name,
      reason: `the config has no ${path}, which --data needs; give batches with --batch`,
    });
  }

  private at(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>(
        (value, name) => (value as { readonly [name: string]: unknown } | undefined)?.[name],
        this.values,
      );
  }
}
