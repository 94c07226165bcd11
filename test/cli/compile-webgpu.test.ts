/** `mdl compile --target webgpu`: the files it writes and what is in them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, parsePlan } from '../../src/runtime/index.ts';
import { openPlanSource } from '../../src/runtime/webgpu/plan-source.node.ts';
import { openWeights } from '../../src/runtime/webgpu/plan-source.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import {
  f32,
  folderWith,
  mdl,
  type Ran,
  rawSafetensors,
  SMALL,
  SMALL_WEIGHTS,
  safetensors,
  TINYGPTV,
} from './support.ts';

const setUp = (): string => folderWith({ 'small.mdl': SMALL, 'w.safetensors': safetensors(SMALL_WEIGHTS) });
const compile = (folder: string, ...args: string[]): Promise<Ran> =>
  mdl(
    folder,
    'compile',
    'small.mdl',
    ...(args.includes('--target') ? [] : ['--target', 'webgpu']),
    '--out',
    'out',
    ...args,
  );
const list = (folder: string): string[] => readdirSync(join(folder, 'out')).sort();
const read = (folder: string, file: string): string => readFileSync(join(folder, 'out', file), 'utf8');
const plan = (folder: string): WebGpuPlan => parsePlan(read(folder, 'plan.json'), 'plan.json');
const PRETRAINED = TINYGPTV.replace('tinygpt-v.mdl', 'nano-pretrained.safetensors');
const MODULE = ['kernels.wgsl', 'manifest.json', 'plan.js', 'plan.json', 'small.d.ts', 'small.js'];

describe('files', () => {
  it('a plan, kernels to read, a module and weights', async () => {
    const folder = setUp();
    const { code, stdout, stderr } = await compile(folder, '--weights', 'w.safetensors', '--set', 'scaled=true');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(list(folder)).toEqual([...MODULE, 'weights.safetensors']);
    expect(stdout).toMatch(
      /^Small \(config base, webgpu; scaled=true\) in out\n {2}main +\d+ dispatches of \d+ kernels\n/,
    );
    expect(stdout).toContain('small.js                       createSmall(device, weights)');
    const { model, parameters, weights, kernels, entries } = plan(folder);
    expect(model).toMatchObject({ name: 'Small', source: 'small.mdl', flags: { scaled: true } });
    expect(Object.keys(entries)).toEqual(['main', 'pick']);
    // the buffer is used by no entry
    expect(parameters.map(({ key, shape, storage }) => [key, shape, storage])).toEqual([
      ['fc.weight', [2, 3], 'f32'],
      ['fc.bias', [2], 'f32'],
      ['scale.gain', [2], 'f32'],
    ]);
    const bytes = readFileSync(join(folder, 'out/weights.safetensors')).length;
    expect(weights).toEqual({
      origin: 'w.safetensors',
      trained: true,
      files: [{ file: 'weights.safetensors', bytes }],
    });
    const checkpoint = await openCheckpoint(join(folder, 'out/weights.safetensors'));
    expect([...checkpoint.tensors.keys()]).toEqual(['fc.weight', 'fc.bias', 'scale.gain']);
    expect(await checkpoint.read('fc.weight')).toEqual(SMALL_WEIGHTS['fc.weight']);
    await checkpoint.close();
    const text = read(folder, 'kernels.wgsl');
    for (const { wgsl } of kernels) expect(text).toContain(wgsl);
    expect(read(folder, 'small.js')).toContain(' *     mdl compile small.mdl --set scaled=true --target webgpu\n');
  });

  it('--shard-mb: weights in shards with an index, which are read as one', async () => {
    const folder = folderWith({});
    const args = [TINYGPTV, '--config', 'nano', '--init', '5', '--target', 'webgpu', '--entry', 'embed_tokens'];
    const whole = await mdl(folder, 'compile', ...args, '--entry', 'decode', '--out', 'whole');
    const shards = await mdl(folder, 'compile', ...args, '--entry', 'decode', '--out', 'out', '--shard-mb', '1');
    expect([whole.code, shards.code]).toEqual([0, 0]);
    const files = list(folder).filter((file) => file.endsWith('.safetensors'));
    expect(files.length).toBeGreaterThan(2);
    expect(files[0]).toBe(`weights-00001-of-0000${files.length}.safetensors`);
    expect(plan(folder).weights!.files).toEqual(
      files.map((file) => ({ file, bytes: statSync(join(folder, 'out', file)).size })),
    );
    const opened = await openCheckpoint(join(folder, 'out/weights.safetensors.index.json'));
    const byPlan = await openWeights(await openPlanSource(join(folder, 'out')));
    const one = await openCheckpoint(join(folder, 'whole/weights.safetensors'));
    expect([...opened.tensors.keys()].sort()).toEqual([...one.tensors.keys()].sort());
    for (const key of one.tensors.keys()) {
      const expected = await one.read(key);
      expect(await opened.read(key)).toEqual(expected);
      expect(await byPlan.read(key)).toEqual(expected);
    }
    await Promise.all([opened.close(), byPlan.close(), one.close()]);
  });

  it('without weights a plan that says so', async () => {
    const folder = setUp();
    const { code, stdout } = await compile(folder);
    expect(code).toBe(0);
    expect(list(folder)).toEqual(MODULE);
    expect(plan(folder).weights).toBeNull();
    expect(stdout).toMatch(/no weights: the graphs refer to \d+ B that --weights or --init would write/);
  });

  it('matrices as f16 where asked for', async () => {
    const folder = setUp();
    writeFileSync(
      join(folder, 'w.safetensors'),
      safetensors({ ...SMALL_WEIGHTS, 'fc.weight': f32([2, 3], [1, 1 / 3, -2, 65504, 1e-9, 0.1]) }),
    );
    expect((await compile(folder, '--weights', 'w.safetensors', '--weights-dtype', 'f16')).code).toBe(0);
    expect(plan(folder).parameters.map(({ key, storage }) => [key, storage])).toEqual([
      ['fc.weight', 'f16'],
      ['fc.bias', 'f32'],
      ['scale.gain', 'f32'],
    ]);
    const checkpoint = await openCheckpoint(join(folder, 'out/weights.safetensors'));
    expect(checkpoint.tensors.get('fc.weight')!.dtype).toBe('F16');
    const { data } = await checkpoint.read('fc.weight');
    expect([...data]).toEqual([1, 0.333251953125, -2, 65504, 0, 0.0999755859375]);
    await checkpoint.close();
  });

  it('one entry, seeded weights, JSON', async () => {
    const folder = setUp();
    const { code, stdout } = await compile(folder, '--entry', 'pick', '--init', '3', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      out: 'out',
      module: { file: 'small.js', create: 'createSmall' },
      manifest: {
        weights: { origin: 'seed 3', trained: false },
        entries: { pick: { inputs: [{ name: 'index', dtype: 'i64', shape: ['B'] }] } },
        targets: { webgpu: { plan: 'plan.json', weights: [{ file: 'weights.safetensors' }] } },
      },
      dispatches: { pick: 1 },
    });
    expect(Object.keys(plan(folder).entries)).toEqual(['pick']);
    expect(plan(folder).parameters.map(({ key }) => key)).toEqual(['fc.weight']);
  });
});

it('a stage starts from what `mdl train` starts it from: adapters that a checkpoint lacks, and a table of its size', async () => {
  const folder = folderWith({});
  const ran = await mdl(
    folder,
    ...[
      'compile',
      TINYGPTV,
      '--config',
      'nano',
      '--weights',
      PRETRAINED,
      '--target',
      'webgpu',
      '--entry',
      'embed_tokens',
    ],
    ...['--stage', 'stage4', '--set', 'training.image_size=112', '--out', 'out'],
  );
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('made from their initialisers: 16 keys') });
  expect(ran.stdout).not.toContain('cached step');
  const decoding = await mdl(
    folder,
    'compile',
    TINYGPTV,
    '--config',
    'nano',
    '--target',
    'webgpu',
    '--entry',
    'decode',
  );
  const [, all, cached] = /decode +(\d+) dispatches of \d+ kernels, (\d+) in a cached step\n/.exec(decoding.stdout)!;
  expect(Number(all) - Number(cached)).toBe(4); // one a layer
  const checkpoint = await openCheckpoint(join(folder, 'out/weights.safetensors'));
  const lora = [...checkpoint.tensors.keys()].filter((key) => key.includes('lora_'));
  expect(lora).toHaveLength(16);
  const { training, parameters } = plan(folder);
  for (const { key, shape } of [...training!.trained, ...parameters]) {
    expect([key, checkpoint.tensors.get(key)?.shape]).toEqual([key, shape]);
  }
  await checkpoint.close();
});

describe('--print-after', () => {
  it('prints the graphs after a pass of the target, and compiles', async () => {
    const folder = setUp();
    const { code, stdout } = await compile(folder, '--print-after', 'decompose', '--set', 'scaled=true');
    expect(code).toBe(0);
    expect(stdout.match(/^graph \w+$/gm)).toEqual(['graph main', 'graph pick']);
    expect(list(folder)).toEqual(MODULE);
    const json = await compile(folder, '--print-after', 'checks', '--entry', 'pick', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      after: { pass: 'checks', graphs: [{ graph: 'pick', ir: expect.stringContaining('gather(') }] },
    });
  });

  it.each([
    [
      ['--target', 'onnx', '--print-after', 'decompose'],
      /^error\[C0109\]: there is no pass decompose: the passes are trace, backward, fold, .*, autodiff, .*checks$/m,
    ],
    [
      ['--print-after', 'fuse'],
      /^error\[C0109\]: there is no pass fuse: .*checks, integers, decompose, statistics, split-products, pieces$/m,
    ],
    [['--print-after', 'autodiff'], /^error\[C0400\]: no graph of this compilation goes through the pass autodiff/],
  ])('%j', async (args, says) => {
    const folder = setUp();
    expect(await compile(folder, ...args)).toMatchObject({ code: 1, stderr: expect.stringMatching(says) });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('when it cannot', () => {
  it('a weight that is not finite leaves no file', async () => {
    const folder = setUp();
    const bad = { ...SMALL_WEIGHTS, 'scale.gain': f32([2], [1, Number.NaN]) };
    writeFileSync(join(folder, 'w.safetensors'), safetensors(bad));
    const { code, stderr } = await compile(folder, '--weights', 'w.safetensors');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('error[C0102]: scale.gain') });
    expect(list(folder)).toEqual([]);
  });

  it('a weight that f16 cannot hold leaves no file', async () => {
    const folder = setUp();
    const big = { ...SMALL_WEIGHTS, 'fc.weight': f32([2, 3], [0, 1, 2, 3, -70000, 5]) };
    writeFileSync(join(folder, 'w.safetensors'), safetensors(big));
    const { code, stderr } = await compile(folder, '--weights', 'w.safetensors', '--weights-dtype', 'f16');
    expect(code).toBe(1);
    expect(stderr).toContain('error[C0113]: fc.weight holds -70000 at element 4, which f16 cannot hold');
    expect(list(folder)).toEqual([]);
  });

  it('an earlier folder stays as it was', async () => {
    const folder = setUp();
    await compile(folder);
    const before = read(folder, 'plan.json');
    mkdirSync(join(folder, 'out/weights.safetensors'));
    const { code, stderr } = await compile(folder, '--init', '0', '--set', 'scaled=false');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('error[C0105]') });
    expect(read(folder, 'plan.json')).toBe(before);
    expect(list(folder)).toEqual([...MODULE, 'weights.safetensors']);
  });

  it('a damaged checkpoint is an error before anything is written', async () => {
    const folder = setUp();
    writeFileSync(join(folder, 'w.safetensors'), rawSafetensors('{'));
    expect((await compile(folder, '--weights', 'w.safetensors')).code).toBe(1);
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });

  it('an integer that 32 bits cannot hold is an error at its line, for WebGPU alone', async () => {
    const folder = folderWith({
      'late.mdl': 'model Late {\n  entry main(x: int[B]) -> (y: int[B]) { x + 5000000000 }\n}\n',
    });
    const { code, stderr } = await mdl(folder, 'compile', 'late.mdl', '--target', 'webgpu', '--out', 'late');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[C0116]: the entry main cannot be compiled to WebGPU: it computes with the integer 5000000000',
    );
    expect(stderr).toMatch(/late\.mdl:2:\d+\)/);
    expect((await mdl(folder, 'compile', 'late.mdl', '--out', 'late')).code).toBe(0);
  });

  it('a parameter in more buffers than a kernel can bind is an error that names it, and leaves no file', async () => {
    const folder = folderWith({
      'small.mdl': SMALL,
      'big.mdl': [
        'import { Embedding } from "std"',
        'config c { rows = 400000 }',
        'model Big {',
        '  table = Embedding(rows, 512)',
        '  entry look(x: [rows, 512]) -> (y: [rows, 512]) { x + table.weight }',
        '}',
      ].join('\n'),
    });
    const big = (...args: string[]) => mdl(folder, 'compile', 'big.mdl', '--target', 'webgpu', '--out', 'big', ...args);
    const { code, stderr } = await big();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error\[C0114\]: the entry look cannot be compiled to WebGPU: a kernel binds 9 storage buffers/,
    );
    expect(stderr).toContain('and 8 are allowed; table.weight alone lies in 7 (big.mdl:5:');
    expect(existsSync(join(folder, 'big'))).toBe(false);
    expect((await big('--weights-dtype', 'f16')).code).toBe(0);
  });

  it.each([
    [['--target', 'wgpu'], 2, /'wgpu' is invalid\. Allowed choices are onnx, pytorch, webgpu/],
    [['--weights-dtype', 'bf16'], 2, /Allowed choices are f32, f16, int8, int4/],
    [['--entry', 'mian'], 1, /error\[E0407\][\s\S]*did you mean `main`/],
    [['--opset', '23'], 1, /error\[C0208\]: --opset has no meaning without --target onnx/],
    [['--target', 'pytorch', '--shard-mb', '1'], 1, /--shard-mb has no meaning without --target onnx or webgpu/],
    [['--swap-adapters'], 1, /error\[C0208\]: --swap-adapters has no meaning without LoRA in the model/],
    [['--stage', 'one'], 1, /error\[C0201\]/],
    [['--target', 'onnx', '--stage', 'one'], 1, /error\[C0201\]/],
    [['--target', 'onnx', '--weights-dtype', 'f16'], 1, /error\[C0208\]: --weights-dtype .* --target webgpu/],
  ])('%j', async (args, code, says) => {
    const folder = setUp();
    expect(await compile(folder, ...args)).toMatchObject({ code, stderr: expect.stringMatching(says) });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});
