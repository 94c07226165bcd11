/**
 * Data from a module of the user's: `--data ./my-data.mjs`, for models of any recipe and of none. It gives batches, or rows:
 *
 *     export default ({ model, batchSize, seed }) => ({ name: 'mine', batch: async (step) => ({ feeds, tokens, rows }) });
 *     export default { name: 'mine', rows: 1000, row: async (index) => ({ x, y }) };
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reasonOf, runtimeError } from '../runtime/errors.ts';
import type { Batch, DataSource } from '../runtime/train/data-source.ts';
import { inputsOf } from './data/inputs.ts';
import { batchesOf, isTensor, type RowSource } from './data/row-source.ts';
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
  const made: unknown = typeof exported === 'function' ? await exported(request) : exported;
  const source = isRowSource(made) ? batchesOf(made, request, refuse) : made;
  if (!isSource(source)) throw refuse(exported === undefined ? 'has no default export' : 'exports no data source');
  const { heldOut } = request;
  if (source === made && heldOut !== undefined && heldOut < 1)
    throw refuse(
      'gives batches, of which no part can be held out: one that exports rows and row(index) is divided by --val-split',
    );
  return {
    name: source.name,
    ...(source.rows === undefined ? {} : { rows: source.rows }),
    ...(source.contents ? { contents: () => source.contents!() } : {}),
    ...(source.rowName ? { rowName: (step, row) => source.rowName!(step, row) } : {}),
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

function isRowSource(value: unknown): value is RowSource {
  const { name, rows, row } = Object(value) as Partial<RowSource>;
  return typeof name === 'string' && typeof row === 'function' && Number.isSafeInteger(rows) && rows! >= 1;
}

function isBatch(value: unknown): value is Batch {
  const { feeds, tokens, rows } = Object(value) as Partial<Batch>;
  const counts = [tokens, rows].every((count) => Number.isSafeInteger(count));
  return counts && typeof feeds === 'object' && feeds !== null && Object.values(feeds).every(isTensor);
}
