/** Progress bars on a terminal, silence elsewhere. */
import { SingleBar } from 'cli-progress';
import { formatBytes } from '../workbench/units.ts';
import { barFormat } from './progress-line.ts';

export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** Units are bytes. */
export function createProgress(label: string, total: number, shown: boolean): Progress {
  if (!shown || total <= 0) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: barFormat<{ readonly size: string }>(({ size }, { progress }, left) => ({
      label,
      fields: [`${Math.floor(100 * progress)}%`, `ETA ${left}`, size],
    })),
    hideCursor: true,
    stream: process.stderr,
  });
  bar.start(total, 0, { size: formatBytes(0) });
  return {
    update: (done) => bar.update(done, { size: `${formatBytes(done)} of ${formatBytes(total)}` }),
    stop: () => bar.stop(),
  };
}
