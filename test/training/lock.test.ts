/** One writer for a run's folder: who else comes is told who has it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import ablateCommand from '../../src/compiler/cli/commands/ablate.ts';
import compileCommand from '../../src/compiler/cli/commands/compile.ts';
import demoCommand from '../../src/compiler/cli/commands/demo.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { LOCK, lockFolder } from '../../src/compiler/workbench/training/lock.ts';
import { folderWith } from '../support/folder.ts';
import { DEFAULTS, microFolder, recorder } from './support.ts';

const holder = (pid: number, host = hostname()): string => JSON.stringify({ pid, host, since: '2026-01-02T03:04:05Z' });

/** The id of a process that has ended. */
const gone = Number(spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout);

describe('a lock', () => {
  test('is held until it is given back', () => {
    const folder = folderWith();
    const release = lockFolder(folder, recorder());
    expect(JSON.parse(readFileSync(join(folder, LOCK), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
    expect(() => lockFolder(folder, recorder())).toThrow(
      `${folder} is in use by process ${process.pid} on ${hostname()}, since `,
    );
    release();
    release();
    expect(readdirSync(folder)).toEqual([]);
    lockFolder(folder, recorder())();
  });

  test.each([
    ['that has ended', gone],
    ['that had our own id', process.pid],
  ])('of a process %s is taken over, which is said', (_, pid) => {
    const folder = folderWith();
    writeFileSync(join(folder, LOCK), holder(pid));
    const output = recorder();
    lockFolder(folder, output)();
    expect(output.notes).toEqual([`${join(folder, LOCK)} was left by process ${pid}, which is gone: taken over`]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    [
      'a process that runs',
      holder(process.ppid),
      `process ${process.ppid} on ${hostname()}, since 2026-01-02T03:04:05Z`,
    ],
    ['another machine', holder(gone, 'elsewhere'), `process ${gone} on elsewhere, since 2026-01-02T03:04:05Z`],
    ['nobody knows whom', 'not json', 'an unknown process'],
  ])('of %s is respected', (_, text, who) => {
    const folder = folderWith();
    writeFileSync(join(folder, LOCK), text);
    expect(() => lockFolder(folder, recorder())).toThrow(
      `${folder} is in use by ${who}: wait for it, choose another folder, or remove ${join(folder, LOCK)} if that process is gone`,
    );
    expect(readFileSync(join(folder, LOCK), 'utf8')).toBe(text);
  });
});

describe('commands', () => {
  const { file, batch } = microFolder();
  const train = (out: string, more: object = {}) =>
    trainCommand(recorder(), [file], { ...DEFAULTS, init: 1, stage: 'one', steps: 2, batch, out, ...more });
  const ablate = (out: string) =>
    ablateCommand(recorder(), [file], {
      ...{ seed: 0, backend: 'onnx', opset: '17', seeds: 1, steps: 1, last: 1, batch, init: 0 },
      ...{ stages: 'one', flags: 'lora', out },
    });

  test('do not write to a folder that another process has', async () => {
    const out = folderWith();
    writeFileSync(join(out, LOCK), holder(process.ppid));
    for (const attempt of [() => train(out), () => train(out, { resume: true }), () => ablate(out)])
      await expect(attempt()).rejects.toMatchObject({ code: 'C0313' });
    expect(readdirSync(out)).toEqual([LOCK]);
  });

  test('give it back at the end, and when they fail', async () => {
    const out = join(folderWith(), 'new');
    await train(out);
    expect(existsSync(join(out, LOCK))).toBe(false);
    await expect(train(out)).rejects.toMatchObject({ code: 'C0206' });
    await expect(train(out, { resume: true, seed: 5 })).rejects.toMatchObject({ code: 'R0803' });
    expect(existsSync(join(out, LOCK))).toBe(false);
  });

  test('say that --out is a file', async () => {
    const out = join(folderWith(), 'file');
    writeFileSync(out, 'text');
    const compile = {
      out,
      set: [],
      allowMissing: [],
      allowUnexpected: [],
      entry: [],
      opset: '17',
      target: 'onnx',
      backend: 'onnx',
      init: 0,
    };
    for (const attempt of [
      () => train(out),
      () => train(out, { resume: true }),
      () => train(join(out, 'below')),
      () => ablate(out),
      () => ablate(join(out, 'below')),
      () => compileCommand(recorder(), [file], compile as never),
      () => demoCommand(recorder(), [], { out, steps: 1 }),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'C0105' });
    expect(readFileSync(out, 'utf8')).toBe('text');
  });
});
