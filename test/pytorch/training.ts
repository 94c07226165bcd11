/** Runs of train.py: a small model with its shards, one process or several, and what they leave. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject } from 'vitest';
import type { StepRecord } from '../../src/runtime/train/index.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { type ReferenceTensor, readTensors } from '../support/reference.ts';
import { DATA, SMALL } from './small.ts';

const DRIVER = fileURLToPath(new URL('./drive.py', import.meta.url));

/** A folder with the small model compiled for a stage, and shards of its batches. */
export async function compiled(stage: string, source = SMALL): Promise<string> {
  const folder = folderWith({ 'small.mdl': source, 'data.mjs': DATA });
  const own = ['small.mdl', '--init', '5', '--stage', stage];
  for (const command of [
    ['compile', ...own, '--target', 'pytorch', '--out', 'model'],
    ['data', 'write', ...own, '--data', './data.mjs', '--out', 'shards', '--shard-mb', '1'],
  ]) {
    const { code, stderr } = await mdl(folder, ...command);
    expect(code, stderr).toBe(0);
  }
  return folder;
}

export interface Trained {
  readonly code: number | null;
  readonly output: string;
}

/** Python as the tests have it. */
export function pythonProgram(): string {
  const python = inject('python');
  if (!('program' in python)) throw new Error(python.missing);
  return python.program;
}

/** Several ranks share this machine: a thread each. */
export const environment = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };

/** `python train.py …` in the folder, or torchrun with so many ranks. */
export function train(folder: string, ranks: number, ...given: readonly string[]): Trained {
  const launcher = ranks === 1 ? [] : ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', `${ranks}`];
  const args = [...launcher, 'model/train.py', '--data', 'shards', ...given];
  const options = { cwd: folder, env: environment, encoding: 'utf8', timeout: 280_000 } as const;
  const { status, stdout, stderr } = spawnSync(pythonProgram(), args, options);
  return { code: status, output: stdout + stderr };
}

export function stepsOf(run: string): StepRecord[] {
  const lines = readFileSync(join(run, 'log.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter((record) => 'loss' in record);
}

export const trainedOf = (run: string): ReadonlyMap<string, ReferenceTensor> =>
  readTensors(join(run, 'trained.safetensors'));

/** The largest difference of any tensor, of the largest element of that tensor. */
export function difference(a: ReadonlyMap<string, ReferenceTensor>, b: ReadonlyMap<string, ReferenceTensor>): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  const of = (key: string): number => {
    const [x, y] = [a.get(key)!.data, b.get(key)!.data].map((data) => Array.from(data, Number)) as [number[], number[]];
    const largest = Math.max(...x.map(Math.abs), 1e-12);
    return Math.max(...x.map((value, i) => Math.abs(value - y[i]!))) / largest;
  };
  return Math.max(...[...a.keys()].map(of));
}

/** Runs train.py or another program beside a model as often as asked, in one process of Python. @throws what Python raised */
export function drive<J extends readonly DriveJob[]>(jobs: J): { readonly [I in keyof J]: Trained } {
  const list = join(folderWith(), 'jobs.json');
  writeFileSync(list, JSON.stringify(jobs));
  const options = { env: environment, encoding: 'utf8', timeout: 280_000, maxBuffer: 1 << 26 } as const;
  const { status, stdout, stderr } = spawnSync(pythonProgram(), [DRIVER, list], options);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

export interface DriveJob {
  readonly folder: string;
  /** `model/train.py` by default */
  readonly program?: string;
  readonly argv: readonly string[];
  /** the most bytes that it may write to a file */
  readonly limit?: number;
}
