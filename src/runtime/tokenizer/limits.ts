/** The truncation and the padding that a tokenizer.json sets for every text. */
import { Fields, refuse } from './fields.ts';

export interface Truncation {
  readonly length: number;
  readonly side: 'Left' | 'Right';
}

export interface Padding {
  readonly length: number;
  readonly multiple: number;
  readonly side: 'Left' | 'Right';
  readonly id: number;
}

/** Tokens that a file can ask every text to be padded to: more is a slip, and would take the memory of the process. */
const MOST_PADDED = 2 ** 20;

const SIDES = ['Left', 'Right'] as const;

/** @param adds ids that the post-processor adds. @throws RuntimeError R0505, R0506 */
export function readTruncation(json: unknown, adds: number): Truncation | undefined {
  if (json === undefined || json === null) return undefined;
  const fields = new Fields('truncation', json, ['direction', 'max_length', 'strategy', 'stride']);
  fields.choice('strategy', ['LongestFirst', 'OnlyFirst']); // the same for one text
  fields.count('stride'); // of the parts that are cut off, which are not given
  const length = fields.count('max_length');
  if (length < adds) refuse(fields.at('max_length'), length, `room for the ${adds} special tokens`);
  return { length, side: fields.choice('direction', SIDES, 'Right') };
}

/** @throws RuntimeError R0505, R0506 */
export function readPadding(json: unknown): Padding | undefined {
  if (json === undefined || json === null) return undefined;
  const fields = new Fields('padding', json, [
    'strategy',
    'direction',
    'pad_to_multiple_of',
    'pad_id',
    'pad_type_id',
    'pad_token',
  ]);
  fields.count('pad_type_id', 0);
  fields.text('pad_token');
  const strategy = fields.value('strategy');
  // the longest of a batch of one is itself
  const length = strategy === 'BatchLongest' ? 0 : short(new Fields('padding.strategy', strategy, ['Fixed']), 'Fixed');
  return {
    length,
    multiple: short(fields, 'pad_to_multiple_of', 0),
    side: fields.choice('direction', SIDES),
    id: fields.id('pad_id'),
  };
}

function short(fields: Fields, name: string, otherwise?: number): number {
  const count = fields.count(name, otherwise);
  return count <= MOST_PADDED ? count : refuse(fields.at(name), count, `at most ${MOST_PADDED}`);
}

export function truncate(ids: readonly number[], { side }: Truncation, length: number): readonly number[] {
  if (ids.length <= length) return ids;
  return side === 'Right' ? ids.slice(0, length) : ids.slice(ids.length - length);
}

export function pad(ids: readonly number[], { length, multiple, side, id }: Padding): readonly number[] {
  const least = Math.max(length, ids.length);
  const wanted = multiple > 0 ? Math.ceil(least / multiple) * multiple : least;
  const pads = Array<number>(wanted - ids.length).fill(id);
  return side === 'Right' ? [...ids, ...pads] : [...pads, ...ids];
}
