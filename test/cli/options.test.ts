/** Options given twice, in vain, or out of range: an error before anything runs, and never the last one without a word. */

import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { folderWith, mdl, program, SMALL, SMALL_WEIGHTS, safetensors } from './support.ts';

const folder = folderWith({ 'small.mdl': SMALL, 'w.safetensors': safetensors(SMALL_WEIGHTS) });

/** Every command that needs a file, with what else it requires. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  compile: [],
  run: ['--entry', 'main', '--inputs', 'i', '--outputs', 'o'],
  train: ['--stage', 's'],
  evaluate: ['--data', 'emoji'],
  ablate: ['--flags', 'scaled'],
  generate: ['--prompt', 'hi'],
};

describe.each(Object.entries(COMMANDS))('mdl %s', (command, required) => {
  const run = (...more: string[]) => mdl(folder, command, 'small.mdl', ...required, ...more);

  it.each([
    [['--adapter', 'a', '--adapter', 'b'], '--adapter'],
    [['--config=base', '--config', 'base'], '--config'],
    [['--config', 'base', '--config', 'wide'], '--config'],
    [['--init', '1', '--config', 'base', '--init', '2'], '--init'],
    [['--set', 'd=3', '--set', 'hidden=2', '--set', 'd=4'], '--set d'],
  ])('%j: twice', async (more, option) => {
    const { code, stdout, stderr } = await run(...more);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`error[C0311]: ${option} is given twice: leave one out\n`);
  });

  it('patterns for a checkpoint need one', async () => {
    const { stderr } = await run('--init', '0', '--allow-missing', '**');
    expect(stderr).toContain('error[C0208]: --allow-missing has no meaning without --weights');
  });
});

it('commands without weights, and the options of a command itself', async () => {
  for (const args of [
    ['check', 'small.mdl', '--config', 'base', '--config', 'wide'],
    ['ir', 'small.mdl', '--entry', 'main', '--entry', 'pick'],
    ['summary', 'small.mdl', '--depth', '1', '--depth', '1'],
    ['explain-plan', 'small.mdl', '--at', 'B=1', '--at', 'B=2'],
    ['demo', '--out', 'a', '--out', 'b'],
    ['compile', 'small.mdl', '--init', '0', '--entry', 'main', '--entry', 'pick', '--entry', 'main'],
    ['run', 'small.mdl', '--init', '0', '--entry', 'main', '--tap', 'fc', '--tap', 'fc'],
    ['diff', 'small.mdl', '--to-set', 'd=4', '--to-set', 'd=5'],
    ['import', 'small.onnx', '--out', 'a.mdl', '--dim', 'N=1', '--dim', 'N=2'],
    ['import', 'small.onnx', '--out', 'a.mdl', '--input', 'n=1', '--input', 'n=2'],
  ])
    expect((await mdl(folder, ...args)).stderr, args.join(' ')).toContain('error[C0311]');
});

it('options that are repeatable may be repeated', async () => {
  const set = ['--set', 'd=3', '--set', 'hidden=2'];
  expect(await mdl(folder, '-q', 'compile', 'small.mdl', ...set, '--entry', 'main', '--entry', 'pick')).toMatchObject({
    code: 0,
    stderr: '',
  });
});

it('--json says it as JSON', async () => {
  const { stdout } = await mdl(folder, '--json', 'check', 'small.mdl', '--config', 'base', '--config', 'base');
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'C0311' } });
});

it.each([
  ['train', '--lr', '-0.1', 'a number of at least 0 was expected'],
  ['train', '--steps', '0', 'an integer above 0 was expected'],
  ['train', '--steps', '', 'an integer above 0 was expected'],
  ['train', '--steps', '1.5', 'an integer above 0 was expected'],
  ['train', '--steps', '0x2', 'an integer above 0 was expected'],
  ['train', '--init', '0x1', 'an integer of at least 0 was expected'],
  ['train', '--lr', '0b1', 'a number of at least 0 was expected'],
  ['train', '--lr', 'Infinity', 'a number of at least 0 was expected'],
  ['train', '--batch-size', '0', 'an integer above 0 was expected'],
  ['train', '--keep', '0', 'an integer above 0 was expected'],
  ['ablate', '--lr', '-1', 'a number of at least 0 was expected'],
  ['ablate', '--steps', '-5', 'an integer above 0 was expected'],
  ['ablate', '--seeds', '0', 'an integer above 0 was expected'],
  ['evaluate', '--count', '0', 'an integer above 0 was expected'],
  ['evaluate', '--max-new-tokens', '0', 'an integer above 0 was expected'],
] as const)('%s %s %j: out of range', async (command, option, value, expected) => {
  const { code, stderr } = await mdl(folder, command, 'small.mdl', ...COMMANDS[command]!, option, value);
  expect(code).toBe(2);
  expect(stderr).toContain(expected);
});

it.each([
  [['--batch', 'b', '--batch-size', '4'], '--batch-size', '--data'],
  [['--batch', 'b', '--tokenizer', 't'], '--tokenizer', '--data'],
  [['--batch', 'b', '--on-bad-row', 'skip'], '--on-bad-row', '--data'],
  [['--batch', 'b', '--keep', '2'], '--keep', '--out'],
  [['--batch', 'b', '--checkpoint-every', '5'], '--checkpoint-every', '--out'],
  [['--batch', 'b', '--resume'], '--resume', '--out'],
])('train %j has no effect', async (more, option, without) => {
  const { code, stderr } = await mdl(folder, 'train', 'small.mdl', '--stage', 's', '--init', '0', ...more);
  expect(code).toBe(1);
  expect(stderr).toContain(`error[C0208]: ${option} has no meaning without ${without}`);
});

it('an opset says nothing to other backends', async () => {
  const tensors = ['--entry', 'loss', '--inputs', 'i', '--outputs', 'o'];
  const { code, stderr } = await mdl(
    folder,
    'run',
    'small.mdl',
    '--init',
    '0',
    ...tensors,
    '--backend',
    'reference',
    '--opset',
    '23',
  );
  expect(code).toBe(1);
  expect(stderr).toContain('error[C0208]: --opset has no meaning without --backend onnx');
});

it('a reader that has read enough ends the program without a word', async () => {
  const child = spawn(process.execPath, [program(), 'evaluate', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy(); // before the program has started, so every write fails
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
