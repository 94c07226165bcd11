/** Token by token: greedy decoding and sampling, several rows at a time. */
import { runtimeError } from '../errors.ts';
import { randomStream } from '../random.ts';
import type { PromptBatch } from './batch.ts';
import type { Decoder } from './decoder.ts';
import type { Settings, TokenEvent } from './options.ts';
import { minNewTokens } from './processors/min-new-tokens.ts';
import { repetitionPenalty } from './processors/repetition-penalty.ts';
import { temperature } from './processors/temperature.ts';
import { topK } from './processors/top-k.ts';
import { topP } from './processors/top-p.ts';
import type { GeneratedRow } from './result.ts';
import { throwIfAborted } from './result.ts';
import { logSoftmax, pick, softmax } from './softmax.ts';
import { certainTokens, findStop, type Stop } from './stop.ts';
import { topIndices } from './top-indices.ts';

interface Row {
  readonly seen: readonly number[];
  readonly tokens: number[];
  readonly random: { at(index: number): number };
  /** tokens that have been announced */
  announced: number;
  score: number;
  stop: Stop | undefined;
}

/**
 * Yields events as tokens become certain, returns the rows.
 * @param seen per row, the prompt's tokens where they are known: the repetition penalty counts them
 * @throws RuntimeError R0304 (aborted), R0305 (logits that are not numbers)
 */
export async function* sample(
  decoder: Decoder,
  batch: PromptBatch,
  seen: readonly (readonly number[])[],
  settings: Settings,
): AsyncGenerator<TokenEvent, GeneratedRow[]> {
  const rows = batch.mask.map(
    (_, row): Row => ({
      seen: seen[row] ?? [],
      tokens: [],
      random: randomStream(settings.seed, `row ${row}`),
      announced: 0,
      score: 0,
      stop: undefined,
    }),
  );
  throwIfAborted(settings, 0);
  let logits = await decoder.prefill(batch);
  for (;;) {
    for (const [index, row] of rows.entries()) {
      if (row.stop) continue;
      const token = choose(logits[index]!, row, settings, index);
      row.score += logSoftmax(logits[index]!)[token]!;
      row.tokens.push(token);
      row.stop = findStop(row.tokens, settings);
      const certain = row.stop ? row.stop.keep : certainTokens(row.tokens, row.announced, settings);
      for (; row.announced < certain; row.announced++)
        yield { row: index, index: row.announced, token: row.tokens[row.announced]! };
    }
    if (rows.every((row) => row.stop)) break;
    throwIfAborted(settings, Math.max(...rows.map((row) => row.tokens.length)));
    // finished rows run along on padding: rows do not see each other
    logits = await decoder.step(rows.map((row) => (row.stop ? settings.pad_token : row.tokens.at(-1)!)));
  }
  return rows.map(({ tokens, score, stop }) => ({
    tokens: tokens.slice(0, stop!.keep),
    finish: stop!.finish,
    score,
    ...(stop!.text === undefined ? {} : { text: stop!.text }),
  }));
}

/** HF's order: repetition penalty, minimum length, temperature, top-k, top-p. */
function choose(logits: Float64Array, row: Row, settings: Settings, index: number): number {
  let scores = logits;
  if (settings.repetition_penalty !== 1)
    scores = repetitionPenalty(scores, [...row.seen, ...row.tokens], settings.repetition_penalty);
  scores = minNewTokens(scores, row.tokens.length, settings.min_new_tokens, settings.stop_tokens);
  const best = topIndices(scores, 1)[0];
  if (best === undefined || !Number.isFinite(scores[best]))
    throw runtimeError('logits_not_finite', { row: index, step: row.tokens.length });
  if (!settings.do_sample) return best;
  scores = temperature(scores, settings.temperature);
  if (settings.top_k > 0) scores = topK(scores, settings.top_k);
  if (settings.top_p < 1) scores = topP(scores, settings.top_p);
  return pick(softmax(scores), row.random.at(row.tokens.length) * 2 ** -32);
}
