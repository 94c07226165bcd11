/** `mdl compile` writes quantised weights, and what it wrote runs: the parts that a file has are what the interpreter computes with. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { onnxBackend, openModel, openSession, Session } from '../../src/runtime/index.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { unavailable } from '../support/adapter.ts';
import { sessionOn } from '../support/targets.ts';
import { expectEqual, program } from './program.ts';

const RULES = ['quantise up, down as int4(group = 32, zeros = true)', 'quantise embed, head as int8(group = 64)'];

function setUp(rules: readonly string[] = RULES): string {
  const folder = folderWith();
  writeFileSync(join(folder, 'm.mdl'), program(...rules));
  return folder;
}

const compile = (folder: string, ...args: string[]) =>
  mdl(folder, 'compile', 'm.mdl', '--init', '0', '--out', 'out', ...args);

it('ONNX', async () => {
  const folder = setUp();
  const { code, stderr } = await compile(folder, '--opset', '23');
  expect([code, stderr]).toEqual([0, '']);
  const source = await openModel(join(folder, 'out'));
  const session = await Session.open(source.manifest, { backend: onnxBackend(source) });
  await expectEqual(await sessionOn('reference', program(...RULES)), session);
  await session.dispose();
});

it.skipIf(unavailable !== undefined)('WebGPU', async () => {
  const folder = setUp();
  expect((await compile(folder, '--target', 'webgpu')).code).toBe(0);
  const plan = JSON.parse(readFileSync(join(folder, 'out', 'plan.json'), 'utf8'));
  const storages = Object.fromEntries(plan.parameters.map(({ key, storage }: never) => [key, storage]));
  expect(storages['up.weight']).toEqual({ bits: 4, group: 32, zeros: true, method: 'nearest' });
  const session = await openSession(join(folder, 'out'), { backend: 'webgpu' });
  await expectEqual(await sessionOn('reference', program(...RULES)), session);
  await session.dispose();
});

it('PyTorch: the numbers that the codes stand for', async () => {
  const folder = setUp();
  expect((await compile(folder, '--target', 'pytorch')).code).toBe(0);
  const { stdout } = await mdl(folder, 'weights', 'out/model.safetensors');
  expect(stdout).toContain('up.weight');
  expect(stdout).not.toContain('up.weight.codes');
});

describe('refuses', () => {
  it.each([
    [['--opset', '17'], /error\[C0526\]: .* give `--opset 23`/],
    [['--opset', '23', '--quantise', 'up as int4(group = 128)'], /error\[E0273\]: up\.weight has rows of 64/],
    [['--opset', '23', '--weights-dtype', 'f16'], /error\[C0208\]/],
    [
      ['--opset', '23', '--calibrate', 'nowhere', '--calibrate-batches', '4097'],
      /error\[C0635\]: --calibrate-batches is 4097, and at most 4096 batches are looked at/,
    ],
    // the bound itself is no error: what follows is
    [['--opset', '23', '--calibrate', 'nowhere', '--calibrate-batches', '4096'], /error\[C0208\]/],
  ])('%j', async (args, says) => {
    const { code, stderr } = await compile(setUp(), ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });

  it('what trains, and a product along the first axis, by code', async () => {
    const folder = folderWith();
    writeFileSync(
      join(folder, 'm.mdl'),
      `model M {
  param w: [64, 64] = zeros()
  param scales: [4] = zeros() key "w.scales"
  entry run(x: [B, 64]) -> (y: [B, 64]) { matmul(x, w) * sum(scales) }
  entry loss(x: [B, 64]) -> (loss: []) { mean(linear(x, w)) * sum(scales) }
}
stage tune { train w optimize sgd() schedule constant(lr = 0.1, iters = 1) }
`,
    );
    const refused = async (...args: string[]) => (await compile(folder, '--opset', '23', ...args)).stderr;
    expect(await refused('--entry', 'run', '--quantise', 'w as int4')).toContain(
      'error[C0524]: command line:1:10 quantises w',
    );
    expect(await refused('--entry', 'loss', '--stage', 'tune', '--quantise', 'w as int4')).toContain('error[C0525]');
    expect(await refused('--entry', 'loss', '--quantise', 'w as int4')).toContain('error[C0527]');
  });
});
