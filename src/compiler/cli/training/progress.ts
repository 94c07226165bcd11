/** The progress bar of a stage: loss, learning rate, tokens per second, time left. */
import { SingleBar } from 'cli-progress';
import type { StageProgress } from '../../workbench/training/run-stage.ts';
import { barFormat } from '../progress-line.ts';

interface Shown {
  readonly loss: string;
  readonly lr: string;
  readonly rate: string | number;
}

export function trainingProgress(stage: string, steps: number, done: number, shown: boolean): StageProgress {
  if (!shown || steps <= 0) return { step: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: barFormat<Shown>(({ loss, lr, rate }, { value, total }, left) => ({
      label: stage,
      fields: [`${value}/${total}`, `loss ${loss}`, `ETA ${left}`, `lr ${lr}`, `${rate} tokens/s`],
    })),
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
