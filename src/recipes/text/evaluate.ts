/** Held-out text put to a language model: loss, perplexity and bits per byte. For conversations over the answers alone. */
import type { Session } from '../../runtime/session.ts';
import type { TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { Batch, DataSource } from '../../runtime/train/data-source.ts';
import type { SettingTable } from '../../shared/recipe.ts';
import { BYTE_TOKENIZER } from '../data/bytes.ts';
import { evaluationOf, heldOutOf, scoresOf } from '../data/scores.ts';
import { type DataRequest, type Evaluation, type EvaluationRequest, type Recipe, settingsOf } from '../recipe.ts';
import { HELD_OUT, TOKEN_SETTINGS } from '../settings.ts';

/** A recipe whose rows are tokens. */
interface RowsRecipe extends Pick<Recipe, 'name'> {
  readonly settings: typeof ROWS & SettingTable;
  dataset(request: DataRequest): Promise<DataSource>;
  /** what of a row is judged, for the title; all of it when absent */
  readonly judges?: string;
}

/** Settings that judging reads. */
const ROWS = { held_out: HELD_OUT, eos: TOKEN_SETTINGS.eos } as const;

/** `evaluate` of a recipe whose rows are tokens: those that are held out, else all of them. @throws as its `dataset` */
export function evaluateRows({ name, settings, dataset, judges }: RowsRecipe): Recipe['evaluate'] {
  return async (session, request) => {
    const { held_out, eos } = settingsOf({ name }, settings, request.model.settings, request.stage.clauses);
    const { heldOut, what } = heldOutOf(request.heldOut, held_out);
    const tokenizer = await request.tokenizer();
    const data = await dataset({ ...request, split: 'held-out', heldOut, tokenizer: async () => tokenizer });
    const title = [request.data, what, ...(judges === undefined ? [] : [judges])].join(', ');
    const { count, onAnswer } = request;
    const rest = { ...(count === undefined ? {} : { count }), ...(onAnswer ? { onAnswer } : {}) };
    return evaluateText(session, { data, tokenizer, eos, title, ...rest });
  };
}

export interface TextEvaluation extends Pick<EvaluationRequest, 'count' | 'onAnswer'> {
  readonly data: DataSource;
  readonly tokenizer: TextCodec;
  /** ends documents */
  readonly eos: number | undefined;
  /** what was judged, for the title */
  readonly title: string;
}

/**
 * The mean loss over the tokens that are predicted (all but the first of a row, and of those the labelled ones), perplexity
 * e^loss, and bits per byte: loss · tokens / (ln 2 · bytes of the text that they are).
 */
export async function evaluateText(session: Session, request: TextEvaluation): Promise<Evaluation> {
  const { data, tokenizer, eos, title, count, onAnswer } = request;
  let [tokens, bytes] = [0, 0];
  const { scalars, rows } = await scoresOf(session, data, {
    count,
    weightOf: (batch) => predicted(batch).flat().length,
    onBatch: (batch) => {
      for (const ids of predicted(batch)) {
        tokens += ids.length;
        bytes += bytesOf(tokenizer, ids, eos);
      }
    },
    onRows: onAnswer,
  });
  const { loss = Number.NaN } = scalars;
  const perByte = (loss * tokens) / (Math.LN2 * bytes);
  const values = { ...scalars, perplexity: Math.exp(loss), bits_per_byte: perByte, tokens, bytes };
  return evaluationOf(title, rows, values);
}

/** The tokens of each row that the loss is over: a position predicts the next one. */
function predicted({ feeds: { input_ids, labels, attention_mask } }: Batch): number[][] {
  const [rows, length] = input_ids!.shape as readonly [number, number];
  return Array.from({ length: rows }, (_, row) => {
    const ids: number[] = [];
    for (let t = 1; t < length; t++) {
      const at = row * length + t;
      const counts = labels ? Number(labels.data[at]) !== -100 : Number(attention_mask?.data[at] ?? 1) === 1;
      if (counts) ids.push(Number(input_ids!.data[at]));
    }
    return ids;
  });
}

/** Where each byte is a token, what ends a document is a byte like any other, as validation counts it; else it is no text. */
function bytesOf(tokenizer: TextCodec, ids: readonly number[], eos: number | undefined): number {
  if (tokenizer === BYTE_TOKENIZER) return ids.length;
  return new TextEncoder().encode(tokenizer.decode(ids.filter((id) => id !== eos))).length;
}
