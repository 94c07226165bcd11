/** `mdl summary --stage`: what trains, and the bytes that the backward part keeps, with and without recomputation. */
import { describe, expect, it } from 'vitest';
import { readJson } from '../support/reference.ts';
import { MICRO } from '../training/support.ts';
import { folderWith, mdl, TINYGPTV } from './support.ts';

interface Saved {
  readonly values: number;
  readonly bytes: number;
}
interface StageSummary {
  readonly stage: string;
  readonly flags: Readonly<Record<string, boolean>>;
  readonly tensors: number;
  readonly parameters: number;
  readonly dims: Readonly<Record<string, number>>;
  readonly saved: Saved;
  readonly saved_with_recompute: Saved;
  readonly components: readonly {
    readonly name: string;
    readonly parameters: number;
    readonly backward_nodes: number;
    readonly saved: Saved;
    readonly saved_with_recompute: Saved;
  }[];
}

const folder = folderWith({ 'micro.mdl': MICRO });
const summary = async (file: string, ...args: string[]): Promise<StageSummary> =>
  JSON.parse((await mdl(folder, '--json', 'summary', file, ...args)).stdout) as StageSummary;

describe('the full config', () => {
  const released = readJson<{
    readonly trainable_counts: Record<string, { readonly total: number; readonly tensors: number }>;
  }>('tinygptv-full-keys.json');

  it.each(['stage1', 'stage2'])(
    '%s: what trains is what the release trains; frozen branches keep nothing',
    async (stage) => {
      const found = await summary(TINYGPTV, '--config', 'full', '--stage', stage, '--dims', 'B=4,T=100');
      const { tensors, total } = released.trainable_counts[stage]!;
      expect(found).toMatchObject({ stage, tensors, parameters: total, dims: { B: 4, N: 4, T: 100 } });
      expect(found.flags.lora).toBe(stage !== 'stage1');
      expect(found.components.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(total);
      const of = (name: string) => found.components.find((component) => component.name === name)!;
      for (const name of ['visual_encoder', 'ln_vision', 'query_tokens']) {
        expect(of(name)).toMatchObject({ parameters: 0, backward_nodes: 0, saved: { values: 0, bytes: 0 } });
      }
      // its output alone, f32 [4, 32, 768], which the gradient of llama_proj reads
      expect(of('Qformer')).toMatchObject({
        parameters: 0,
        backward_nodes: 0,
        saved: { values: 1, bytes: 4 * 4 * 32 * 768 },
      });
      expect(of('llama_model').backward_nodes).toBeGreaterThan(1000);
      expect(found.saved.bytes / found.saved_with_recompute.bytes).toBeGreaterThan(3);
      // the input of each layer and the output of the last, f32 [4, 100, 2560]
      expect(of('llama_model').saved_with_recompute.bytes).toBeGreaterThanOrEqual(32 * 4 * 4 * 100 * 2560);
      expect(of('llama_model').saved_with_recompute.bytes).toBeLessThan(40 * 4 * 4 * 100 * 2560);
    },
  );
});

describe('sizes', () => {
  it("take the stage's batch, and grow with the rows", async () => {
    const nano = (...args: string[]) => summary(TINYGPTV, '--config', 'nano', '--stage', 'stage2', ...args);
    const usual = await nano();
    expect(usual.dims).toEqual({ B: 16, N: 16, T: 64 });
    expect(await nano('--dims', 'B=16, T=64')).toEqual(usual);
    const twice = await nano('--dims', 'B=32');
    expect(twice.dims).toEqual({ B: 32, N: 32, T: 64 });
    expect(twice.saved.values).toBe(usual.saved.values);
    expect(twice.saved.bytes / usual.saved.bytes).toBeGreaterThan(1.95);
    expect((await nano('--dims', 'N=3')).dims).toEqual({ B: 16, N: 3, T: 64 });
  });

  it('count what is saved of a model of one linear layer', async () => {
    // head trains alone: its operand f32 [B, 8]; the cross entropy keeps logits f32 [B, 5]
    const { components, saved } = await summary('micro.mdl', '--stage', 'one', '--dims', 'B=6');
    const head = components.find(({ name }) => name === 'head')!;
    expect(head).toMatchObject({ parameters: 8 * 5 + 5, saved: { values: 1, bytes: 4 * 6 * 5 } });
    expect(components.find(({ name }) => name === 'first')).toMatchObject({ parameters: 0, backward_nodes: 0 });
    expect(saved.bytes).toBeGreaterThanOrEqual(4 * 6 * (8 + 5));
  });
});

it('the text says the same', async () => {
  const { code, stdout, stderr } = await mdl(folder, 'summary', TINYGPTV, '--config', 'nano', '--stage', 'stage1');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^stage1 \(without lora\) trains 20,064 parameters in 21 tensors\n/);
  expect(stdout).toContain('saved for the backward part at B = 16, N = 16, T = 64:');
  expect(stdout).toMatch(/\n {2}visual_encoder +0 +0 +0 +0 B +0 +0 B\n/);
  expect(stdout).toMatch(/\n {2}total +20,064 +\d+ +\d+ +[\d.]+ MB +\d+ +[\d.]+ MB\n/);
  expect(stdout).toMatch(/recomputing the layers keeps \d\.\d× less\n/);
  expect(stdout).toContain('frozen, with no backward node: query_tokens, visual_encoder, ln_vision, Qformer\n');
});

it('lists what decays and what does not', async () => {
  const text = MICRO.replace('  train head\n', '  train head, layers\n  no_decay layers[1]\n');
  const place = folderWith({ 'decay.mdl': text });
  const { stdout } = await mdl(place, '--json', 'summary', 'decay.mdl', '--stage', 'one');
  expect(JSON.parse(stdout)).toMatchObject({
    decay: {
      weight_decay: 0.05,
      decays: ['head.weight', 'layers.0.fc.weight'],
      no_decay: [
        'head.bias',
        'layers.0.norm.weight',
        'layers.0.norm.bias',
        'layers.0.fc.bias',
        'layers.1.norm.weight',
        'layers.1.norm.bias',
        'layers.1.fc.weight',
        'layers.1.fc.bias',
      ],
    },
  });
  const shown = await mdl(place, 'summary', 'decay.mdl', '--stage', 'one');
  expect(shown.stdout).toContain('\nweight decay 0.05: 2 tensors\n  head.weight\n  layers[*].fc.weight\n');
  expect(shown.stdout).toContain('\nno weight decay: 8 tensors\n  head.bias\n  layers[*].norm.weight (2)\n');
});

it.each([
  [['--dims', 'B=4'], 1, /^error\[C0208\]: --dims has no meaning without --stage: /],
  [['--stage', 'tow'], 1, /^error\[C0201\]: the model has no stage tow, did you mean two; it has one, two, nothing\n/],
  [
    ['--stage', 'nothing'],
    1,
    /^error\[C0202\]: the stage nothing cannot be trained: nothing that should train is used/,
  ],
  [
    ['--stage', 'one', '--dims', 'B=4,X=2'],
    1,
    /^error\[C0103\]: --dims is "X=2", and NAME=SIZE, where the names are B, was expected\n/,
  ],
  [['--stage', 'one', '--dims', 'B=many'], 1, /^error\[C0103\]: --dims is "B=many", and NAME=SIZE/],
])('%j', async (args, code, says) => {
  const ran = await mdl(folder, 'summary', 'micro.mdl', ...args);
  expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
});
