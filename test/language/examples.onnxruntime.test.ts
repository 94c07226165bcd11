/** examples/*.mdl: each compiles at each config, and ONNX Runtime computes what the float64 interpreter does. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { sizeOf } from '../../src/shared/tensor.ts';
import { disagreement, OPSETS } from '../backends/onnx/support.ts';
import { compileOk, repository } from '../support/project.ts';
import { feedsOf } from './feeds.ts';
import { distance, ints, numbers, run, weightsOf } from './support.ts';

interface Example {
  readonly small: string;
  readonly flag: string;
  /** parameters of the configs, counted by hand */
  readonly counts: Readonly<Record<string, number>>;
  /** of int inputs of the loss, where they hold something of their own */
  readonly lossFills?: Parameters<typeof feedsOf>[2];
}

const block = (d: number) => 4 * (d * d + d) + (8 * d * d + 5 * d) + 4 * d;
/** weight, bias, running mean and variance, and how many batches were seen */
const norm = (c: number) => 4 * c + 1;
/** two convolutions of 3 × 3 with their norms, and 1 × 1 beside them where channels change */
const pair = (a: number, b: number) => 9 * a * b + 9 * b * b + 2 * norm(b) + (a === b ? 0 : a * b);
const EXAMPLES: Readonly<Record<string, Example>> = {
  'mlp.mdl': {
    small: 'small',
    flag: 'normalise',
    counts: { mnist: 785 * 256 + 257 * 256 + 4 * 256 + 257 * 10, small: 17 * 8 + 9 * 8 + 4 * 8 + 9 * 3 },
  },
  'gpt.mdl': {
    small: 'tiny',
    flag: 'tie_embeddings',
    counts: { small: (8192 + 256) * 384 + 6 * block(384) + 2 * 384, tiny: (64 + 32) * 32 + 2 * block(32) + 2 * 32 },
  },
  // 22 050 664 is what torchvision and timm count for ViT-S/16
  'vit.mdl': { small: 'tiny', flag: 'mean_pool', counts: { vit_s16: 22_050_664 } },
  'llava.mdl': {
    small: 'bytes',
    flag: 'deep_projection',
    counts: {
      // patches, their positions, the norm; the projection's two layers; the table of tokens
      bytes: 192 * 64 + 64 + 16 * 64 + 2 * 64 + 2 * 65 * 64 + 256 * 64 + 2 * 64 + 4 * block(64),
    },
    // places of patches among the text
    lossFills: { input_ids: (column, index) => (column === 1 || column === 2 ? -1 : index % 11) },
  },
  'encoder-decoder.mdl': {
    small: 'tiny',
    flag: 'tie_embeddings',
    counts: {
      // tables, both stacks and their norms; a decoder's layer has a second attention and a third norm
      tiny: (64 + 32) * 32 + 2 * block(32) + 2 * (block(32) + 4 * (32 * 32 + 32) + 2 * 32) + 4 * 32,
    },
    lossFills: { labels: (column, index) => (column === 3 ? -100 : (index * 5) % 11) },
  },
  'resnet.mdl': {
    small: 'tiny',
    flag: 'residual',
    counts: {
      cifar:
        27 * 16 + norm(16) + 3 * pair(16, 16) + pair(16, 32) + 2 * pair(32, 32) + pair(32, 64) + 2 * pair(64, 64) + 650,
    },
  },
};

const open = (file: string, options: ModelOptions) => compileOk(`examples/${file}`, repository, options);

it('has a case for every example', () => {
  const files = readdirSync(fileURLToPath(new URL('../../examples', import.meta.url))).filter((name) =>
    name.endsWith('.mdl'),
  );
  expect(files.sort()).toEqual(Object.keys(EXAMPLES).sort());
});

describe.each(Object.entries(EXAMPLES))('%s', (file, { small, flag, counts, lossFills = {} }) => {
  it.each(Object.entries(counts))('has the parameters of %s', (config, count) => {
    const shapes = [...open(file, { config }).parameters.values()].map(({ shape }) => sizeOf(shape));
    expect(shapes.reduce((sum, size) => sum + size, 0)).toBe(count);
  });

  it.each([true, false])(`equals ONNX Runtime with ${flag} = %s`, async (on) => {
    const model = open(file, { config: small, values: { [flag]: on } });
    const parameters = weightsOf(model);
    for (const entry of model.entries) {
      const traced = model.entry(entry)!;
      const graph = runPipeline(traced.graph);
      verifyGraph(graph);
      const feeds = feedsOf(graph, { B: 2, N: 2, S: 4, T: 5, P: 3 }, entry === 'loss' ? lossFills : {});
      for (const opset of OPSETS) expect(await disagreement(graph, feeds, { opset, parameters })).toBeUndefined();
    }
  });
});

it('gpt.mdl decodes step by step what it computes at once', () => {
  const model = open('gpt.mdl', { config: 'tiny' });
  const weights = weightsOf(model);
  const ids = [5, 9, 1, 40, 7];
  const whole = run(
    model,
    { input_ids: ints([1, 5], ids), attention_mask: ints([1, 5], [1, 1, 1, 1, 1]), labels: ints([1, 5], ids) },
    { entry: 'loss', weights },
  ).logits!;
  const { cache, graph } = model.entry('decode')!;
  expect(cache.map(({ past }) => past)).toEqual([
    'past_key_values.0.key',
    'past_key_values.0.value',
    'past_key_values.1.key',
    'past_key_values.1.value',
  ]);
  let state = feedsOf(graph, { B: 1, T: 1, P: 0 });
  ids.forEach((id, step) => {
    const { inputs_embeds } = run(model, { input_ids: ints([1, 1], [id]) }, { entry: 'embed_tokens', weights });
    const mask = ints([1, step + 1], new Array<number>(step + 1).fill(1));
    const out = run(
      model,
      { ...state, inputs_embeds: inputs_embeds!, attention_mask: mask, position_ids: ints([1, 1], [step]) },
      { entry: 'decode', weights },
    );
    const expected = { ...whole, shape: [1, 1, 64], data: whole.data.slice(step * 64, (step + 1) * 64) };
    expect(distance(out.logits, expected)).toBeLessThan(1e-12);
    state = { ...state, ...Object.fromEntries(cache.map(({ past, present }) => [past, out[present]!])) };
  });
});

it('mlp.mdl gives probabilities', () => {
  const model = open('mlp.mdl', { config: 'small' });
  const { probabilities } = run(model, feedsOf(model.entry('classify')!.graph, { B: 4 }), {
    entry: 'classify',
    weights: weightsOf(model),
  });
  for (let row = 0; row < 4; row++) {
    expect(
      numbers(probabilities)
        .slice(row * 3, row * 3 + 3)
        .reduce((a, b) => a + b),
    ).toBeCloseTo(1, 12);
  }
});
