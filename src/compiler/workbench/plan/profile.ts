/** The times of a profiled run as a table: equal kernels together, the slowest first. */
import type { StepTime } from '../../../runtime/index.ts';
import { formatRate } from './table.ts';

interface Row {
  readonly label: string;
  /** of the first of them */
  readonly origin: string;
  count: number;
  ms: number;
  flops: number;
  bytes: number;
}

/** `12.3 ms  45 %  ×32  1.2 GFLOP/s  0.8 GB/s  linear → gelu   models/phi-2.mdl:47:9` */
export function profileLines(steps: readonly StepTime[]): string[] {
  const rows = new Map<string, Row>();
  for (const { label, origin, ms, flops, bytes } of steps) {
    const row = rows.get(label) ?? { label, origin, count: 0, ms: 0, flops: 0, bytes: 0 };
    rows.set(label, row);
    row.count++;
    row.ms += ms;
    row.flops += flops;
    row.bytes += bytes;
  }
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  const sorted = [...rows.values()].sort((a, b) => b.ms - a.ms);
  const rate = (amount: number, ms: number): string => formatRate(amount, ms).padStart(7);
  const lines = sorted.map(({ label, origin, count, ms, flops, bytes }) => {
    const share = total > 0 ? Math.round((100 * ms) / total) : 0;
    const head = `${ms.toFixed(3).padStart(10)} ms ${String(share).padStart(3)} % ${`×${count}`.padStart(5)}`;
    return `${head} ${rate(flops, ms)} GFLOP/s ${rate(bytes, ms)} GB/s  ${label}   ${origin.split(' ‖ ')[0]}`;
  });
  return [`${steps.length} dispatches, ${total.toFixed(3)} ms on the device`, ...lines];
}
