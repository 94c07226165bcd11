/** The tables and the JSON file of a run. Times are of one machine and one moment; ratios within a row are what to read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine, median, ms, ROOT, table } from '../support.ts';
import type { Limits } from './limits.ts';
import type { Outcome } from './measure.ts';
import type { Opened } from './protocol.ts';
import type { Row } from './rows.ts';

export interface RowReport {
  readonly row: Row;
  readonly flops: number;
  readonly bytes: number;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

export interface RunReport {
  readonly adapter: string;
  readonly contestants: ReadonlyMap<string, Opened>;
  /** before, between and after the rows */
  readonly limits: readonly Limits[];
  readonly rows: readonly RowReport[];
}

/** The first contestant named is what the others are divided by. */
export function printReport(report: RunReport): void {
  const names = [...report.contestants.keys()];
  const [base] = names;
  const rows = report.rows.map(({ row, outcomes }) => [
    row.name,
    ...names.map((name) => cell(outcomes.get(name)!, name === base ? undefined : outcomes.get(base!))),
  ]);
  table(
    `time (median of rounds), and how many times that of ${base} (least to most of the rounds)`,
    ['', ...names],
    rows,
  );
  const rates = report.rows.map(({ row, flops, bytes, outcomes }) => [
    row.name,
    ...names.map((name) => {
      const outcome = outcomes.get(name)!;
      if (outcome.kind !== 'right') return '';
      const per =
        flops > 0
          ? `${(flops / outcome.ms / 1e6).toFixed(2)} GFLOP/s`
          : `${(bytes / outcome.ms / 1e6).toFixed(2)} GB/s`;
      return outcome.counts ? `${per}, ${outcome.counts.dispatches} / ${outcome.counts.submits}` : per;
    }),
  ]);
  table('rate of products, or of least bytes; dispatches / submits of a run', ['', ...names], rates);
  for (const { row, outcomes } of report.rows) {
    for (const [name, outcome] of outcomes) {
      if (outcome.kind !== 'right') console.log(`\n  ${row.name}, ${name}: ${outcome.kind}: ${outcome.reason}`);
    }
  }
  printLimits(report.limits);
}

function cell(outcome: Outcome, base: Outcome | undefined): string {
  if (outcome.kind !== 'right') return outcome.kind;
  if (base?.kind !== 'right') return ms(outcome.ms);
  const ratios = outcome.rounds.map((value, i) => value / base.rounds[i]!);
  return `${ms(outcome.ms)} ${ratio(median(ratios))} (${ratio(Math.min(...ratios))}–${ratio(Math.max(...ratios))})`;
}

/** two digits: 31×, 2.3×, 0.0021× */
function ratio(value: number): string {
  return `${value >= 10 ? value.toFixed(0) : Number(value.toPrecision(2))}×`;
}

function printLimits(limits: readonly Limits[]): void {
  const spread = (of: (limits: Limits) => number, unit: string): string[] => {
    const values = limits.map(of);
    return [
      `${median(values).toPrecision(3)} ${unit}`,
      Math.min(...values).toPrecision(3),
      Math.max(...values).toPrecision(3),
    ];
  };
  table(
    'limits of the adapter, measured before, between and after the rows',
    ['', 'median', 'least', 'most'],
    [
      ['fused multiply-adds', ...spread(({ gflops }) => gflops, 'GFLOP/s')],
      ['copy kernel, read + written', ...spread(({ kernelGBps }) => kernelGBps, 'GB/s')],
      ['buffer to buffer, read + written', ...spread(({ copyGBps }) => copyGBps, 'GB/s')],
      ['one more dispatch', ...spread(({ dispatchMicroseconds }) => dispatchMicroseconds, 'µs')],
      ['submit and wait', ...spread(({ submitMs }) => submitMs, 'ms')],
    ],
  );
}

/** @returns where it is */
export function writeReport(report: RunReport): string {
  const folder = join(ROOT, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `webgpu-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`);
  const plain = {
    machine: machine(),
    adapter: report.adapter,
    contestants: Object.fromEntries(report.contestants),
    limits: report.limits,
    rows: report.rows.map(({ outcomes, ...row }) => ({ ...row, outcomes: Object.fromEntries(outcomes) })),
  };
  writeFileSync(file, `${JSON.stringify(plain, null, 2)}\n`);
  return file;
}
