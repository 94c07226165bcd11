/** examples/encoder-decoder.mdl in steps: an answer of six tokens to questions of four and of two, whose second row is padded. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { i64 } from '../cli/support.ts';

export const FILE = fileURLToPath(new URL('../../examples/encoder-decoder.mdl', import.meta.url));

export const SOURCE = readFileSync(FILE, 'utf8');
export const CONFIG = 'tiny';

export const QUESTIONS = {
  input_ids: i64([2, 4], [9, 17, 3, 40, 25, 8, 0, 0]),
  attention_mask: i64([2, 4], [1, 1, 1, 1, 1, 1, 0, 0]),
};

/** Answers, and what the decoder sees before each of their tokens. */
const ANSWERS = [
  [7, 2, 63, 11, 5, 30],
  [44, 44, 1, 20, 9, 13],
];
export const LENGTH = 6;
export const LABELS = i64([2, LENGTH], ANSWERS.flat());
const SEEN = ANSWERS.map((answer) => [0, ...answer.slice(0, -1)]);

/** Positions that are computed before the first step, where there is one. */
export const PREFILL = 4;

/** The lengths of a prefill and of steps: as long as the memory, shorter, single. */
export const PIECES: readonly (readonly number[])[] = [[6], [4, 2], [3, 1, 1, 1]];

/** What `decode` is fed for positions `from` … `to`, beside the memory and its caches. */
export const piece = (from: number, to: number): Record<string, HostTensor> => ({
  decoder_input_ids: i64(
    [2, to - from],
    SEEN.flatMap((row) => row.slice(from, to)),
  ),
  position_ids: i64(
    [2, to - from],
    SEEN.flatMap((row) => row.map((_, at) => at).slice(from, to)),
  ),
});

/** Positions `from` … `to` of logits [2, 6, 64]. */
export function rowsOf({ data }: HostTensor, from: number, to: number): Float32Array {
  const width = data.length / 2 / LENGTH;
  const of = (row: number): number[] =>
    Array.from(data as Float32Array).slice((row * LENGTH + from) * width, (row * LENGTH + to) * width);
  return Float32Array.from([...of(0), ...of(1)]);
}

export const EMPTY: HostTensor = { dtype: 'f32', shape: [2, 4, 0, 8], data: new Float32Array(0) };
