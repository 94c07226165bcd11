/** A run that is killed, interrupted or short of disk goes on where it was and ends with the same bytes. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { program } from '../cli/support.ts';
import { folderWith } from '../support/folder.ts';
import { DEFAULTS, MICRO, microBatch, microFolder, recorder } from './support.ts';

const { folder, file, batch } = microFolder();
const cli = program();
const STEPS = 60;

const args = (out: string, ...more: string[]): string[] => argsEvery(4, out, ...more);
const argsEvery = (steps: number, out: string, ...more: string[]): string[] => [
  cli,
  'train',
  file,
  '--init',
  '3',
  '--stages',
  'one,two',
  '--batch',
  batch,
  '--steps',
  String(STEPS),
  '--checkpoint-every',
  String(steps),
  '--out',
  out,
  ...more,
];
const runFolder = (name: string): string => join(folder, name);
const weightsOf = (out: string): Buffer => readFileSync(join(out, 'model.safetensors'));
const stepsOf = (out: string): string[] =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((record) => 'loss' in record)
    .map(({ stage, step, loss, lr, grad_norm }) => JSON.stringify([stage, step, loss, lr, grad_norm]));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs the command; `act` gets the child when the log has so many lines. */
function child(
  argv: string[],
  act?: { readonly lines: number; readonly log: string; readonly signal: NodeJS.Signals; readonly delay: number },
): Promise<Ended> {
  return new Promise((resolve) => {
    // what a killed process leaves in the system's folder for temporary files goes with ours
    const env = { ...process.env, TMPDIR: folder };
    const running = spawn(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    running.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const watch =
      act &&
      setInterval(() => {
        if (!existsSync(act.log) || readFileSync(act.log, 'utf8').split('\n').length <= act.lines) return;
        clearInterval(watch);
        setTimeout(() => running.kill(act.signal), act.delay);
      }, 3);
    running.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ code, signal, stderr });
    });
  });
}

describe('a run of two stages', () => {
  let whole: Buffer;
  beforeAll(async () => {
    const ended = await child(args(runFolder('whole')));
    expect(ended.stderr).not.toContain('error');
    expect(ended.code).toBe(0);
    whole = weightsOf(runFolder('whole'));
  });

  test('that is killed five times at random moments ends with the same bytes', async () => {
    const out = runFolder('killed');
    let kills = 0;
    for (let attempt = 0; kills < 5 && attempt < 20; attempt++) {
      const resume =
        existsSync(join(out, 'checkpoints')) &&
        readdirSync(join(out, 'checkpoints')).some((name) => name.endsWith('.safetensors'));
      const lines = existsSync(join(out, 'log.jsonl'))
        ? readFileSync(join(out, 'log.jsonl'), 'utf8').split('\n').length
        : 0;
      const moment = {
        lines: lines + Math.floor(Math.random() * 8) - 2,
        log: join(out, 'log.jsonl'),
        signal: 'SIGKILL' as const,
        delay: Math.random() * 20,
      };
      const ended = await child(args(out, ...(resume ? ['--resume'] : [])), moment);
      if (ended.signal === 'SIGKILL') kills++;
      else break;
    }
    const last = await child(args(out, '--resume'));
    expect(last.stderr).not.toContain('error');
    expect(last.code).toBe(0);
    expect(kills).toBe(5);
    expect(weightsOf(out).equals(whole)).toBe(true);
    expect(stepsOf(out)).toEqual(stepsOf(runFolder('whole')));
  }, 240_000);

  test('that is interrupted saves, exits with 130, and goes on', async () => {
    const out = runFolder('interrupted');
    const ended = await child(args(out), { lines: 10, log: join(out, 'log.jsonl'), signal: 'SIGINT', delay: 0 });
    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain('go on with --resume');
    expect(readdirSync(join(out, 'checkpoints')).length).toBeGreaterThan(0);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(false);
    expect((await child(args(out, '--resume'))).code).toBe(0);
    expect(weightsOf(out).equals(whole)).toBe(true);
  }, 60_000);

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    'that is told to end by %s saves, exits with %i, and goes on',
    async (signal, code) => {
      const out = runFolder(`ended-${signal}`);
      const ended = await child(argsEvery(1000, out), {
        lines: 10,
        log: join(out, 'log.jsonl'),
        signal,
        delay: 0,
      });
      expect(ended).toMatchObject({ code, signal: null });
      expect(ended.stderr).toContain(`${signal}: stopping after this step`);
      // the steps in the log are in the newest checkpoint, which is the second where the signal came after the first stage
      expect(readdirSync(join(out, 'checkpoints'))).not.toHaveLength(0);
      const steps = stepsOf(out).length;
      expect((await child(args(out, '--resume'))).code).toBe(0);
      expect(stepsOf(out).slice(0, steps)).toEqual(stepsOf(runFolder('whole')).slice(0, steps));
      expect(weightsOf(out).equals(whole)).toBe(true);
    },
    240_000,
  );

  test('that runs out of disk stops with a clear error and can go on', async () => {
    const reference = ['--backend', 'reference']; // which writes no graphs: log and checkpoints only
    expect((await child(args(runFolder('whole-reference'), ...reference))).code).toBe(0);
    const out = runFolder('full');
    const first = await child(args(out, ...reference), {
      lines: 12,
      log: join(out, 'log.jsonl'),
      signal: 'SIGINT',
      delay: 0,
    });
    expect(first.code).toBe(130);
    const before = readdirSync(join(out, 'checkpoints')).sort();
    const other = join(folder, 'other.jsonl');
    const limited = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
      // no file may grow past 1 KiB, and the writer is told so by an error as on a full disk, not by a signal
      const command = `trap '' XFSZ; ulimit -f 1; exec "$@"`;
      const rest = argsEvery(1, out, ...reference, '--resume', '--log', other);
      execFile('bash', ['-c', command, 'bash', process.execPath, ...rest], (error, _, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stderr }),
      );
    });
    expect(limited.code).toBe(1);
    expect(limited.stderr).toMatch(/error\[R0122\]: .*safetensors was not written/);
    expect(readdirSync(join(out, 'checkpoints')).sort()).toEqual(before);
    expect((await child(args(out, ...reference, '--resume'))).code).toBe(0);
    expect(weightsOf(out).equals(weightsOf(runFolder('whole-reference')))).toBe(true);
  }, 240_000);

  test('leaves weights, log and a report', () => {
    const out = runFolder('whole');
    expect(readdirSync(out).sort()).toEqual([
      'checkpoints',
      'log.jsonl',
      'model.safetensors',
      'report.html',
      'trained.safetensors',
    ]);
    expect(readdirSync(join(out, 'checkpoints'))).toHaveLength(3);
    expect(stepsOf(out)).toHaveLength(2 * STEPS);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('<polyline');
  });
});

describe('resuming', () => {
  const options = { ...DEFAULTS, init: 3, stages: 'one,two', batch, steps: 6, checkpointEvery: 2 };
  const fresh = (): string => join(folderWith(), 'run');

  test.each([
    ['another seed', { seed: 9 }, 'its seed is 0 and this run has 9'],
    ['another learning rate', { lr: 0.5 }, "its learning rate is the stage's and this run has 0.5"],
    ['other stages', { stages: 'two' }, 'its stages is one,two and this run has two'],
    [
      'another config',
      { set: ['d=8', 'dropout=0.5'] },
      'is of another run: its config dropout is 0.25 and this run has 0.5',
    ],
  ])('with %s is refused', async (_, changed, message) => {
    const out = fresh();
    await trainCommand(recorder(), [file], { ...options, out });
    await expect(trainCommand(recorder(), [file], { ...options, ...changed, out, resume: true })).rejects.toThrow(
      message,
    );
  });

  test('with another model definition is refused', async () => {
    const out = fresh();
    await trainCommand(recorder(), [file], { ...options, out });
    const changed = microFolder(microBatch(), MICRO.replace('weight_decay = 0.05', 'weight_decay = 0.5'));
    await expect(trainCommand(recorder(), [changed.file], { ...options, out, resume: true })).rejects.toThrow(
      'its optimize of one is adamw(weight_decay = 0.05) and this run has adamw(weight_decay = 0.5)',
    );
  });

  test('a folder without checkpoints, or starting in one that has a run, is refused', async () => {
    const out = fresh();
    await expect(trainCommand(recorder(), [file], { ...options, out, resume: true })).rejects.toThrow(
      'there is no checkpoint to resume from in',
    );
    await expect(trainCommand(recorder(), [file], { ...options, resume: true })).rejects.toThrow(
      '--resume has no meaning without --out',
    );
    const used = fresh();
    await trainCommand(recorder(), [file], { ...options, out: used });
    await expect(trainCommand(recorder(), [file], { ...options, out: used })).rejects.toThrow('holds a run already');
  });

  test('results without checkpoints are no run to go on with, nor are other files: C0630', async () => {
    const out = fresh();
    await trainCommand(recorder(), [file], { ...options, out });
    rmSync(join(out, 'checkpoints'), { recursive: true });
    await expect(trainCommand(recorder(), [file], { ...options, out, resume: true })).rejects.toThrow(
      'so start a run without --resume, in a folder of its own',
    );
    await expect(trainCommand(recorder(), [file], { ...options, out })).rejects.toMatchObject({
      code: 'C0630',
      message: `${out} holds model.safetensors, report.html, trained.safetensors, and nothing that a run could go on from: choose another folder, or move them away`,
    });
    const stray = fresh();
    mkdirSync(stray);
    writeFileSync(join(stray, '.DS_Store'), '');
    await trainCommand(recorder(), [file], { ...options, out: stray });
    const notes = fresh();
    mkdirSync(notes);
    writeFileSync(join(notes, 'notes.txt'), '');
    await expect(trainCommand(recorder(), [file], { ...options, out: notes })).rejects.toThrow('holds notes.txt, and');
  });
});
