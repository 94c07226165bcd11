/** `mdl explain-plan --measure`: what a plan's launches take on this machine's adapter, beside what it can do at most. */
import type { Gpu } from '../../../../runtime/webgpu/gpu.ts';
import type { EntryAt, KernelRow, Kinds, PlanReport } from '../report.ts';
import { measureLaunches } from './launches.ts';
import { type Limits, measureLimits } from './limits.ts';

/**
 * The report with times, the kinds that take longest first.
 * @throws what measureLimits and measureLaunches throw
 */
export async function measured(
  gpu: Gpu,
  at: EntryAt,
  { report, kinds }: { report: PlanReport; kinds: Kinds },
): Promise<PlanReport> {
  const limits = await measureLimits(gpu);
  const times = await measureLaunches(
    gpu,
    at,
    kinds.map(({ first }) => first),
  );
  const timed = kinds.map(({ row }, index) => ({ row, ms: times[index]!, least: leastMs(row, limits) }));
  timed.sort((a, b) => b.row.count * b.ms - a.row.count * a.ms);
  const total = (of: (one: (typeof timed)[number]) => number): number =>
    timed.reduce((sum, one) => sum + one.row.count * of(one), 0);
  return {
    ...report,
    kernels: timed.map(({ row, ms, least }) => ({ ...row, measured: { ms, of_limit: least / ms } })),
    measured: { adapter: gpu.name, limits, ms: total(({ ms }) => ms), limit_ms: total(({ least }) => least) },
  };
}

/** Milliseconds that the best hand-written kernels would need for as much arithmetic, or as many bytes; a dispatch at least. */
export function leastMs({ flops, bytes }: Pick<KernelRow, 'flops' | 'bytes'>, limits: Limits): number {
  return Math.max(flops / limits.gflops / 1e6, bytes / limits.gigabytes_per_second / 1e6, limits.dispatch_ms);
}
