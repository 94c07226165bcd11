/** Models that are trained on arrays of numbers. All rows are in memory. */
import { runtimeError } from '../../runtime/errors.ts';
import type { Session } from '../../runtime/session.ts';
import type { DataSource } from '../../runtime/train/data-source.ts';
import { Checkpoint } from '../../runtime/weights/checkpoint.ts';
import { openWeightsFile } from '../../runtime/weights/open.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { type BadRows, badRows } from '../data/bad-rows.ts';
import { contentsOf, type DataFile, sourceOf } from '../data/file.ts';
import { dataFiles } from '../data/files.ts';
import { inputsOf } from '../data/inputs.ts';
import { orderOf } from '../data/order.ts';
import { evaluationOf, heldOutOf, scoresOf } from '../data/scores.ts';
import { type DataRequest, type Evaluation, type EvaluationRequest, type Recipe, settingsOf } from '../recipe.ts';
import { type Columns, type ColumnType, joinShards, readCsv, rowsOf, soundRows } from './columns.ts';
import { SETTINGS, TENSORS } from './declaration.ts';

export const tensorsRecipe: Recipe = {
  ...TENSORS,
  dataset,
  evaluate,
  judged: { needed: ['loss'], also: [] },
};

/** @throws RuntimeError R1120, R1121, R1140–R1145, and what reading a file of weights throws */
async function dataset(request: DataRequest): Promise<DataSource> {
  const { data, model, stage, split, batchSize, seed } = request;
  const { held_out } = settingsOf(TENSORS, SETTINGS, model.settings, stage.clauses);
  const ports = model.entry('loss')?.inputs ?? [];
  const types = new Map(
    ports.map(({ name, dtype, shape, range }): [string, ColumnType] => [
      name,
      {
        dtype,
        shape: shape.slice(1).map((size) => (typeof size === 'number' ? size : undefined)),
        bounds: range && typeof range.high === 'number' ? { ...range, high: range.high } : undefined,
      },
    ]),
  );
  const files = dataFiles(
    request,
    ['.safetensors', '.npz', '.npy', '.csv'],
    'a .safetensors, .npz, .npy or .csv file, or a folder of them',
  );
  const bad = badRows(request);
  const { columns, nameOf } = await readAll(files, types, bad);
  bad.finish();
  const sizes = new Map([...columns].map(([name, { shape }]) => [name, shape[0]!]));
  const rows = Math.min(...sizes.values());
  for (const [input, found] of sizes)
    if (found !== rows)
      throw runtimeError('data_input_form', {
        what: data,
        input,
        found: `${found} rows`,
        expected: `as many rows as the others, ${rows}`,
      });
  inputsOf(model, {
    recipe: TENSORS.name,
    what: data,
    inputs: Object.fromEntries(
      [...columns].map(([name, { dtype, shape }]) => [name, { dtype, shape: [batchSize, ...shape.slice(1)] }]),
    ),
    needed: [],
  });
  const order = orderOf(columns.size === 0 ? 0 : rows, {
    name: data,
    split,
    heldOut: request.heldOut ?? held_out,
    seed,
  });
  const chosenAt = (step: number): number[] => order.places(step, batchSize).map((place) => order.at(place));
  return {
    name: data,
    rows: order.size,
    contents: () => contentsOf(files),
    rowName: (step, row) => nameOf(chosenAt(step)[row]!),
    async batch(step) {
      const chosen = chosenAt(step);
      const feeds = Object.fromEntries([...columns].map(([name, column]) => [name, rowsOf(column, chosen)]));
      return { feeds, tokens: chosen.length, rows: chosen.length };
    },
  };
}

/** A file with all columns, or the .npy files that have one each. */
interface Shard {
  readonly file: string;
  readonly columns: Columns;
  /** numbers of its rows in the file, from 0, of those that are used */
  readonly kept: readonly number[];
}

interface AllRows {
  readonly columns: Columns;
  /** `row 3 of moe.npz` @param row over all files */
  nameOf(row: number): string;
}

/** The columns of all files: .npy files are a column each, the others are shards with all of them. */
async function readAll(
  files: readonly DataFile[],
  types: ReadonlyMap<string, ColumnType>,
  bad: BadRows,
): Promise<AllRows> {
  const single = new Map<string, Columns>();
  const shards: Shard[] = [];
  const sound = (file: string, columns: Columns, fileOf = (_name: string) => file): void => {
    const kept = soundRows(columns, types, fileOf, bad.report);
    const part = (column: HostTensor): HostTensor => {
      const own = kept.filter((row) => row < column.shape[0]!);
      return own.length === column.shape[0] ? column : rowsOf(column, own);
    };
    shards.push({ file, columns: new Map([...columns].map(([name, column]) => [name, part(column)])), kept });
  };
  for (const file of files) {
    if (file.name.endsWith('.csv')) {
      const text = new TextDecoder().decode(file.read(0, file.size));
      sound(file.name, readCsv(text, file.name, types, bad.report));
    } else {
      const columns = await readArrays(file, types);
      if (file.name.endsWith('.npy')) single.set(file.name, columns);
      else sound(file.name, columns);
    }
  }
  const arrays = new Map([...single.values()].flatMap((columns) => [...columns]));
  const fileOf = (name: string): string => [...single].find(([, columns]) => columns.has(name))![0];
  if (arrays.size > 0) sound([...single.keys()].join(', '), arrays, fileOf);
  for (const { file, columns } of shards) {
    const missing = [...types.keys()].find((name) => !columns.has(name));
    if (missing !== undefined)
      throw runtimeError('data_input_form', {
        what: file,
        input: missing,
        found: `no array (it has ${[...columns.keys()].join(', ') || 'none of the inputs'})`,
        expected: `one called ${missing}`,
      });
  }
  return { columns: joinShards(shards), nameOf: (row) => nameIn(shards, row) };
}

function nameIn(shards: readonly Shard[], row: number): string {
  let before = 0;
  for (const { file, kept } of shards) {
    if (row < before + kept.length) return `row ${kept[row - before]} of ${file}`;
    before += kept.length;
  }
  return `row ${row}`;
}

/** Arrays of a file that are inputs; others are left aside. Every number is read as the runtime's dtypes are. */
async function readArrays(file: DataFile, types: ReadonlyMap<string, ColumnType>): Promise<Columns> {
  const alone = (): Promise<never> =>
    Promise.reject(runtimeError('file_not_used', { file: file.name, reason: 'it names files beside it' }));
  const opened = await Checkpoint.ofFiles(file.name, [sourceOf(file)], (source) => openWeightsFile(source, alone));
  try {
    const columns = new Map<string, Awaited<ReturnType<typeof opened.read>>>();
    for (const name of opened.tensors.keys()) if (types.has(name)) columns.set(name, await opened.read(name));
    return columns;
  } finally {
    await opened.close();
  }
}

/** The scalars of the loss entry, means over the batches by their rows. @throws as `dataset` */
async function evaluate(session: Session, request: EvaluationRequest): Promise<Evaluation> {
  const { held_out } = settingsOf(TENSORS, SETTINGS, request.model.settings, request.stage.clauses);
  const { heldOut, what } = heldOutOf(request.heldOut, held_out);
  const data = await dataset({ ...request, split: 'held-out', heldOut, tokenizer: () => Promise.reject() });
  const { scalars, rows } = await scoresOf(session, data, { count: request.count, onRows: request.onAnswer });
  return evaluationOf(`${request.data}, ${what}`, rows, scalars);
}
