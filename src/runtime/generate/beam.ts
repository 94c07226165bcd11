/**
 * Beam search, with the semantics of HF's BeamSearchScorer: each prompt keeps `num_beams` running sequences; from
 * their continuations the best are taken; those that end become hypotheses (only if they rank among the first
 * num_beams), the others run on. The cache rows follow their sequences (`decoder.reorder`).
 */
import { runtimeError } from '../errors.ts';
import type { PromptBatch } from './batch.ts';
import type { Decoder } from './decoder.ts';
import { Hypotheses } from './hypotheses.ts';
import type { Settings } from './options.ts';
import { minNewTokens } from './processors/min-new-tokens.ts';
import { repetitionPenalty } from './processors/repetition-penalty.ts';
import { type GeneratedRow, throwIfAborted } from './result.ts';
import { logSoftmax } from './softmax.ts';
import { findStop } from './stop.ts';
import { topIndices } from './top-indices.ts';

/** What the beams of all prompts may take for cache and logits when they begin. */
const MAX_BYTES = 2 ** 32;

/** A sequence that cannot win, as HF writes −∞ without making NaN of it. */
const HOPELESS = -1e9;

interface Beam {
  readonly tokens: readonly number[];
  /** sum of log-probabilities */
  readonly score: number;
  /** row of the cache that it continues */
  readonly source: number;
}

interface Candidate {
  readonly beam: Beam;
  readonly token: number;
  readonly score: number;
  readonly source: number;
}

/**
 * The best sequence of each prompt.
 * @param seen per prompt, its tokens where they are known: the repetition penalty counts them
 * @throws RuntimeError R0304 (aborted), R0305 (logits that are not numbers), R0308 (more beams than fit)
 */
export async function beamSearch(
  decoder: Decoder,
  batch: PromptBatch,
  seen: readonly (readonly number[])[],
  settings: Settings,
): Promise<GeneratedRow[]> {
  const { num_beams } = settings;
  throwIfAborted(settings, 0);
  const first = await decoder.prefill(batch);
  const rows = first.length * num_beams;
  const needed = rows * (decoder.bytesPerRow(batch.inputs_embeds.shape[1]!) + first[0]!.byteLength);
  if (needed > MAX_BYTES)
    throw runtimeError('beams_memory', { beams: num_beams, prompts: first.length, needed, limit: MAX_BYTES });
  // each prompt's cache row is repeated; only the first beam counts at first, since all are equal
  decoder.reorder(first.flatMap((_, prompt) => Array<number>(num_beams).fill(prompt)));
  let logits = first.flatMap((row) => Array<Float64Array>(num_beams).fill(row));
  const prompts = first.map((_, prompt) => ({
    beams: Array.from(
      { length: num_beams },
      (_, i): Beam => ({ tokens: [], score: i === 0 ? 0 : HOPELESS, source: prompt * num_beams + i }),
    ),
    hypotheses: new Hypotheses(settings),
    done: false,
  }));
  for (let length = 1; length <= settings.max_new_tokens; length++) {
    for (const [index, prompt] of prompts.entries()) {
      if (prompt.done) continue;
      const candidates = rank(prompt.beams, logits, index * num_beams, seen[index] ?? [], settings);
      if (candidates.length === 0) throw runtimeError('logits_not_finite', { row: index, step: length - 1 });
      prompt.beams = advance(candidates, prompt.hypotheses, settings);
      prompt.done = prompt.hypotheses.isDone(candidates[0]!.score, length);
    }
    if (length === settings.max_new_tokens || prompts.every(({ done }) => done)) break;
    throwIfAborted(settings, length);
    const running = prompts.flatMap(({ beams }) => beams);
    decoder.reorder(running.map(({ source }) => source));
    logits = await decoder.step(running.map(({ tokens }) => tokens.at(-1)!));
    for (const prompt of prompts)
      prompt.beams = prompt.beams.map((beam, i) => ({ ...beam, source: prompts.indexOf(prompt) * num_beams + i }));
  }
  return prompts.map(({ beams, hypotheses, done }) => {
    if (!done) for (const { tokens, score } of beams) hypotheses.add(tokens, 'length', score, tokens.length);
    return hypotheses.best();
  });
}

/** The best continuations of a prompt's beams, best first; enough that num_beams are left when all others end. */
function rank(
  beams: readonly Beam[],
  logits: readonly Float64Array[],
  firstRow: number,
  seen: readonly number[],
  settings: Settings,
): Candidate[] {
  const ends = settings.stop_tokens.length + settings.stop_sequences.length;
  const wanted = Math.max(2, 1 + ends) * settings.num_beams;
  return beams
    .flatMap((beam, i) => {
      // HF processes log-probabilities here, not logits
      let scores = logSoftmax(logits[firstRow + i]!);
      if (settings.repetition_penalty !== 1)
        scores = repetitionPenalty(scores, [...seen, ...beam.tokens], settings.repetition_penalty);
      scores = minNewTokens(scores, beam.tokens.length, settings.min_new_tokens, settings.stop_tokens);
      return topIndices(scores, wanted).map(
        (token): Candidate => ({ beam, token, score: beam.score + scores[token]!, source: beam.source }),
      );
    })
    .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
    .sort((a, b) => b.score - a.score)
    .slice(0, wanted);
}

/** Moves candidates that end to the hypotheses; the best num_beams others are the next beams. */
function advance(candidates: readonly Candidate[], hypotheses: Hypotheses, settings: Settings): Beam[] {
  const next: Beam[] = [];
  for (const [index, { beam, token, score, source }] of candidates.entries()) {
    const tokens = [...beam.tokens, token];
    const stop = findStop(tokens, settings);
    if (stop && stop.finish !== 'length') {
      if (index < settings.num_beams) hypotheses.add(tokens.slice(0, stop.keep), stop.finish, score, tokens.length);
    } else if (next.length < settings.num_beams) next.push({ tokens, score, source });
    if (next.length === settings.num_beams) break;
  }
  // a vocabulary smaller than the beams: fill up with copies that cannot win
  const { beam, token, source } = candidates[0]!;
  while (next.length < settings.num_beams) next.push({ tokens: [...beam.tokens, token], score: HOPELESS, source });
  return next;
}
