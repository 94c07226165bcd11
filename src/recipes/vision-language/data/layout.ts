/**
 * Rows of token ids to the batch that the `loss` entry takes, laid out as the authors' training code does
 * (minigpt_base.py: prompt_wrap, tokenize_conversation, concat_emb_input_output, forward):
 *
 *     ids     bos  before  −1 −1 … −1  after  answer end  pad pad
 *     mask     1     1      1  1    1    1      1     1    0   0
 *     labels −100  −100       −100     −100   answer end   −100
 *
 * Several turns: the prompt is the first question; `answer0 end bos question1 answer1 end …` follows. There the mask is
 * 0 at every id that equals pad, so at each later bos, which has pad's id. With one turn it is the label that goes
 * where an answer's id equals pad. Both are what the released checkpoints were trained with.
 */

import { runtimeError } from '../../../runtime/errors.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { IMAGE_TOKEN_ID } from '../prompt.ts';

export const IGNORE_LABEL = -100;

/** Token ids of one exchange. */
export interface TurnIds {
  /** the question; the first one has IMAGE_TOKEN_ID once per image token */
  readonly prompt: readonly number[];
  /** the end symbol included */
  readonly answer: readonly number[];
}

export interface Row {
  /** at least one */
  readonly turns: readonly TurnIds[];
}

export interface LayoutOptions {
  readonly bos: number;
  readonly pad: number;
  /** most tokens of everything after the prompt (the authors' max_txt_len) */
  readonly maxLength: number;
  /** most tokens of the prompt, image tokens included (the authors' max_context_len); 3800 when absent, as there */
  readonly maxContext?: number;
  /** columns at least; the batch is widened with padding, so that shapes repeat from step to step */
  readonly padTo?: number;
  /**
   * The authors pad prompts and answers apart, so a batch is as wide as its longest prompt and its longest answer
   * together. `true` keeps that; otherwise columns in which every row is padding are cut, which changes no loss.
   */
  readonly keepPadding?: boolean;
}

/** The int inputs of the `loss` entry, each i64 [B, T]. */
export interface TokenFeeds {
  readonly input_ids: HostTensor;
  readonly attention_mask: HostTensor;
  readonly position_ids: HostTensor;
  readonly labels: HostTensor;
}

export interface Layout {
  readonly feeds: TokenFeeds;
  /** positions with mask 1, over the batch */
  readonly tokens: number;
  /** labels that count, over the batch */
  readonly labelled: number;
}

interface LaidRow {
  readonly ids: readonly number[];
  readonly mask: readonly number[];
  readonly labels: readonly number[];
  /** tokens of the prompt and of what follows it; bos is in neither */
  readonly context: number;
  readonly text: number;
}

/**
 * @param rows at least one
 * @throws RuntimeError R0908 when a prompt would be cut inside its image tokens
 */
export function layoutRows(rows: readonly Row[], options: LayoutOptions): Layout {
  const laid = rows.map((row, i) => layRow(row, i, options));
  const apart = 1 + Math.max(...laid.map((row) => row.context)) + Math.max(...laid.map((row) => row.text));
  const longest = Math.max(...laid.map((row) => row.ids.length));
  const width = Math.max(options.keepPadding ? apart : longest, options.padTo ?? 0);
  const shape = [rows.length, width];
  const filled = (value: number): BigInt64Array => new BigInt64Array(rows.length * width).fill(BigInt(value));
  const [ids, mask, labels] = [filled(options.pad), filled(0), filled(IGNORE_LABEL)];
  const positions = filled(0);
  let [tokens, labelled] = [0, 0];
  laid.forEach((row, b) => {
    for (let t = 0; t < width; t++) positions[b * width + t] = BigInt(t);
    row.ids.forEach((id, t) => {
      ids[b * width + t] = BigInt(id);
      mask[b * width + t] = BigInt(row.mask[t]!);
      labels[b * width + t] = BigInt(row.labels[t]!);
      tokens += row.mask[t]!;
      if (row.labels[t] !== IGNORE_LABEL) labelled++;
    });
  });
  const i64 = (data: BigInt64Array): HostTensor => ({ dtype: 'i64', shape, data });
  return {
    feeds: { input_ids: i64(ids), attention_mask: i64(mask), position_ids: i64(positions), labels: i64(labels) },
    tokens,
    labelled,
  };
}

function layRow({ turns }: Row, index: number, options: LayoutOptions): LaidRow {
  const { bos, pad, maxLength, maxContext = 3800 } = options;
  const prompt = turns[0]!.prompt;
  const lastImage = prompt.lastIndexOf(IMAGE_TOKEN_ID);
  if (lastImage >= maxContext)
    throw runtimeError('prompt_too_long', { row: index, tokens: lastImage + 1, limit: maxContext });
  const context = prompt.slice(0, maxContext);
  const ignored = (count: number): number[] => Array<number>(count).fill(IGNORE_LABEL);

  // with several turns all of it is cut at once, as the authors do: also within a question
  const severalTurns = turns.length > 1;
  const text = turns.flatMap(({ prompt: question, answer }, turn) =>
    turn === 0 ? answer : [bos, ...question, ...answer],
  );
  const targets = turns.flatMap(({ prompt: question, answer }, turn) =>
    turn === 0 ? answer : [...ignored(1 + question.length), ...answer],
  );
  const kept = text.slice(0, maxLength);
  return {
    ids: [bos, ...context, ...kept],
    mask: [1, ...context.map(() => 1), ...kept.map((id) => (severalTurns && id === pad ? 0 : 1))],
    labels: [
      ...ignored(1 + context.length),
      ...targets.slice(0, maxLength).map((id) => (!severalTurns && id === pad ? IGNORE_LABEL : id)),
    ],
    context: context.length,
    text: kept.length,
  };
}
