/** The progress bars of a run's stages: loss, learning rate, tokens per second, time left. */
import { SingleBar } from 'cli-progress';
import { isStep, type LogRecord } from '../../../runtime/train/index.ts';
import { barFormat } from '../progress-line.ts';

export interface TrainingProgress {
  begin(stage: string, steps: number, done: number): void;
  record(record: LogRecord): void;
  stop(): void;
}

interface Shown {
  readonly loss: string;
  readonly lr: string;
  readonly rate: string | number;
}

/** One bar at a time: the last stage's, until the next begins or the run stops. */
export function trainingProgress(shown: boolean): TrainingProgress {
  let bar: SingleBar | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    begin(stage, steps, done) {
      stop();
      if (!shown || steps <= 0) return;
      bar = barOf(stage);
      bar.start(steps, done, { loss: '–', lr: '–', rate: '–' });
    },
    record(record) {
      if (!bar || !isStep(record)) return;
      const { step, loss, lr, tokens_per_second } = record;
      bar.update(step, { loss: loss.toFixed(4), lr: lr.toExponential(2), rate: Math.round(tokens_per_second) });
      if (step >= bar.getTotal()) stop();
    },
    stop,
  };
}

function barOf(stage: string): SingleBar {
  return new SingleBar({
    format: barFormat<Shown>(({ loss, lr, rate }, { value, total }, left) => ({
      label: stage,
      fields: [`${value}/${total}`, `loss ${loss}`, `ETA ${left}`, `lr ${lr}`, `${rate} tokens/s`],
    })),
    hideCursor: true,
    stream: process.stderr,
    etaBuffer: 50,
  });
}
