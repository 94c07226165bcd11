/**
 * `npm run bench:webgpu -- [--rounds 5] [--turn 300] [--rows gemm,decode] [--contestants jax-js,tfjs] [--software]`: WebGPU
 * side by side, on one adapter, in one run. The peers are no dependency of the project: `npm ci --prefix bench/peers` first.
 *
 * Each contestant lives in a process of its own (some bring their own Dawn, all change globals); they take turns.
 */
import { parseArgs } from 'node:util';
import { machine } from '../support.ts';
import { environment } from './adapter.ts';
import { CONTESTANTS } from './contestant.ts';
import type { Limits } from './limits.ts';
import { measureRow } from './measure.ts';
import { answerOf, problemOf } from './problem.ts';
import { ContestantProcess } from './process.ts';
import type { Opened } from './protocol.ts';
import { printReport, type RowReport, writeReport } from './report.ts';
import { ROWS } from './rows.ts';

/** `ort-web` takes half a minute to start, and `ort` is the same provider: it is there for its dispatches. */
const DEFAULT = Object.keys(CONTESTANTS).filter((name) => name !== 'ort-web');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    turn: { type: 'string', default: '300' },
    rows: { type: 'string', default: '' },
    contestants: { type: 'string', default: DEFAULT.join(',') },
    software: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const names = values.contestants.split(',');
  const unknown = names.filter((name) => !Object.hasOwn(CONTESTANTS, name));
  const parts = values.rows.split(',');
  const rows = ROWS.filter(({ name }) => parts.some((part) => name.includes(part)));
  const [rounds, turn] = [Number(values.rounds), Number(values.turn)];
  if (unknown.length > 0)
    throw new Error(`no contestant ${unknown.join(', ')}: ${Object.keys(CONTESTANTS).join(', ')}`);
  if (rows.length === 0)
    throw new Error(`no row has ${values.rows} in its name: ${ROWS.map(({ name }) => name).join('; ')}`);
  if (!(rounds >= 1) || !(turn >= 0)) throw new Error('--rounds is at least 1, and --turn is in milliseconds');

  const env = environment(values.software);
  const adapter = await ContestantProcess.start('limits', env);
  const running = new Map<string, ContestantProcess>();
  const opened = new Map<string, Opened>();
  try {
    const { adapter: description } = await adapter.ask<Opened>({ kind: 'open' });
    console.log(`${machine()}\n${description}`);
    for (const name of names) {
      const contestant = await ContestantProcess.start(name, env);
      running.set(name, contestant);
      opened.set(name, await contestant.ask<Opened>({ kind: 'open' }));
      console.log(`  ${name}: ${opened.get(name)!.about}`);
    }
    const limits = [await adapter.ask<Limits>({ kind: 'limits' })];
    const reports: RowReport[] = [];
    for (const row of rows) {
      const problem = await problemOf(row);
      const outcomes = await measureRow(row, answerOf(problem), running, { rounds, turn });
      reports.push({ row, flops: problem.flops, bytes: problem.bytes, outcomes });
      limits.push(await adapter.ask<Limits>({ kind: 'limits' }));
      console.error(`  ${row.name} done`);
    }
    const report = { adapter: description ?? 'unknown', contestants: opened, limits, rows: reports };
    printReport(report);
    console.log(`\n  ${writeReport(report)}`);
    if (reports.some(({ outcomes }) => [...outcomes.values()].some(({ kind }) => kind !== 'right')))
      process.exitCode = 1;
  } finally {
    for (const contestant of [adapter, ...running.values()]) contestant.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
