/**
 * Data from a module of the user's: `--data ./my-data.mjs`, for models of any recipe and of none.
 *
 *     export default ({ model, batchSize, seed }) => ({ name: 'mine', batch: async (step) => ({ feeds, tokens, rows }) });
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reasonOf, runtimeError } from '../runtime/errors.ts';
import type { Batch, DataSource } from '../runtime/train/data-source.ts';
import { inputsOf } from './data/inputs.ts';
import type { DataRequest } from './recipe.ts';

export const isDataModule = (data: string): boolean => /\.m?js$/.test(data);

/**
 * The data source that a module exports as default, or that the function it exports makes of the request. Each batch is
 * compared with the inputs of the loss.
 * @throws RuntimeError R1148; batches throw R1142–R1144 and R1148
 */
export async function moduleData(request: DataRequest): Promise<DataSource> {
  const { data: file, model } = request;
  const refuse = (reason: string, cause?: unknown): Error => runtimeError('data_module', { file, reason }, cause);
  const loaded = await import(pathToFileURL(resolve(file)).href).catch((error: unknown) => {
    throw refuse(`cannot be loaded (${reasonOf(error)})`, error);
  });
  const exported: unknown = (loaded as { default?: unknown }).default;
  const source: unknown = typeof exported === 'function' ? await exported(request) : exported;
  if (!isSource(source)) throw refuse(exported === undefined ? 'has no default export' : 'exports no data source');
  return {
    name: source.name,
    ...(source.rows === undefined ? {} : { rows: source.rows }),
    ...(source.contents ? { contents: () => source.contents!() } : {}),
    async batch(step) {
      const batch: unknown = await source.batch(step);
      if (!isBatch(batch)) throw refuse(`gives no batch { feeds, tokens, rows } at step ${step}`);
      const what = `the batch of step ${step} of ${file}`;
      inputsOf(model, { recipe: 'of the module', what, inputs: batch.feeds, needed: Object.keys(batch.feeds) });
      return batch;
    },
  };
}

function isSource(value: unknown): value is DataSource {
  const { name, batch } = Object(value) as Partial<DataSource>;
  return typeof name === 'string' && typeof batch === 'function';
}

const ARRAYS = { f32: Float32Array, i64: BigInt64Array, bool: Uint8Array } as const;

function isBatch(value: unknown): value is Batch {
  const { feeds, tokens, rows } = Object(value) as Partial<Batch>;
  const counts = [tokens, rows].every((count) => Number.isSafeInteger(count));
  return counts && typeof feeds === 'object' && feeds !== null && Object.values(feeds).every(isTensor);
}

function isTensor(value: unknown): boolean {
  const { dtype, shape, data } = Object(value) as Partial<Batch['feeds'][string]>;
  if (dtype === undefined || !Object.hasOwn(ARRAYS, dtype) || !Array.isArray(shape)) return false;
  return data instanceof ARRAYS[dtype] && data.length === shape.reduce((product, size) => product * size, 1);
}
