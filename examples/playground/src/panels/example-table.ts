/** A table that a model can learn, with the columns of its loss: each class has numbers around a place of its own. */
import type { ModelAnswer } from '../protocol.ts';

const ROWS = 60;
/** A table with more of them is not for reading. */
const MOST_COLUMNS = 64;

/** undefined where an input is no vector or number of a row, or there are too many. */
export function exampleTable({ inputs, outputs }: NonNullable<ModelAnswer['loss']>): string | undefined {
  const columns = inputs.flatMap(({ name, dtype, shape: [, ...row] }) => {
    const [size] = row;
    if (row.length > 1 || typeof size === 'string' || dtype === 'bool') return [undefined];
    if (size === undefined) return [{ name, dtype }];
    return Array.from({ length: Math.min(size, MOST_COLUMNS + 1) }, (_, i) => ({ name: `${name}.${i}`, dtype }));
  });
  if (columns.length === 0 || columns.length > MOST_COLUMNS) return undefined;
  const width = outputs.find(({ name }) => name === 'logits')?.shape.at(-1);
  const classes = typeof width === 'number' ? width : 2;
  let state = 1;
  // Park and Miller's generator: the same table each time
  const noise = (): number => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff - 0.5;
  };
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const label = i % classes;
    return columns
      .map((column, at) => (column?.dtype === 'i64' ? label : ((at % classes === label ? 1 : 0) + noise()).toFixed(2)))
      .join(',');
  });
  if (columns.includes(undefined)) return undefined;
  return [columns.map((column) => column!.name).join(','), ...lines].join('\n');
}
