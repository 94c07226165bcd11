/** Columns of a data set: for each input of the loss the values of all rows, from one shard or several. */
import { runtimeError } from '../../runtime/errors.ts';
import { type Bounds, firstOutside } from '../../runtime/feeds.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { BadRow } from '../data/bad-rows.ts';
import { csvRows } from '../data/csv.ts';

export type Columns = ReadonlyMap<string, HostTensor>;

/** An input as the entry takes it, without the axis of rows. */
export interface ColumnType {
  readonly dtype: HostTensor['dtype'];
  /** undefined for a size that may be anything */
  readonly shape: readonly (number | undefined)[];
  /** of integers that are looked up in a table: classes, token ids */
  readonly bounds?: Bounds | undefined;
}

const ARRAYS = { f32: Float32Array, i64: BigInt64Array, bool: Uint8Array } as const;

export const emptyLike = (dtype: HostTensor['dtype'], size: number): HostTensor['data'] => new ARRAYS[dtype](size);

/**
 * A table whose header names the columns: `x` is one number a row, `x.0, x.1, …` are the elements of a vector.
 * @param types the columns that are wanted; others are left aside
 * @throws RuntimeError R1144 for a column that is not there or is one of a gap, and what `report` throws
 */
export function readCsv(
  text: string,
  file: string,
  types: ReadonlyMap<string, ColumnType>,
  report: (row: BadRow) => void,
): Columns {
  const rows = csvRows(text.replace(/^\uFEFF/, ''));
  const head = (rows.next().value?.fields ?? []).map((name: string) => name.trim());
  const places = new Map([...types].map(([name, type]) => [name, placesOf(name, type, head, file)]));
  const values = new Map([...types.keys()].map((name): [string, (number | bigint)[]] => [name, []]));
  for (const { fields, line } of rows) {
    const row = new Map<string, (number | bigint)[]>();
    let reason = fields.length === head.length ? undefined : `has ${fields.length} fields`;
    let expected = `${head.length} as in the header`;
    for (const [name, { dtype, shape, bounds }] of types) {
      if (reason !== undefined) break;
      const read = places.get(name)!.map((place) => ({ place, value: parsed(fields[place]!.trim(), dtype) }));
      const wrong = read.findIndex(({ value }) => value === undefined);
      const bad = read[wrong < 0 ? outsideOf(read, shape.length, bounds) : wrong];
      if (bad) {
        reason = `has ${JSON.stringify(fields[bad.place])} in the column ${head[bad.place]}`;
        expected = bad.value === undefined || !bounds ? WANTED[dtype] : boundsText(bounds);
      } else
        row.set(
          name,
          read.map(({ value }) => value!),
        );
    }
    if (reason !== undefined) report({ file, line, reason, expected });
    else for (const [name, found] of row) values.get(name)!.push(...found);
  }
  return new Map(
    [...types].map(([name, { dtype, shape }]) => {
      const all = values.get(name)!;
      const inner = shape.length === 0 ? [] : [places.get(name)!.length];
      const data = emptyLike(dtype, all.length);
      all.forEach((value, i) => {
        data[i] = value;
      });
      return [name, { dtype, shape: [all.length / sizeOf(inner), ...inner], data }];
    }),
  );
}

/** Where a row has an integer that is outside of its table; −1 where it has none. */
function outsideOf(
  read: readonly { readonly value: number | bigint | undefined }[],
  axes: number,
  bounds: Bounds | undefined,
): number {
  if (!bounds) return -1;
  const data = BigInt64Array.from(read, ({ value }) => value as bigint);
  const found = firstOutside(bounds, { dtype: 'i64', shape: axes === 0 ? [1] : [1, read.length], data });
  return found ? (found.place[1] ?? 0) : -1;
}

const boundsText = ({ low, high, also = [] }: Bounds): string =>
  `an integer from ${low} to ${high - 1}${also.map((x) => ` or ${x}`).join('')}`;

/**
 * The rows of arrays whose integers are inside of their tables, by number.
 * @param report is told of each other row. Throws what it throws
 */
export function soundRows(
  columns: Columns,
  types: ReadonlyMap<string, ColumnType>,
  fileOf: (name: string) => string,
  report: (row: BadRow) => void,
): number[] {
  const bad = new Set<number>();
  const rows = Math.max(0, ...[...columns.values()].map(({ shape }) => shape[0] ?? 0));
  for (const [name, column] of columns) {
    const bounds = types.get(name)?.bounds;
    if (!bounds || column.dtype !== 'i64' || !firstOutside(bounds, column)) continue;
    for (let row = 0; row < column.shape[0]!; row++) {
      const found = bad.has(row) ? undefined : firstOutside(bounds, rowsOf(column, [row]));
      if (!found) continue;
      bad.add(row);
      const reason = `has ${found.found} in ${name}`;
      report({ file: fileOf(name), line: row, unit: 'row', reason, expected: boundsText(bounds) });
    }
  }
  return Array.from({ length: rows }, (_, row) => row).filter((row) => !bad.has(row));
}

const WANTED = { f32: 'a number', i64: 'an integer', bool: '0, 1, true or false' } as const;

const BOOLS: ReadonlyMap<string, number> = new Map([
  ['0', 0],
  ['1', 1],
  ['false', 0],
  ['true', 1],
]);

function parsed(text: string, dtype: HostTensor['dtype']): number | bigint | undefined {
  if (dtype === 'bool') return BOOLS.get(text.toLowerCase());
  if (dtype === 'i64') return /^[+-]?\d{1,18}$/.test(text) ? BigInt(text) : undefined;
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : undefined;
}

/** Where the elements of a column are in a row. */
function placesOf(name: string, { dtype, shape }: ColumnType, head: readonly string[], file: string): number[] {
  const refuse = (found: string): Error => {
    const size = shape.length === 0 ? 'one column of that name' : `columns ${name}.0, ${name}.1, …`;
    return runtimeError('data_input_form', { what: file, input: name, found, expected: `${dtype}, in ${size}` });
  };
  if (shape.length > 1) throw refuse('no column that a table could have');
  if (shape.length === 0) {
    const place = head.indexOf(name);
    if (place < 0) throw refuse(`the columns ${head.join(', ') || 'of an empty file'}`);
    return [place];
  }
  const places: number[] = [];
  for (let i = 0, at = head.indexOf(`${name}.0`); at >= 0; i++, at = head.indexOf(`${name}.${i}`)) places.push(at);
  const size = shape[0];
  if (places.length === 0 || (size !== undefined && size !== places.length))
    throw refuse(`${places.length} such columns, and ${size ?? 'one or more'} are needed`);
  return places;
}

/**
 * Shards one after the other.
 * @throws RuntimeError R1144 where the rows of shards differ in size
 */
export function joinShards(shards: readonly { readonly file: string; readonly columns: Columns }[]): Columns {
  const [first] = shards;
  const names = [...(first?.columns.keys() ?? [])];
  return new Map(
    names.map((name) => {
      const parts = shards.map(({ columns }) => columns.get(name)!);
      const { dtype, shape } = parts[0]!;
      const inner = shape.slice(1);
      shards.forEach(({ file }, i) => {
        const [found, expected] = [parts[i]!.shape.slice(1).join(' × '), inner.join(' × ')];
        if (found !== expected)
          throw runtimeError('data_input_form', {
            what: file,
            input: name,
            found: `rows of [${found}]`,
            expected: `rows of [${expected}] as in ${first!.file}`,
          });
      });
      const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
      const data = emptyLike(dtype, rows * sizeOf(inner));
      let at = 0;
      for (const part of parts) {
        (data as Float32Array).set(part.data as Float32Array, at);
        at += part.data.length;
      }
      return [name, { dtype, shape: [rows, ...inner], data }];
    }),
  );
}

/** Rows of a column, in the order asked for. */
export function rowsOf({ dtype, shape, data }: HostTensor, rows: readonly number[]): HostTensor {
  const inner = shape.slice(1);
  const size = sizeOf(inner);
  const taken = emptyLike(dtype, rows.length * size);
  rows.forEach((row, i) => {
    (taken as Float32Array).set(data.subarray(row * size, (row + 1) * size) as Float32Array, i * size);
  });
  return { dtype, shape: [rows.length, ...inner], data: taken };
}
