/** `mdl ablate` by held-out rows and over initial weights: `--val-split`, `--metric`, `--vary-init`, from the command line and from code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import ablateCommand, { type AblateCommandOptions } from '../../src/compiler/cli/commands/ablate.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import type { CellSummary } from '../../src/compiler/workbench/ablation/summary.ts';
import {
  ablateStages,
  flagVariants,
  modelFile,
  recipeData,
  seededWeights,
  summariseAblation,
} from '../../src/compiler/workbench/library.ts';
import type { CellRecord } from '../../src/runtime/train/cell.ts';
import { DEFAULTS, microFolder, recorder } from '../training/support.ts';

const SOURCE = `import { accuracy, Linear } from "std"

flag hidden_layer = true

model Tiny {
  hidden = Linear(4, 8) when hidden_layer
  head   = Linear(8 when hidden_layer else 4, 2)

  entry loss(x: [B, 4], labels: int[B]) -> (loss: [], accuracy: []) {
    let logits = head(relu(hidden(x)) when hidden_layer else x)
    (cross_entropy(logits, labels), accuracy(logits, labels))
  }
}

stage fit {
  train **
  optimize adamw(weight_decay = 0.0)
  schedule linear_warmup_cosine(warmup_lr = 0.01, lr = 0.05, min_lr = 0.01, warmup = 1, iters = 8, epochs = 1)
  batch 4
}
`;

const { folder, file } = microFolder(undefined, SOURCE);
const data = join(folder, 'rows.mjs');
writeFileSync(
  data,
  `const values = (i) => Float32Array.from({ length: 4 }, (_, c) => Math.sin(i * 7 + c * 3));
export default {
  name: 'rows',
  rows: 24,
  row: (i) => ({
    x: { dtype: 'f32', shape: [4], data: values(i) },
    labels: { dtype: 'i64', shape: [], data: BigInt64Array.of(values(i)[0] * values(i)[1] > 0 ? 1n : 0n) },
  }),
};
`,
);

const optionsOf = (out: string, more: Partial<AblateCommandOptions> = {}): AblateCommandOptions => ({
  seed: 0,
  backend: DEFAULTS.backend,
  opset: DEFAULTS.opset,
  flags: 'hidden_layer',
  seeds: 2,
  steps: 4,
  last: 2,
  init: 3,
  data,
  out: join(folder, out),
  ...more,
});
const judged = { valSplit: 0.25, valEvery: 2 };

interface Result {
  readonly summary: readonly CellSummary[];
  readonly metric?: unknown;
}

async function ablate(out: string, more: Partial<AblateCommandOptions> = {}): Promise<Result> {
  const output = recorder();
  await ablateCommand(output, [file], optionsOf(out, more));
  return output.results[0] as Result;
}

const cellsOf = (out: string): readonly CellRecord[] =>
  (JSON.parse(readFileSync(join(folder, out, 'report.json'), 'utf8')) as { cells: CellRecord[] }).cells;

it('compares by what mdl train measures at the same rows', async () => {
  const { summary, metric } = await ablate('accuracy', { ...judged, metric: 'accuracy:max' });
  expect(metric).toEqual({ name: 'accuracy', best: 'max' });
  const cells = cellsOf('accuracy');
  expect(cells.map(({ looks }) => looks?.map(({ step }) => step))).toEqual(Array(4).fill([2, 4]));
  for (const { variant, seed, looks } of cells) {
    const log = join(folder, `${variant}-${seed}.jsonl`);
    const set = variant === 'full' ? [] : ['hidden_layer=false'];
    await trainCommand(recorder(), [file], { ...DEFAULTS, ...judged, data, init: 3, steps: 4, seed, set, log });
    const records = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = records
      .filter((record) => 'validation' in record)
      .map(({ step, validation }) => ({ step, validation }));
    expect(looks).toEqual(told);
  }
  const last = (variant: string): number[] =>
    cells.filter((cell) => cell.variant === variant).map(({ looks }) => looks!.at(-1)!.validation.accuracy!);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [full, without] = summary as readonly [CellSummary, CellSummary];
  expect(full.metric?.mean).toBeCloseTo(mean(last('full')), 12);
  expect(full.metric_difference).toBeNull();
  expect(without.metric_difference?.mean).toBeCloseTo(mean(last('no-hidden_layer')) - mean(last('full')), 12);
  expect(Object.keys(full.validation!)).toEqual(['loss', 'accuracy']);
});

it('reports both, with the way in which the measure is good', async () => {
  await ablate('report', { ...judged, seeds: 1 });
  const text = readFileSync(join(folder, 'report/report.md'), 'utf8');
  expect(text.match(/^## .*$/gm)!.slice(0, 4)).toEqual([
    '## Held-out loss',
    '## Difference in held-out loss from the full model',
    '## Final loss in training',
    '## Difference from the full model',
  ]);
  expect(text).toContain('Above 0: the variant is worse.');
  expect(readFileSync(join(folder, 'report/report.html'), 'utf8')).toContain('fit: held-out loss');
  await ablate('largest', { ...judged, seeds: 1, metric: 'accuracy:max' });
  expect(readFileSync(join(folder, 'largest/report.md'), 'utf8')).toContain('Below 0: the variant is worse.');
});

it('goes on from what is finished, and not as another comparison: C0302', async () => {
  const before = await ablate('again', { ...judged, seeds: 1 });
  expect((await ablate('again', { ...judged, seeds: 1, resume: true })).summary).toEqual(before.summary);
  const other = ablate('again', { ...judged, seeds: 1, resume: true, metric: 'accuracy:max' });
  await expect(other).rejects.toMatchObject({ code: 'C0302' });
});

it('a measure without a direction is C0421, one that the loss has not is R1194', async () => {
  const unclear = ablate('unclear', { ...judged, metric: 'accuracy' });
  await expect(unclear).rejects.toMatchObject({ code: 'C0421', message: expect.stringContaining('--metric accuracy') });
  await expect(ablate('unknown', { ...judged, metric: 'recall:max' })).rejects.toMatchObject({ code: 'R1194' });
});

it('--vary-init: a seed has weights of its own, and all variants of it the same', async () => {
  const batches = join(folder, 'same.mjs');
  writeFileSync(batches, `import rows from './rows.mjs';\nexport default { ...rows, rows: 1 };\n`);
  const losses = async (out: string, more: Partial<AblateCommandOptions>): Promise<readonly (readonly number[])[]> => {
    await ablate(out, { data: batches, ...more });
    return cellsOf(out).map(({ loss }) => loss);
  };
  // one row: whatever the seed, all batches are the same
  const [full0, no0, full1, no1] = await losses('fixed', {});
  expect([full1, no1]).toEqual([full0, no0]);
  const varied = await losses('varied', { varyInit: true });
  expect(varied.slice(0, 2)).toEqual([full0, no0]);
  expect(varied[2]).not.toEqual(full0);
  expect(varied.slice(2)).toEqual(await losses('next', { seeds: 1, init: 4 }));
  expect(readFileSync(join(folder, 'varied/report.md'), 'utf8')).toContain('(random, seeds 3, 4)');
});

it('says the same from code', async () => {
  const { summary } = await ablate('line', { ...judged, metric: 'accuracy:max', varyInit: true });
  const variants = flagVariants({
    ...modelFile(file),
    flags: ['hidden_layer'],
    weights: (model, seed) => seededWeights(model, 3 + seed),
    data: (seed) => recipeData(file, { data, valSplit: 0.25, seed }),
    heldOut: recipeData(file, { data, valSplit: 0.25, split: 'held-out' }),
    backend: 'onnx',
  });
  const metric = { name: 'accuracy', best: 'max' } as const;
  const layout = { variants, seeds: [0, 1], stages: ['fit'], last: 2, metric };
  const { records } = await ablateStages(variants, { ...layout, steps: 4, judge: { metric, every: 2 } });
  expect(summariseAblation(records, layout)).toEqual(summary);
});
