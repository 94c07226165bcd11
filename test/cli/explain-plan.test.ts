/** `mdl explain-plan`: the table, its sums, and the sizes it is asked for. */
import { describe, expect, it } from 'vitest';
import type { PlanReport } from '../../src/compiler/workbench/plan/report.ts';
import { unavailable } from '../support/adapter.ts';
import { folderWith, mdl, SMALL, TINYGPTV } from './support.ts';

const folder = folderWith({ 'small.mdl': SMALL });

async function report(file: string, ...args: string[]): Promise<PlanReport> {
  const { code, stdout, stderr } = await mdl(folder, 'explain-plan', file, '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as PlanReport;
}

/** With `--measure`, which says what it is at. */
async function measuredReport(file: string, ...args: string[]): Promise<PlanReport> {
  const { code, stdout, stderr } = await mdl(folder, 'explain-plan', file, '--json', ...args);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as PlanReport;
}

describe('mdl explain-plan', () => {
  it('prints a row per kernel, and the totals', async () => {
    const { code, stdout, stderr } = await mdl(folder, 'explain-plan', 'small.mdl', '--at', 'B=5');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trim());
    expect(lines[0]).toBe('main at B = 5, kernels for GPUs');
    expect(lines[2]).toBe('×  over  workgroups  FLOPs  bytes  FLOP/B  parameters  kernel');
    // x [5, 3], weight [2, 3], bias and gain [2], y [5, 2]
    expect(lines[3]).toMatch(/^1 {2}5·2 .* {2}140 B .*\[2, 3\] \[2\] \[2\] {2}linear → mul {2}std\.mdl|small\.mdl/);
    expect(lines.slice(5, 9)).toEqual([
      'dispatches  1 of 1 kernels',
      expect.stringMatching(/^FLOPs {2}\d+$/),
      'bytes  140 B, 1.00 × the minimum of 140 B (parameters, inputs, caches and outputs once)',
      'parameters  10 in 3 tensors, 40 B',
    ]);
    expect(lines[9]).toBe('memory  0 B between kernels');
  });

  it('sums what the rows say, for a model with layers and caches', async () => {
    const args = ['--config', 'nano', '--entry', 'decode', '--at', 'P=32,B=2'];
    const plan = await report(TINYGPTV, ...args);
    expect(plan.dims).toEqual({ B: 2, P: 32, T: 1 });
    const sum = (of: (row: PlanReport['kernels'][number]) => number): number =>
      plan.kernels.reduce((total, row) => total + row.count * of(row), 0);
    expect(sum(() => 1)).toBe(plan.dispatches);
    expect(sum(({ flops }) => flops)).toBe(plan.flops);
    expect(sum(({ bytes }) => bytes)).toBe(plan.bytes);
    expect(plan.bytes).toBeGreaterThanOrEqual(plan.minimum_bytes);
    expect(plan.minimum_bytes).toBeGreaterThan(plan.parameters.bytes + plan.cache_bytes);
    // keys and values [B, heads, P + T, head_dim] of 4 layers
    expect(plan.cache_bytes).toBe(4 * 2 * 4 * (2 * 4 * 33 * 32));
    const [layers] = plan.lists;
    expect(layers!.path).toBe('llama_model.model.layers');
    expect(layers!.counts.reduce((total, { items }) => total + items, 0)).toBe(4);
    const software = await report(TINYGPTV, ...args, '--profile', 'software', '--weights-dtype', 'f16');
    expect(software.profile).toBe('software');
    expect(software.parameters.elements).toBe(plan.parameters.elements);
    expect(software.parameters.bytes).toBeLessThan(0.6 * plan.parameters.bytes);
  });

  it('counts of a table that is looked up in the rows that are read', async () => {
    const plan = await report(TINYGPTV, '--config', 'nano', '--entry', 'embed_tokens', '--at', 'B=2,T=3');
    // six ids, and six rows of 128 read and written
    expect(plan.bytes).toBe(4 * (6 + 2 * 6 * 128));
    expect(plan.minimum_bytes).toBe(plan.bytes);
    expect(plan.parameters.elements).toBe(512 * 128);
  });

  // norm and stacked products with the MLP's first; attention; both second products; the norm of the next layer
  it.each(['gpu', 'software'])(
    'a cached step of Phi, adapters merged, is four dispatches a layer: %s',
    async (profile) => {
      const args = ['--config', 'full', '--entry', 'decode', '--merge-lora', '--profile', profile];
      const one = await report(TINYGPTV, ...args);
      expect(one.lists).toEqual([
        {
          path: 'llama_model.model.layers',
          counts: [
            { items: 31, dispatches: 4 },
            { items: 1, dispatches: 3 }, // its norm is counted to what comes after
          ],
        },
      ]);
      expect(one.distinct_kernels).toBeLessThanOrEqual(8);
      const two = await report(TINYGPTV, ...args, '--at', 'T=2');
      expect(two.dispatches).toBe(one.dispatches + 32);
    },
  );

  it.skipIf(unavailable)('measures each launch beside what the adapter can do', async () => {
    const args = ['--config', 'nano', '--entry', 'decode', '--measure'];
    const plan = await measuredReport(TINYGPTV, ...args);
    const { limits, ms, limit_ms } = plan.measured!;
    for (const limit of Object.values(limits)) expect(limit).toBeGreaterThan(0);
    const least = (row: PlanReport['kernels'][number]): number =>
      Math.max(row.flops / limits.gflops / 1e6, row.bytes / limits.gigabytes_per_second / 1e6, limits.dispatch_ms);
    const sum = (of: (row: PlanReport['kernels'][number]) => number): number =>
      plan.kernels.reduce((total, row) => total + row.count * of(row), 0);
    for (const row of plan.kernels) {
      expect(row.measured!.ms).toBeGreaterThan(0);
      expect(row.measured!.of_limit).toBeCloseTo(least(row) / row.measured!.ms, 9);
    }
    expect(ms).toBeCloseTo(
      sum(({ measured }) => measured!.ms),
      9,
    );
    expect(limit_ms).toBeCloseTo(sum(least), 9);
    const costs = plan.kernels.map(({ count, measured }) => count * measured!.ms);
    expect(costs).toEqual(costs.toSorted((a, b) => b - a));
    // the launches are those of the plan
    const planned = await report(TINYGPTV, ...args.slice(0, -1), '--profile', plan.profile);
    const kinds = ({ kernels }: PlanReport) => kernels.map(({ measured: _, ...row }) => JSON.stringify(row)).sort();
    expect(kinds(plan)).toEqual(kinds(planned));
  });

  it.skipIf(unavailable)('prints what it measured', async () => {
    const ran = await mdl(folder, 'explain-plan', 'small.mdl', '--measure', '--at', 'B=5');
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(/^measuring 1 kinds of launches on .+ …\n$/) });
    const lines = ran.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  ').trim());
    expect(lines[2]).toBe('×  over  FLOPs  bytes  ms  GFLOP/s  GB/s  of limit  kernel');
    expect(lines[3]).toMatch(/^1 {2}2·5 {2}\d+ {2}140 B {2}[\d.]+ {2}[\d.]+ {2}[\d.]+ {2}\d+ % {2}linear → mul/);
    expect(lines.at(-3)).toMatch(/^time {2}[\d.]+ ms on .+, each launch alone; \d+ % of what its limits allow$/);
    expect(lines.at(-2)).toMatch(
      /^limits {2}[\d.]+ GFLOP\/s \(a product by hand\), [\d.]+ GB\/s \(a copy\), [\d.]+ µs/,
    );
  });

  it('says what training a stage costs', async () => {
    const gradient = await report(TINYGPTV, '--config', 'nano', '--stage', 'stage2', '--at', 'B=2,N=2,T=8');
    expect(gradient).toMatchObject({ entry: 'gradient', dims: { B: 2, N: 2, T: 8 } });
    const forward = await report(TINYGPTV, '--config', 'nano', '--entry', 'loss', '--at', 'B=2,N=2,T=8');
    expect(gradient.flops).toBeGreaterThan(1.5 * forward.flops);
    const update = await report(TINYGPTV, '--config', 'nano', '--stage', 'stage2', '--entry', 'update');
    expect(update).toMatchObject({ entry: 'update', dispatches: 1, dims: {} });
    const decode = await report(TINYGPTV, '--config', 'nano', '--stage', 'stage2', '--entry', 'decode');
    expect(decode.entry).toBe('decode');
  });

  it('takes the first entry where there is no decode, and usual sizes', async () => {
    const plan = await report('small.mdl');
    expect(plan).toMatchObject({ entry: 'main', dims: { B: 1 }, profile: 'gpu', cache_bytes: 0, lists: [] });
  });

  it.each([
    [['--at', 'B'], 1, /error\[C0103\]: --at is "B", and NAME=SIZE, where the names are B, was expected/],
    [['--at', 'B=1,Q=2'], 1, /error\[C0103\]: --at is "Q=2"/],
    [['--at', 'B=-1'], 1, /error\[C0103\]: --at is "B=-1"/],
    [['--entry', 'mian'], 1, /error\[E0407\][\s\S]*did you mean `main`/],
    [['--stage', 'stage1'], 1, /error\[C0201\]: the model has no stage stage1/],
    [['--profile', 'fast'], 2, /Allowed choices are gpu, software/],
  ])('%j', async (args, code, says) => {
    const ran = await mdl(folder, 'explain-plan', 'small.mdl', ...args);
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
  });
});

describe('mdl explain-plan --why', () => {
  const source = `import { LayerNorm, Linear } from "std"

model Two {
  norm = LayerNorm(4)
  proj = Linear(4, 4)
  entry main(x: [B, 4], g: [B, 4]) -> (y: [B, 4], z: [B, 4]) {
    let n = norm(x)
    (proj(n) |> gelu, softmax(x, axis = 0) * g)
  }
}
`;
  const why = async (node: string, ...args: string[]) =>
    mdl(folderWith({ 'two.mdl': source }), 'explain-plan', 'two.mdl', '--why', node, ...args);

  it('says what is in a kernel, where it comes from, and why what it writes is stored', async () => {
    const { code, stdout } = await why('layer_norm');
    expect(code).toBe(0);
    expect(stdout.trim()).toBe(
      [
        'layer_norm',
        '  computes  layer_norm   norm  two.mdl:7:13',
        '  writes    norm · layer_norm [B, 4]: a product or an attention reads each of its elements many times',
      ].join('\n'),
    );
    const linear = await why('proj');
    expect(linear.stdout).toContain('linear → gelu\n');
    expect(linear.stdout).toContain('  computes  linear   proj  two.mdl:8:6\n');
    expect(linear.stdout).toMatch(/ {2}writes {4}gelu \[B, 4\]: the entry gives it\n$/);
  });

  it('tells the reasons apart, by line too', async () => {
    const { stdout } = await why('two.mdl:8', '--json');
    const { kernels } = JSON.parse(stdout) as { kernels: { label: string; writes: { border: string }[] }[] };
    const borders = kernels.map(({ label, writes }) => [label, ...writes.map(({ border }) => border)]);
    expect(borders).toEqual([
      ['linear → gelu', 'output'],
      // over the first axis: the columns of a row need a maximum and a sum each
      ['softmax', 'more than a result per row'],
      ['softmax', 'several readers'],
      ['softmax', 'more than a result per row'],
      ['softmax → mul', 'output'],
    ]);
  });

  it('refuses what is nowhere, with what is near, and the options that it has no use for', async () => {
    const { code, stderr } = await why('layr_norm');
    expect(code).toBe(1);
    expect(stderr).toContain('error[C0103]: --why is "layr_norm"');
    expect(stderr).toContain('such as layer_norm,');
    expect((await why('')).stderr).toContain('error[C0103]: --why is ""');
    const clash = await why('gelu', '--measure');
    expect(clash.code).toBe(2);
    expect(clash.stderr).toContain("cannot be used with option '--measure'");
  });
});

it('--memory says what all entries take on a device, before anything is loaded', async () => {
  const args = ['explain-plan', TINYGPTV, '--config', 'nano', '--memory'];
  const bytes = async (...more: string[]) => JSON.parse((await mdl(folder, ...args, '--json', ...more)).stdout);
  const [plain, packed] = [await bytes(), await bytes('--weights-dtype', 'int4')];
  expect(plain.entries.map(({ entry }: { entry: string }) => entry)).toContain('encode_image');
  expect(packed.weights).toBeLessThan(plain.weights / 2);
  const own = plain.entries.map(({ caches, scratch, ports }: Record<string, number>) => caches! + scratch! + ports!);
  expect(plain.peak).toBe(plain.weights + plain.constants + own.reduce((sum: number, one: number) => sum + one, 0));
  const { stdout } = await mdl(folder, ...args, '--entry', 'decode', '--at', 'P=100');
  expect(stdout).toMatch(/^decode +B = 1, P = 100, T = 1 /m);
  expect(stdout).toMatch(/^largest +[\d.]+ .B: /m);
});

describe('--memory --target onnx', () => {
  const sessions = async (...args: string[]) => {
    const { code, stdout, stderr } = await mdl(
      folder,
      ...[
        'explain-plan',
        TINYGPTV,
        '--config',
        'nano',
        '--memory',
        '--target',
        'onnx',
        '--json',
        '--at',
        'P=9',
        ...args,
      ],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };

  it('counts f32, codes with f32 scales, and an f32 copy where products do not read codes', async () => {
    const of = ({ entries }: Awaited<ReturnType<typeof sessions>>) =>
      entries.find(({ entry }: { entry: string }) => entry === 'decode');
    const [plain, codes, copied] = [
      of(await sessions()),
      of(await sessions('--weights-dtype', 'int8', '--contrib-ops')),
      of(await sessions('--weights-dtype', 'int8')),
    ];
    // keys and values [B, heads, P + T, head_dim] of 4 layers, what goes in and what comes out, twice
    expect(plain.caches).toBe(2 * 4 * 2 * 4 * (4 * 9 * 32 + 4 * 10 * 32));
    // a code, and 8 bytes of scales for 128 of them
    expect(codes.weights).toBeGreaterThan((plain.weights / 4) * (1 + 8 / 128));
    expect(codes.weights).toBeLessThan(0.3 * plain.weights);
    // lm_head [512, 128]
    expect(copied.weights).toBeGreaterThan((plain.weights / 4) * (1 + 4 / 128) + 4 * 512 * 128);
  });

  it.each([
    [['--target', 'onnx'], /C0208.*--target onnx.*--memory/],
    [['--memory', '--contrib-ops'], /C0208.*--contrib-ops.*--target onnx/],
    [['--memory', '--target', 'onnx', '--weights-dtype', 'f16'], /C0208.*f16.*--target webgpu/],
    [['--memory', '--target', 'onnx', '--at', 'Q=3'], /C0103.*--at/],
  ])('%j is refused', async (args, says) => {
    const { code, stderr } = await mdl(folder, 'explain-plan', TINYGPTV, '--config', 'nano', ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });
});
