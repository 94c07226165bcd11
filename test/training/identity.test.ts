/** A run knows what it is made of: --resume with other contents behind the same paths is refused, and says what differs. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { dataDigest } from '../../src/compiler/workbench/training/identity.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { openData } from '../../src/recipes/vision-language/data/index.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { OPTIONS, plainPng } from '../recipes/vision-language/support.ts';
import { DEFAULTS, MICRO, microBatch, microFolder, recorder } from './support.ts';

const { folder, file, batch } = microFolder();

const base = join(folder, 'base.safetensors');
const RUN: TrainingOptions = { ...DEFAULTS, init: 3, stages: 'one,two', batch, steps: 4, checkpointEvery: 2 };

let runs = 0;
/** A finished run, and how to go on with it. */
async function finished(options: Partial<TrainingOptions> = {}) {
  const out = join(folder, `run-${runs++}`);
  await trainCommand(recorder(), [file], { ...RUN, ...options, out });
  const resume = async (more: Partial<TrainingOptions> = {}, model = file) => {
    const output = recorder();
    await trainCommand(output, [model], { ...RUN, ...options, ...more, out, resume: true });
    return output;
  };
  return { out, resume, checkpoints: join(out, 'checkpoints') };
}

describe('the same paths with other contents', () => {
  test.each([
    [
      'another body',
      (text: string) => text.replace('relu(fc(norm(x)))', 'gelu(fc(norm(x)))'),
      'its loss graph of one is',
    ],
    ['another constant', (text: string) => text.replace('+ x }', '+ 0.5 * x }'), 'its loss graph of one is'],
    [
      'another dropout',
      (text: string) => text.replace('dropout = dropout)', 'dropout = 0.5)'),
      'its loss graph of two is',
    ],
    [
      'a module that nothing uses',
      (text: string) => text.replace('head = Linear(d, classes)', 'head = Linear(d, classes)\n  spare = Linear(d, d)'),
      'its parameters in one is',
    ],
    [
      'another initialiser',
      (text: string) => text.replace('norm = LayerNorm(d)', 'norm = LayerNorm(d, eps = 1e-3)'),
      'its loss graph',
    ],
    [
      'no decay',
      (text: string) => text.replace('train head\n', 'train head\n  no_decay head\n'),
      'its no_decay of one is nothing and this run has 2 tensors (',
    ],
    ['another clip', (text: string) => text.replace('clip 1.0', 'clip 2.0'), 'its clip of one is 1 and this run has 2'],
    [
      'another schedule',
      (text: string) => text.replace('constant(lr = 1e-2, iters = 40)', 'constant(lr = 1e-2, iters = 50)'),
      'its schedule of two is constant(iters = 40, lr = 0.01) and this run has constant(iters = 50, lr = 0.01)',
    ],
    [
      'another flag',
      (text: string) => text.replace('train head, layers', 'set lora = true\n  train head, layers'),
      'its set lora of two is nothing and this run has true',
    ],
  ])('%s', async (_, edit, message) => {
    const { resume } = await finished();
    const text = readFileSync(file, 'utf8');
    try {
      writeFileSync(file, edit(text));
      expect(edit(text)).not.toBe(text);
      await expect(resume({ steps: 6 })).rejects.toThrow(message);
    } finally {
      writeFileSync(file, text);
    }
  });

  test('a batch file; but it may be moved', async () => {
    const { resume } = await finished();
    const moved = join(folder, 'moved.safetensors');
    copyFileSync(batch, moved);
    await resume({ batch: moved });
    writeFileSync(moved, encodeSafetensors(new Map(Object.entries(microBatch(1)))));
    await expect(resume({ batch: moved })).rejects.toThrow('its data of one is');
  });

  test('weights and an adapter', async () => {
    const first = await finished({ stages: 'two', saveAdapter: join(folder, 'adapter') });
    copyFileSync(join(first.out, 'model.safetensors'), base);
    const { init: _, ...withoutSeed } = RUN;
    const out = join(folder, 'on');
    const on = { ...withoutSeed, stages: 'two', weights: base, adapter: join(folder, 'adapter'), out };
    await trainCommand(recorder(), [file], on);
    const other = await finished({ init: 4, stages: 'two', saveAdapter: join(folder, 'other') });
    const adapter = join(folder, 'other');
    await expect(trainCommand(recorder(), [file], { ...on, adapter, resume: true })).rejects.toThrow('its adapter is');
    copyFileSync(join(other.out, 'model.safetensors'), base);
    await expect(trainCommand(recorder(), [file], { ...on, resume: true })).rejects.toThrow('its weights is');
  });

  test('comments and places in the file are no difference', async () => {
    const { resume } = await finished();
    const commented = microFolder(microBatch(), `// another line\n\n${MICRO}`);
    await resume({ steps: 5 }, commented.file);
  });
});

test('a folder of images: a caption or a picture that changed, whatever the batch', async () => {
  const data = join(folder, 'images');
  const image = (name: string, colour: number[]) => writeFileSync(join(data, name), plainPng(colour));
  const lines = (last: string) =>
    writeFileSync(
      join(data, 'train.jsonl'),
      ['dog', 'cat', 'cow', last].map((caption, i) => JSON.stringify({ image: `${i}.png`, caption })).join('\n'),
    );
  mkdirSync(data);
  for (let i = 0; i < 4; i++) image(`${i}.png`, [i, 2 * i, 3 * i]);
  writeFileSync(join(data, 'held-out.jsonl'), '');
  lines('hen');
  const digest = async () => dataDigest(await openData(data, { ...OPTIONS, batchSize: 1 }));
  const before = await digest();
  expect(await digest()).toBe(before);
  for (let i = 0; i < 4; i++) {
    image(`${i}.png`, [200, 0, 0]);
    expect(await digest(), `image ${i}`).not.toBe(before);
    image(`${i}.png`, [i, 2 * i, 3 * i]);
  }
  lines('pig');
  expect(await digest()).not.toBe(before);
  lines('hen');
  expect(await digest()).toBe(before);
});

test('generated data: its options', async () => {
  const digest = async (options: object) => dataDigest(await openData('emoji', { ...OPTIONS, ...options }));
  const before = await digest({});
  expect(await digest({})).toBe(before);
  for (const options of [{ seed: 2 }, { concepts: 30 }, { imageSize: 30 }, { endSymbol: '#' }])
    expect(await digest(options), JSON.stringify(options)).not.toBe(before);
});

describe('the length of a run', () => {
  test('past the schedule: a note says at which rate it goes on', async () => {
    const output = recorder();
    await trainCommand(output, [file], { ...RUN, stages: 'one', steps: 42 });
    const notes = output.notes.filter((note) => note.includes('its schedule has'));
    expect(notes).toEqual([
      'one: --steps is 42 and its schedule has 40, so the learning rate stays at 0.001 after them',
    ]);
    await trainCommand(output, [file], { ...RUN, stages: 'one', steps: 40 });
    await trainCommand(output, [file], { ...RUN, stages: 'two', steps: 41 });
    expect(output.notes.filter((note) => note.includes('its schedule has'))).toEqual(notes);
  });
  test('cannot be shorter than what is done; it can be longer', async () => {
    const { resume } = await finished();
    await expect(resume({ steps: 3 })).rejects.toMatchObject({
      code: 'C0314',
      message: 'the run is at step 4 of two already and --steps is 3: give 4 or more, or start another run',
    });
    expect((await resume({ steps: 6 })).notes).toContainEqual(expect.stringMatching(/^two: 6 of 6 steps/));
  });
});

describe('a damaged newest checkpoint', () => {
  const damage: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['cut', (bytes) => bytes.subarray(0, bytes.length - 10)],
    ['emptied', () => Buffer.alloc(0)],
    ['with one bit turned', (bytes) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 3 ? byte ^ 1 : byte)))],
  ];
  test.each(damage)('%s: the one before it is taken, which is said', async (_, spoil) => {
    const { out, resume, checkpoints } = await finished();
    const whole = readFileSync(join(out, 'model.safetensors'));
    const [newest, before] = readdirSync(checkpoints).sort().reverse();
    const path = join(checkpoints, newest!);
    writeFileSync(path, spoil(readFileSync(path)));
    const { notes } = await resume();
    expect(notes).toContainEqual(
      expect.stringMatching(new RegExp(`^warning: the checkpoint .*${newest} is damaged .* going on from .*${before}`)),
    );
    expect(readdirSync(checkpoints)).toContain(`${newest}.damaged`);
    expect(readFileSync(join(out, 'model.safetensors')).equals(whole)).toBe(true);
  });

  test('and every other: an error, and nothing is renamed', async () => {
    const { resume, checkpoints } = await finished();
    const names = readdirSync(checkpoints);
    for (const name of names) writeFileSync(join(checkpoints, name), 'short');
    await expect(resume()).rejects.toThrow('is not read as weights here');
    expect(readdirSync(checkpoints)).toEqual(names);
  });

  test('of another run is no damage', async () => {
    const [one, other] = [await finished(), await finished({ seed: 7 })];
    const newest = readdirSync(other.checkpoints).sort().at(-1)!;
    renameSync(join(other.checkpoints, newest), join(one.checkpoints, newest));
    await expect(one.resume()).rejects.toThrow('its seed is 7 and this run has 0');
  });
});

test('a run goes on on another backend', async () => {
  const [reference, whole] = [await finished({ steps: 2 }), await finished()];
  await reference.resume({ steps: 4, backend: 'reference', opset: '23' });
  const losses = (out: string): number[] =>
    readFileSync(join(out, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as { stage: string; loss?: number }).loss ?? [])
      .slice(-2);
  const expected = (await finished({ stages: 'two', steps: 4 })).out;
  expect(losses(whole.out)).toHaveLength(2);
  expect(losses(expected)).toHaveLength(2);
  // steps 3 and 4 of stage two after two of stage one: compared with the interpreter alone
  const alone = await finished({ steps: 2, backend: 'reference' });
  await alone.resume({ steps: 4, backend: 'reference' });
  losses(alone.out).forEach((loss, i) => {
    expect(losses(reference.out)[i]).toBeCloseTo(loss, 5);
  });
});
