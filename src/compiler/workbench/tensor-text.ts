/** The numbers of a tensor for a terminal and for JSON: a small one whole, of a larger one what they sum up to. */
import type { HostTensor } from '../../shared/tensor.ts';

/** Elements that are shown whole, at most. */
export const WHOLE = 64;
/** Elements that are shown of a larger tensor. */
const FIRST = 8;

/** Over the finite elements, in f64; null where there is none. */
export interface Summary {
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** population standard deviation (divided by n) */
  readonly std: number | null;
  readonly nan: number;
  readonly infinite: number;
}

/** As the JSON form of Protocol Buffers has them: `"NaN"`, `"Infinity"`, `"-Infinity"` and integers past 2^53 are texts. */
export type Shown = number | boolean | string;

export interface TensorNumbers {
  /** row-major: all of at most `WHOLE` elements, else the first ones */
  readonly values: readonly Shown[];
  /** absent where all values are there */
  readonly summary?: Summary;
}

export function numbersOf(tensor: HostTensor): TensorNumbers {
  const whole = tensor.data.length <= WHOLE;
  const elements: Iterable<number | bigint> = tensor.data.subarray(0, whole ? WHOLE : FIRST);
  const values = Array.from(elements, (value) => shown(tensor, value));
  return whole ? { values } : { values, summary: summaryOf(tensor) };
}

/** Two passes: a mean, then the squares around it. */
export function summaryOf({ data }: HostTensor): Summary {
  let [min, max, sum, count, nan] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (const element of data) {
    const value = Number(element);
    if (Number.isNaN(value)) nan++;
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const infinite = data.length - count - nan;
  if (count === 0) return { min: null, max: null, mean: null, std: null, nan, infinite };
  const mean = sum / count;
  let squares = 0;
  for (const element of data) {
    const value = Number(element);
    if (Number.isFinite(value)) squares += (value - mean) ** 2;
  }
  return { min, max, mean, std: Math.sqrt(squares / count), nan, infinite };
}

/** A line for each row of the last axis, with its index; of a larger tensor its summary and first elements. */
export function numberLines(tensor: HostTensor): string[] {
  const { values, summary } = numbersOf(tensor);
  if (summary) return [summaryText(summary), `first ${values.map(text).join(' ')} …`];
  if (values.length === 0) return ['(empty)'];
  const { shape } = tensor;
  const width = shape.at(-1) ?? 1;
  const texts = values.map(text);
  const widest = Math.max(...texts.map(({ length }) => length));
  return Array.from({ length: values.length / width }, (_, row) => {
    const cells = texts.slice(row * width, (row + 1) * width).map((cell) => cell.padStart(widest));
    const index = shape.length < 2 ? '' : `[${indexOf(row, shape.slice(0, -1)).join(', ')}]  `;
    return `${index}${cells.join(' ')}`;
  });
}

function summaryText({ min, max, mean, std, nan, infinite }: Summary): string {
  const known = Object.entries({ min, max, mean, std }).map(
    ([name, value]) => `${name} ${value === null ? '–' : text(value)}`,
  );
  return [...known, ...(nan > 0 ? [`${nan} NaN`] : []), ...(infinite > 0 ? [`${infinite} infinite`] : [])].join(', ');
}

/** Six digits: what an f32 has for certain. */
function text(value: Shown): string {
  return typeof value === 'number'
    ? String(Number.isInteger(value) ? value : Number(value.toPrecision(6)))
    : String(value);
}

function shown({ dtype }: HostTensor, element: number | bigint): Shown {
  if (dtype === 'bool') return element !== 0;
  if (typeof element === 'bigint') {
    const value = Number(element);
    return Number.isSafeInteger(value) ? value : String(element);
  }
  return Number.isFinite(element) ? element : String(element);
}

/** The index of the row-th element of a shape. */
function indexOf(row: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = row;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
