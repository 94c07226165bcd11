/** Data that is given row by row: which rows a batch has, their order, and which are held out is decided here, as for files. */
import type { DataSource } from '../../runtime/train/data-source.ts';
import { allocate } from '../../runtime/weights/dtypes.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { DataRequest } from '../recipe.ts';
import { orderOf } from './order.ts';

export interface RowSource {
  readonly name: string;
  /** at least 1 */
  readonly rows: number;
  /** The inputs of the loss for one row, by name, without the axis of rows. @param index from 0 */
  row(index: number): Row | Promise<Row>;
  contents?(): Iterable<Uint8Array>;
}

type Row = Readonly<Record<string, HostTensor>>;
type Refuse = (reason: string) => Error;

/** @throws RuntimeError R1145 when the split has no row; batches throw what `refuse` makes */
export function batchesOf(
  source: RowSource,
  { split, heldOut = 0, seed, batchSize }: Pick<DataRequest, 'split' | 'heldOut' | 'seed' | 'batchSize'>,
  refuse: Refuse,
): DataSource {
  const order = orderOf(source.rows, { name: source.name, split, heldOut, seed });
  const indicesOf = (step: number): number[] => order.places(step, batchSize).map((place) => order.at(place));
  return {
    name: source.name,
    rows: order.size,
    ...(source.contents ? { contents: () => source.contents!() } : {}),
    rowName: (step, row) => `row ${indicesOf(step)[row]} of ${source.name}`,
    async batch(step) {
      const indices = indicesOf(step);
      const rows = await Promise.all(indices.map((index) => source.row(index)));
      return { feeds: stack(rows, indices, refuse), tokens: rows.length, rows: rows.length };
    },
  };
}

/** Rows as tensors with a first axis of rows. They must have the same names, dtypes and shapes. */
function stack(rows: readonly Row[], indices: readonly number[], refuse: Refuse): Record<string, HostTensor> {
  const [first] = rows.map((row, i) => checked(row, indices[i]!, refuse)) as [Row, ...Row[]];
  const feeds = Object.entries(first).map(([name, { dtype, shape }]): [string, HostTensor] => {
    const data = allocate(dtype, rows.length * sizeOf(shape));
    for (const [i, row] of rows.entries()) {
      const other = row[name];
      if (other?.dtype !== dtype || other.shape.join() !== shape.join())
        throw refuse(
          `gives ${typeText(other)} as ${name} of row ${indices[i]}, and ${typeText(first[name])} of row ${indices[0]}`,
        );
      (data as Float32Array).set(other.data as Float32Array, i * sizeOf(shape));
    }
    return [name, { dtype, shape: [rows.length, ...shape], data } as HostTensor];
  });
  for (const [i, row] of rows.entries()) {
    const more = Object.keys(row).find((name) => !Object.hasOwn(first, name));
    if (more !== undefined) throw refuse(`gives ${more} for row ${indices[i]}, and not for row ${indices[0]}`);
  }
  return Object.fromEntries(feeds);
}

function checked(row: unknown, index: number, refuse: Refuse): Row {
  const tensors = Object.entries(Object(row) as Row);
  const wrong = tensors.find(([, tensor]) => !isTensor(tensor));
  if (tensors.length === 0) throw refuse(`gives no tensors as row ${index}`);
  if (wrong) throw refuse(`gives no tensor { dtype, shape, data } as ${wrong[0]} of row ${index}`);
  return row as Row;
}

const typeText = (tensor: HostTensor | undefined): string =>
  tensor === undefined ? 'nothing' : `${tensor.dtype} [${tensor.shape.join(', ')}]`;

const ARRAYS = { f32: Float32Array, i64: BigInt64Array, bool: Uint8Array } as const;

/** Whether a value that a program made is a tensor: its numbers of the array of its dtype, as many as its shape has. */
export function isTensor(value: unknown): boolean {
  const { dtype, shape, data } = Object(value) as Partial<HostTensor>;
  if (dtype === undefined || !Object.hasOwn(ARRAYS, dtype) || !Array.isArray(shape)) return false;
  return data instanceof ARRAYS[dtype] && data.length === sizeOf(shape);
}
