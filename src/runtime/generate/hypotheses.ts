/**
 * The finished sequences of one prompt in beam search: the best `num_beams` of them, as HF's BeamHypotheses.
 *
 *     score = Σ log p / length^length_penalty       length counts the stop token
 */
import type { Settings } from './options.ts';
import type { FinishReason } from './stop.ts';

export interface Hypothesis {
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  readonly score: number;
}

export class Hypotheses {
  private readonly settings: Settings;
  private kept: Hypothesis[] = [];

  constructor(settings: Settings) {
    this.settings = settings;
  }

  private scoreOf(sumLogProbabilities: number, length: number): number {
    return sumLogProbabilities / length ** this.settings.length_penalty;
  }

  add(tokens: readonly number[], finish: FinishReason, sumLogProbabilities: number, length: number): void {
    this.kept.push({ tokens, finish, score: this.scoreOf(sumLogProbabilities, length) });
    this.kept.sort((a, b) => b.score - a.score);
    this.kept.length = Math.min(this.kept.length, this.settings.num_beams);
  }

  /**
   * Whether no running beam is worth following.
   * @param bestRunning the highest sum of log-probabilities among the candidates of this step
   * @param length their length
   */
  isDone(bestRunning: number, length: number): boolean {
    const { num_beams, early_stopping, length_penalty, max_new_tokens } = this.settings;
    if (this.kept.length < num_beams) return false;
    if (early_stopping === true) return true;
    // 'never': a positive penalty lets the score of a beam still rise with its length, so assume the longest
    const reach = early_stopping === 'never' && length_penalty > 0 ? max_new_tokens : length;
    return this.kept.at(-1)!.score >= this.scoreOf(bestRunning, reach);
  }

  best(): Hypothesis {
    return this.kept[0]!;
  }
}
