/** An ablation from code: `ablateStages` and `flagVariants` do what `mdl ablate` does, and what a variant cannot do is a finding. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import ablateCommand from '../../src/compiler/cli/commands/ablate.ts';
import { flagVariants as variantsInPage } from '../../src/compiler/workbench/library.browser.ts';
import {
  ablateStages,
  type Cell,
  type CellKeeper,
  type CellRecord,
  flagVariants,
  modelFile,
  seededWeights,
  summariseAblation,
  type VariantsRequest,
} from '../../src/compiler/workbench/library.ts';
import { SILENT } from '../../src/compiler/workbench/notes.ts';
import { NODE } from '../../src/compiler/workbench/session.ts';
import { openBatches } from '../../src/compiler/workbench/training/data.ts';
import { RuntimeError } from '../../src/runtime/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { DEFAULTS, MICRO, microFolder, recorder } from './support.ts';

/** With a flag whose absence makes NaN, and one whose absence does not compile. */
const BREAKABLE = MICRO.replace('flag lora = true', 'flag lora = true\nflag safe = true\nflag square = true')
  .replace('let h = first(x)', 'let h = first(x) when safe else sqrt(first(x) - 1000.0)')
  .replace('head = Linear(d, classes)', 'head = Linear(d when square else d + 1, classes)');

const { folder, file, batch } = microFolder(undefined, BREAKABLE);

const request = {
  ...modelFile(file),
  flags: ['lora'],
  weights: (model) => seededWeights(model, 0),
  data:
    (seed) =>
    ({ model, stage }) =>
      openBatches(file, model, stage, { batch, seed }, SILENT),
  backend: 'onnx',
} satisfies Partial<VariantsRequest>;
const STAGES = ['one', 'two'];

/** Without what differs from run to run. */
const timeless = (records: readonly CellRecord[]) => records.map(({ seconds: _, ...record }) => record);

test('the numbers of the command line, over two seeds', async () => {
  const output = recorder();
  const { seed, backend, opset } = DEFAULTS;
  const options = {
    seed,
    backend,
    opset,
    flags: 'lora',
    seeds: 2,
    stages: 'one,two',
    steps: 3,
    last: 2,
    init: 0,
    batch,
  };
  await ablateCommand(output, [file], { ...options, out: join(folder, 'run') });
  const variants = flagVariants(request);
  const steps: string[] = [];
  const { records, interrupted } = await ablateStages(variants, {
    stages: STAGES,
    seeds: [0, 1],
    steps: 3,
    onStep: ({ variant, stage }, done, of) => steps.push(`${variant} ${stage} ${done}/${of}`),
  });
  expect(interrupted).toBe(false);
  expect(records.map(({ variant, seed, stage, outcome }) => `${variant} ${seed} ${stage} ${outcome}`)).toHaveLength(8);
  expect(steps.slice(0, 4)).toEqual(['full one 1/3', 'full one 2/3', 'full one 3/3', 'full two 1/3']);
  const { summary } = output.results[0] as { readonly summary: object };
  expect(summariseAblation(records, { variants, seeds: [0, 1], stages: STAGES, last: 2 })).toEqual(summary);
});

test('a variant that breaks is a finding: what does not compile, what is not finite, what trains nothing', async () => {
  const variants = flagVariants({ ...request, flags: ['lora', 'safe', 'square'] });
  expect(variants.map(({ id, label, flag }) => [id, label, flag])).toEqual([
    ['full', 'full', undefined],
    ['no-lora', 'no lora', 'lora'],
    ['no-safe', 'no safe', 'safe'],
    ['no-square', 'no square', 'square'],
  ]);
  const { records } = await ablateStages(variants, { stages: STAGES, steps: 2 });
  const found = records.map(({ variant, stage, outcome }) => `${variant} ${stage} ${outcome}`);
  expect(found.filter((one) => one.startsWith('full'))).toEqual(['full one trained', 'full two trained']);
  expect(found).toContain('no-safe one non_finite');
  expect(found).toContain('no-square one failed');
  expect(found).not.toContain('no-square two failed');
  expect(records.find(({ variant }) => variant === 'no-square')!.detail).toMatch(/^E0\d+: /);
});

test('goes on from a keeper, and is stopped by a signal', async () => {
  const [cells, tensors] = [new Map<string, CellRecord>(), new Map<string, ReadonlyMap<string, HostTensor>>()];
  const name = ({ variant, seed, stage }: Cell): string => `${variant} ${seed} ${stage}`;
  const keeper: CellKeeper = {
    read: (cell) => cells.get(name(cell)),
    weights: async (cell) => tensors.get(name(cell))!,
    save: async (record, trained) => {
      cells.set(name(record), record);
      if (trained) tensors.set(name(record), trained);
    },
  };
  const options = { stages: STAGES, steps: 3 };
  const whole = await ablateStages(flagVariants(request), options);
  const stop = new AbortController();
  let done = 0;
  const first = await ablateStages(flagVariants(request), {
    ...options,
    keeper,
    signal: stop.signal,
    onStep: () => void (++done === 4 && stop.abort()),
  });
  expect(first.interrupted).toBe(true);
  expect(first.records.map(({ stage }) => stage)).toEqual(['one']);
  const kept: boolean[] = [];
  const rest = await ablateStages(flagVariants(request), {
    ...options,
    keeper,
    onFinished: (_, __, old) => void kept.push(old),
  });
  expect(kept).toEqual([true, false, false, false]);
  expect(timeless(rest.records)).toEqual(timeless(whole.records));
});

test('what is the same for every variant ends it, and a finding is what the caller says', async () => {
  const broken = [{ id: 'full', stage: () => Promise.reject(new RuntimeError('R0901', 'no data')) }];
  await expect(ablateStages(broken, { stages: ['one'] })).rejects.toThrow('no data');
  const { records } = await ablateStages(broken, { stages: ['one', 'two'], findingOf: () => 'mine' });
  expect(records).toMatchObject([{ stage: 'one', outcome: 'failed', detail: 'mine' }]);
  expect(() => flagVariants({ ...request, flags: ['lore'] })).toThrow(/lore/);
});

test('in a page: the same records', async () => {
  const options = { stages: ['one'], steps: 2 };
  const { records } = await ablateStages(variantsInPage({ ...request, host: NODE }), options);
  expect(timeless(records)).toEqual(timeless((await ablateStages(flagVariants(request), options)).records));
});
