/** From rows of tokens to the loss entry's inputs. */
import type { Batch } from '../../runtime/train/data-source.ts';
import type { HostTensor } from '../../shared/tensor.ts';

/** Labels that do not count, as PyTorch's cross entropy leaves them out. */
const IGNORED = -100n;

/** A token that is read and not predicted: its label does not count. */
export const uncounted = (id: number): number => -1 - id;
const idOf = (token: number): number => (token < 0 ? -1 - token : token);

/** The inputs that text gives. */
export const TEXT_INPUTS = ['input_ids', 'attention_mask', 'labels', 'position_ids'] as const;

/**
 * Feeds i64 [rows, length]. Labels are the tokens themselves, since the loss of a causal model shifts them; −100 where a row
 * is filled up.
 * @param rows each with at most `length` tokens, of which those that are not to be predicted are `uncounted`
 * @param pad fills rows up; any id where all are full
 * @param names the inputs that the entry takes, of `TEXT_INPUTS`
 */
export function textBatch(
  rows: readonly (readonly number[])[],
  { length, pad, names }: { readonly length: number; readonly pad: number; readonly names: readonly string[] },
): Batch {
  const shape = [rows.length, length];
  const tensor = (value: (id: number | undefined, t: number) => bigint): HostTensor => ({
    dtype: 'i64',
    shape,
    data: BigInt64Array.from({ length: rows.length * length }, (_, i) =>
      value(rows[Math.floor(i / length)]![i % length], i % length),
    ),
  });
  const makers: { readonly [N in (typeof TEXT_INPUTS)[number]]: () => HostTensor } = {
    input_ids: () => tensor((token) => BigInt(token === undefined ? pad : idOf(token))),
    attention_mask: () => tensor((id) => (id === undefined ? 0n : 1n)),
    labels: () => tensor((token) => (token === undefined || token < 0 ? IGNORED : BigInt(token))),
    position_ids: () => tensor((_, t) => BigInt(t)),
  };
  const feeds = Object.fromEntries(
    TEXT_INPUTS.filter((name) => names.includes(name)).map((name) => [name, makers[name]()]),
  );
  const tokens = rows.reduce((sum, row) => sum + row.filter((token) => token >= 0).length, 0);
  return { feeds, tokens, rows: rows.length };
}
