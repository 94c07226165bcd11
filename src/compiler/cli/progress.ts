/** Progress bars on a terminal, silence elsewhere. */
import { SingleBar } from 'cli-progress';
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

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
