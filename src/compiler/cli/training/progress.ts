/** The progress bar of a stage: loss, learning rate, tokens per second, time left. */
import { SingleBar } from 'cli-progress';
import type { StepRecord } from '../../../runtime/train/index.ts';

export interface TrainingProgress {
  step(record: StepRecord): void;
  stop(): void;
}

export function trainingProgress(stage: string, steps: number, done: number, shown: boolean): TrainingProgress {
  if (!shown || steps <= 0) return { step: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: `${stage} [{bar}] {value}/{total} | loss {loss} | lr {lr} | {rate} tokens/s | ETA {eta_formatted}`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true,
    stream: process.stderr,
    etaBuffer: 50,
  });
  bar.start(steps, done, { loss: '–', lr: '–', rate: '–' });
  return {
    step: ({ step, loss, lr, tokens_per_second }) =>
      bar.update(step, { loss: loss.toFixed(4), lr: lr.toExponential(2), rate: Math.round(tokens_per_second) }),
    stop: () => bar.stop(),
  };
}
