/** A stage with its own image size: the model grows, tables of positions are resampled, everything else is carried over. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import compile from '../../src/compiler/cli/commands/compile.ts';
import evaluate from '../../src/compiler/cli/commands/evaluate.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { fileSource, SafetensorsFile } from '../../src/runtime/index.ts';
import { folderWith } from '../support/folder.ts';
import { DEFAULTS, microFolder, recorder } from './support.ts';

/** Positions of a grid are averaged into every row, so that the batch does not depend on the size. */
const SIZED = `import { Linear, LoRA } from "std"

flag lora = true

config micro { d = 8, classes = 5, vit { image_size = 4, patch = 2 } }

model Micro {
  let grid = vit.image_size / vit.patch
  param frozen: [1, 1 + grid * grid, d] = normal(0.5) resample bicubic_grid(prefix = 1)
  param positions: [1, 1 + grid * grid, d] = normal(0.5) resample bicubic_grid(prefix = 1)
  first = Linear(d, d)
  head = Linear(d, classes)

  entry loss(x: [B, d], labels: int[B]) -> (loss: []) {
    let h = first(x) + mean(frozen * positions * positions, axes = [1])
    cross_entropy(head(h), labels)
  }
}

recipe "vision-language" { image_size = vit.image_size }
adapt first with LoRA(r = 2, alpha = 4) when lora

stage small { train head, positions  set lora = false  schedule constant(lr = 1e-2, iters = 6) }
stage large { train head, **.lora_*  schedule constant(lr = 1e-2, iters = 6)  image_size 8 }
stage again { train positions  schedule constant(lr = 1e-2, iters = 6)  image_size 8 }
stage uneven { train head  schedule constant(lr = 1e-2, iters = 6)  image_size 7 }
`;
/** Here a weight depends on the size as well. */
const FLAT = SIZED.replace('first = Linear(d, d)', 'first = Linear(d, d)\n  flat = Linear(grid * grid, d)');

const { folder, file, batch } = microFolder(undefined, SIZED);

const out = (name: string): string => join(folder, name);
const options = (more: Partial<TrainingOptions>): TrainingOptions => ({
  ...DEFAULTS,
  batch,
  init: 3,
  checkpointEvery: 2,
  keep: 100,
  ...more,
});
const tensors = async (path: string): Promise<SafetensorsFile> => SafetensorsFile.open(await fileSource(path));

describe('a run whose second stage has larger images', () => {
  test('resamples the tables, also those that a seed made and those that trained, and records the size', async () => {
    await trainCommand(recorder(), [file], options({ stages: 'small,large,again', out: out('whole') }));
    const small = await tensors(out('whole/checkpoints/00000-00000006-small.safetensors'));
    const large = await tensors(out('whole/checkpoints/00001-00000002-large.safetensors'));
    const final = await tensors(out('whole/model.safetensors'));
    expect(small.tensors.get('parameter.positions')!.shape).toEqual([1, 5, 8]);
    expect(large.tensors.get('earlier.positions')!.shape).toEqual([1, 17, 8]);
    expect(final.tensors.get('frozen')!.shape).toEqual([1, 17, 8]);
    expect(final.metadata.get('mdl.image_size')).toBe('8');
    expect(final.metadata.get('mdl.layout')).toBe('own');
    // the class token's row is kept; the grid's mean hardly moves, as it would if the table were new
    const [before, after] = [await small.read('parameter.positions'), await large.read('earlier.positions')];
    expect(after.data.slice(0, 8)).toEqual(before.data.slice(0, 8));
    const mean = (data: ArrayLike<number>): number[] =>
      Array.from({ length: 8 }, (_, d) => {
        const column = Array.from(data).filter((_x, at) => at >= 8 && at % 8 === d);
        return column.reduce((sum, x) => sum + x, 0) / column.length;
      });
    const [was, is] = [mean(before.data as Float32Array), mean(after.data as Float32Array)];
    for (const [d, value] of is.entries()) expect(value).toBeCloseTo(was[d]!, 5);
    for (const each of [small, large, final]) await each.close();
  });

  test('goes on from any of its checkpoints to the same bytes', async () => {
    const whole = readFileSync(out('whole/model.safetensors'));
    const names = readdirSync(out('whole/checkpoints')).sort();
    expect(names).toHaveLength(9);
    for (const left of [8, 6, 5, 4, 3, 1]) {
      for (const name of readdirSync(out('whole/checkpoints')).filter((each) => names.indexOf(each) >= left))
        rmSync(join(out('whole/checkpoints'), name));
      await trainCommand(recorder(), [file], options({ stages: 'small,large,again', out: out('whole'), resume: true }));
      expect(readFileSync(out('whole/model.safetensors')).equals(whole), `from ${names[left - 1]}`).toBe(true);
    }
  });

  test('takes a checkpoint of the config’s own size', async () => {
    const save = out('saved.safetensors');
    await trainCommand(recorder(), [file], options({ stages: 'small', out: out('own') }));
    const weights = out('own/model.safetensors');
    await trainCommand(recorder(), [file], { ...DEFAULTS, batch, weights, stages: 'again', set: ['lora=false'], save });
    const saved = await tensors(save);
    expect(saved.tensors.get('positions')!.shape).toEqual([1, 17, 8]);
    expect(saved.metadata.get('mdl.image_size')).toBe('8');
    expect(saved.metadata.get('mdl.layout')).toBe('own');
    await saved.close();
  });

  test.each(['onnx', 'webgpu'] as const)('is compiled at its size for %s', async (target) => {
    const output = recorder();
    const weights = out('whole/model.safetensors');
    const into = out(`compiled-${target}`);
    await compile(output, [file], { weights, target, out: into, opset: '17', entry: ['loss'] });
    expect(output.notes[0]).toContain('image_size 8, as ');
    const written = readFileSync(join(into, target === 'onnx' ? 'manifest.json' : 'plan.json'), 'utf8');
    expect(JSON.parse(written)).toMatchObject({ model: { config: { vit: { image_size: 8 } } } });
  });

  test('is compiled at the size of a stage that is named', async () => {
    const output = recorder();
    const [weights, into] = [out('whole/model.safetensors'), out('compiled-small')];
    const stage = 'small';
    await compile(output, [file], { weights, target: 'webgpu', stage, out: into, opset: '17', entry: [] });
    expect(output.notes.filter((note) => note.startsWith('image_size'))).toEqual([]);
    const plan = JSON.parse(readFileSync(join(into, 'plan.json'), 'utf8'));
    expect(plan.model.config.vit.image_size).toBe(4);
  });

  test('--set has the last word', async () => {
    const set = ['vit.image_size=4'];
    await trainCommand(recorder(), [file], options({ stages: 'large', out: out('set'), set }));
    const model = await tensors(out('set/model.safetensors'));
    expect(model.tensors.get('positions')!.shape).toEqual([1, 5, 8]);
    expect(model.metadata.has('mdl.image_size')).toBe(false);
    await model.close();
  });
});

describe('mistakes', () => {
  test('a size that the model cannot have shows before the first stage trains', async () => {
    const output = recorder();
    await expect(trainCommand(output, [file], options({ stages: 'small,uneven' }))).rejects.toThrow(/float/);
    // the first says which tensors nothing loads
    expect(output.notes.slice(1)).toEqual(['the stage uneven at its image_size 7:']);
  });

  test('a weight that depends on the size cannot be carried over', async () => {
    const flat = microFolder(undefined, FLAT);
    await expect(trainCommand(recorder(), [flat.file], options({ stages: 'large' }))).rejects.toThrow(
      'the stage large cannot be trained: image_size 8 makes flat.weight [8, 16] of [8, 4], and only parameters',
    );
  });

  test('a file whose recipe does not say which config value the size is has none to set', async () => {
    const none = microFolder(undefined, SIZED.replace('image_size = vit.image_size', ''));
    await expect(trainCommand(recorder(), [none.file], options({ stages: 'large' }))).rejects.toThrow(
      "it gives image_size, and the model's recipe does not read image_size from a config value",
    );
  });
});

test('nano at 112 in stage 4: its weights are evaluated at 112', async () => {
  const run = folderWith();
  const common = { config: 'nano', weights: 'models/nano-pretrained.safetensors', data: 'emoji', steps: 1 };
  const model = 'models/tinygpt-v.mdl';
  const { seed, checkpointEvery, keep, backend, opset } = DEFAULTS;
  await trainCommand(recorder(), [model], {
    ...{ seed, checkpointEvery, keep, backend, opset },
    ...common,
    set: ['training.image_size=112'],
    batchSize: 2,
    stages: '3-4',
    out: run,
  });
  const output = recorder();
  const weights = join(run, 'model.safetensors');
  const asked = { data: 'emoji', stage: '4', count: 1, seed: 0, maxNewTokens: 2, show: 0 };
  await evaluate(output, [model], { ...common, weights, backend, opset, ...asked });
  expect(output.notes[0]).toContain('image_size 112, ');
  expect(output.results).toHaveLength(1);
  const stored = await tensors(weights);
  expect(stored.tensors.get('visual_encoder.pos_embed')!.shape).toEqual([1, 65, 64]);
  await stored.close();
}, 60_000);
