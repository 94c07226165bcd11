/** What the benchmarks share: child processes with their peak memory, medians, tables. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const MODEL = 'models/tinygpt-v.mdl';
const MDL = 'dist/mdl.js';

/**
 * Runs in the child when it exits and tells its peak resident memory in KiB (on Linux from VmHWM: the maxRSS of a child
 * starts with that of the process that forked it) and its processor time in microseconds.
 */
const PROBE = `import { readFileSync, writeSync } from 'node:fs';
process.on('exit', () => {
  const usage = process.resourceUsage();
  let peak = usage.maxRSS;
  try { peak = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]); } catch {}
  writeSync(3, peak + ' ' + (usage.userCPUTime + usage.systemCPUTime));
});`;

export interface Measured {
  /** from spawn to exit */
  readonly seconds: number;
  /** processor time, all threads: what is left of `seconds` on a busy machine */
  readonly cpuSeconds: number;
  /** peak resident memory, 10^6 bytes */
  readonly megabytes: number;
  readonly stdout: string;
}

/** Runs Node on arguments, in the repository. @throws Error with its stderr when it fails */
export async function node(...args: readonly string[]): Promise<Measured> {
  const began = performance.now();
  const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(PROBE)}`, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const collect = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  };
  const exit = new Promise<number | null>((resolve, reject) => child.on('exit', resolve).on('error', reject));
  const [code, stdout, stderr, peak] = await Promise.all([
    exit,
    collect(child.stdout!),
    collect(child.stderr!),
    collect(child.stdio[3] as unknown as AsyncIterable<Buffer>),
  ]);
  if (code !== 0) throw new Error(`${args.join(' ')} exits with ${code}: ${stderr}`);
  const [kibibytes, microseconds] = peak.split(' ').map(Number);
  return {
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: microseconds! / 1e6,
    megabytes: (kibibytes! * 1024) / 1e6,
    stdout,
  };
}

export function mdl(...args: readonly string[]): Promise<Measured> {
  return node(MDL, ...args);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Milliseconds that `work` takes, of `times` runs after `warmUp` others: their median, or the fastest, which is what
 * remains of short work on a machine that does other things too.
 */
export async function milliseconds(
  work: () => unknown,
  times: number,
  { warmUp = 2, fastest = false }: { readonly warmUp?: number; readonly fastest?: boolean } = {},
): Promise<number> {
  const taken: number[] = [];
  for (let i = -warmUp; i < times; i++) {
    const began = performance.now();
    await work();
    if (i >= 0) taken.push(performance.now() - began);
  }
  return fastest ? Math.min(...taken) : median(taken);
}

/** A folder that is gone afterwards, in `MDL_BENCH_DIR` or the system's folder for such things. */
export async function withFolder<R>(work: (folder: string) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(process.env.MDL_BENCH_DIR ?? tmpdir(), 'mdl-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Columns are aligned: the first to the left, the others to the right. */
export function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const print = (row: readonly string[]): string =>
    widths.map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join('  ');
  console.log(`\n${title}\n`);
  for (const row of [head, widths.map((width) => '-'.repeat(width)), ...rows]) console.log(`  ${print(row)}`);
}

export function machine(): string {
  const [cpu] = cpus();
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`;
}

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
export const mb = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} MB`;
export const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)}×`;
