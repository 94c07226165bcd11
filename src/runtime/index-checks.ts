/** Numbers that a run computed for the session to check: the smallest and the largest index of look-ups that may leave their table. */
import type { EntryChecks, IndexCheck } from '../shared/artifact.ts';
import { type Binding, sizeUnder } from '../shared/bind-dims.ts';
import { parseDim } from '../shared/dim-text.ts';
import { type AnyTensors, release, toHost } from './device-tensor.ts';
import { type RuntimeError, runtimeError } from './errors.ts';

/**
 * @param results of the run; those that stayed on a device are freed when something is wrong
 * @throws RuntimeError R0224 at the first index that is outside, R0212 when the backend did not return what is to be checked
 */
export async function checkComputed(
  entry: string,
  { output, rows }: EntryChecks,
  results: AnyTensors,
  bindings: ReadonlyMap<string, Binding>,
): Promise<void> {
  const tensor = results[output];
  const data = tensor && (await toHost(tensor)).data;
  const wrong =
    data instanceof BigInt64Array && data.length === rows.length
      ? rows.map((row, index) => problemOf(entry, row, data[index]!, bindings)).find((problem) => problem !== undefined)
      : runtimeError('bad_output', { entry, output, reason: 'not as what there is to check' });
  if (!wrong) return;
  for (const result of Object.values(results)) release(result);
  throw wrong;
}

/**
 * ONNX Runtime finds some of these indices itself (those that are not negative ones of the last rows, which it takes from
 * the end), and names its node: then the error is the same. @throws RuntimeError R0224 where the reason is that
 */
export function throwFound(
  entry: string,
  { rows }: EntryChecks,
  reason: string,
  bindings: ReadonlyMap<string, Binding>,
  cause: unknown,
): void {
  const node = /Name:'([^']*)'/.exec(reason)?.[1];
  const found = /\bidx=(-?\d+)/.exec(reason)?.[1]; // GatherElements does not say it
  const row = rows.find(({ nodes = [] }) => node !== undefined && nodes.includes(node));
  const outside = found !== undefined || /out of (range|bounds)/i.test(reason);
  if (row && outside) throw indexError(entry, row, found, sizeOf(row, bindings), cause);
}

const sizeOf = ({ size }: IndexCheck, bindings: ReadonlyMap<string, Binding>): number => {
  const dim = parseDim(size);
  return (dim === undefined ? undefined : sizeUnder(dim, bindings)) ?? 0;
};

function indexError(
  entry: string,
  { op, source }: IndexCheck,
  found: string | undefined,
  size: number,
  cause?: unknown,
): RuntimeError {
  return runtimeError('computed_index_range', { entry, op, source, found, size }, cause);
}

function problemOf(
  entry: string,
  row: IndexCheck,
  found: bigint,
  bindings: ReadonlyMap<string, Binding>,
): RuntimeError | undefined {
  const size = sizeOf(row, bindings);
  const inside = row.bound === 'low' ? found >= 0n : found < size;
  return inside ? undefined : indexError(entry, row, String(found), size);
}
