/** `mdl ablate`: variants, summaries and reports of made-up results, and whole ablations of a micro model. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alignTable, watchTable } from '../../src/compiler/cli/ablation/table.ts';
import ablateCommand, { type AblateCommandOptions } from '../../src/compiler/cli/commands/ablate.ts';
import { type Cell, CellLog, type CellRecord, type Outcome } from '../../src/compiler/workbench/ablation/cell.ts';
import { openAblation } from '../../src/compiler/workbench/ablation/folder.ts';
import { modelText } from '../../src/compiler/workbench/ablation/model-text.ts';
import {
  lossTable,
  type Report,
  renderHtml,
  renderMarkdown,
  reportJson,
} from '../../src/compiler/workbench/ablation/report.ts';
import { runAblation } from '../../src/compiler/workbench/ablation/run.ts';
import {
  cellText,
  differenceText,
  finalLoss,
  meanCurve,
  spreadOf,
  summarise,
} from '../../src/compiler/workbench/ablation/summary.ts';
import { FULL, variantsOf } from '../../src/compiler/workbench/ablation/variants.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { stageList } from '../../src/compiler/workbench/training/stages.ts';
import { PAPER } from '../../src/recipes/vision-language/paper.ts';
import { DEFAULTS, MICRO, microFolder, type Recorded, recorder } from '../training/support.ts';
import { mdl, TINYGPTV } from './support.ts';

// ── made-up results ────────────────────────────────────────────────────────────────────────────
const FLAGS = new Map([
  ['lora', true],
  ['qk_norm', true],
  ['extra', false],
]);
const STAGES = ['stage1', 'stage2'];

function cell(
  variant: string,
  seed: number,
  stage: string,
  loss: readonly number[],
  outcome: Outcome = 'trained',
  events: CellRecord['events'] = [],
): CellRecord {
  const detail = outcome === 'trained' || outcome === 'nothing' ? null : 'the loss is not finite at step 3 of stage1';
  return {
    version: 1,
    variant,
    seed,
    stage,
    outcome,
    detail,
    loss,
    grad_norm: loss.map((x) => x * 2),
    smallest_norm: loss.map((x) => x / 1000),
    events,
    seconds: 1,
  };
}

const VANISHING = {
  step: 25,
  event: 'vanishing',
  detail: 'the gradient norm of layer <0> has been below 1e-7',
} as const;

/** full: both seeds; no lora: nothing to train in stage2; no qk_norm: NaN with seed 1, vanishing with seed 0. */
const RECORDS: readonly CellRecord[] = [
  cell('full', 0, 'stage1', [9, 2, 3]),
  cell('full', 0, 'stage2', [1, 1, 1]),
  cell('full', 1, 'stage1', [9, 3, 4]),
  cell('no-lora', 0, 'stage1', [9, 3, 3]),
  cell('no-lora', 0, 'stage2', [], 'nothing'),
  cell('no-lora', 1, 'stage1', [9, 5, 5]),
  cell('no-lora', 1, 'stage2', [], 'nothing'),
  cell('no-qk_norm', 0, 'stage1', [9, 4, 4], 'trained', [VANISHING]),
  cell('no-qk_norm', 0, 'stage2', [4, 4, 4]),
  cell('no-qk_norm', 1, 'stage1', [9, 9], 'non_finite'),
];

const report = (model = 'TinyGPTV', records = RECORDS): Report => ({
  model,
  config: 'nano',
  weights: 'base.safetensors',
  data: 'emoji',
  settings: { flags: '{"lora":true}', 'stage definitions': 'abc' },
  variants: variantsOf(FLAGS, 'lora,qk_norm'),
  seeds: [0, 1],
  stages: STAGES,
  last: 2,
  machine: '2 × Some CPU',
  date: '2026-01-02T03:04:05Z',
  ...(model === PAPER.model ? { published: PAPER } : {}),
  records,
});

describe('variants', () => {
  it('are the full model and one for each flag, turned', () => {
    expect(variantsOf(FLAGS, ' lora, extra,lora').map(({ id, label, set }) => ({ id, label, set }))).toEqual([
      { id: 'full', label: 'full', set: [] },
      { id: 'no-lora', label: 'no lora', set: ['lora=false'] },
      { id: 'with-extra', label: 'with extra', set: ['extra=true'] },
    ]);
  });
  it('need flags that the model has (C0301), and at least one (C0103)', () => {
    expect(() => variantsOf(FLAGS, 'qk_nrom')).toThrow(
      'the model has no flag qk_nrom, did you mean qk_norm; it has lora, qk_norm, extra',
    );
    expect(() => variantsOf(FLAGS, ', ')).toThrow('--flags is ", ", and a list of flags (a,b,c) was expected');
    expect(() => variantsOf(new Map(), 'a')).toThrow('the model has no flag a; it has none');
  });
});

describe('the summary', () => {
  const summary = summarise(RECORDS, report());
  const at = (variant: string, stage: string) =>
    summary.find((each) => each.variant === variant && each.stage === stage)!;

  it('averages the last steps, without those that were skipped', () => {
    expect(finalLoss({ loss: [8, 1, 3] }, 2)).toBe(2);
    expect(finalLoss({ loss: [8, Number.NaN, 3] }, 2)).toBe(3);
    expect(finalLoss({ loss: [8] }, 10)).toBe(8);
    expect(finalLoss({ loss: [] }, 10)).toBeUndefined();
  });
  it('gives mean and sample standard deviation over seeds', () => {
    expect(spreadOf([1, 2, 3])).toEqual({ mean: 2, spread: 1, count: 3 });
    expect(spreadOf([5])).toEqual({ mean: 5, spread: null, count: 1 });
    expect(spreadOf([])).toBeNull();
    expect(at('full', 'stage1').loss).toEqual({ mean: 3, spread: Math.SQRT1_2, count: 2 });
  });
  it('pairs variants with the full model by seed', () => {
    // seed 0: 3 − 2.5, seed 1: 5 − 3.5
    expect(at('no-lora', 'stage1').difference).toEqual({ mean: 1, spread: Math.SQRT1_2, count: 2 });
    expect(at('full', 'stage1').difference).toBeNull();
    expect(differenceText(at('no-lora', 'stage1'))).toBe('+1.000 ± 0.707');
    expect(differenceText(at('no-lora', 'stage2'))).toBe('–');
  });
  it('counts what went wrong, what has nothing to train and what is missing', () => {
    expect(at('no-qk_norm', 'stage1')).toMatchObject({ trained: 1, vanished: 1, non_finite: 1, pending: 0 });
    expect(at('no-qk_norm', 'stage2')).toMatchObject({ trained: 1, not_reached: 1, pending: 0 });
    expect(at('full', 'stage2')).toMatchObject({ trained: 1, pending: 1 });
    expect(at('no-lora', 'stage2')).toMatchObject({ nothing: 2, loss: null });
  });
  it('says so in words', () => {
    expect(cellText(at('full', 'stage1'))).toBe('3.000 ± 0.707');
    expect(cellText(at('full', 'stage2'))).toBe('1.000, 1/2 to run');
    expect(cellText(at('no-lora', 'stage2'))).toBe('–');
    expect(cellText(at('no-qk_norm', 'stage1'))).toBe('4.000, vanish 1/2, NaN 1/2');
    const [first] = summarise([], { ...report(), seeds: [0] });
    expect(cellText(first!)).toBe('…');
    const one = { ...report(), seeds: [1] };
    expect(cellText(summarise(RECORDS, one).find(({ variant }) => variant === 'no-qk_norm')!)).toBe('NaN');
    const failed = RECORDS.map((record) =>
      record.outcome === 'non_finite' ? { ...record, outcome: 'failed' as const } : record,
    );
    expect(cellText(summarise(failed, one).find(({ variant }) => variant === 'no-qk_norm')!)).toBe('failed');
  });
  it('averages curves over the seeds that have a step', () => {
    const curve = meanCurve([
      [1, 2, 3],
      [3, Number.NaN],
    ]);
    expect(curve).toEqual([
      [1, 2],
      [2, 2],
      [3, 3],
    ]);
  });
});

describe('the report', () => {
  it('has the paper beside each stage, and says that they cannot be compared', () => {
    expect(lossTable(report(), PAPER)).toEqual([
      ['variant', 'stage1', 'paper', 'stage2', 'paper'],
      ['full', '3.000 ± 0.707', '2.620', '1.000, 1/2 to run', '2.343'],
      ['no lora', '4.000 ± 1.414', '2.620', '–', '–'],
      ['no qk_norm', '4.000, vanish 1/2, NaN 1/2', 'vanish', '4.000', '–'],
    ]);
    const text = renderMarkdown(report());
    expect(text).toContain('| no lora | 4.000 ± 1.414 | 2.620 | – | – |');
    expect(text).toContain('values cannot be compared with it');
    expect(text).toContain('- no qk_norm, seed 0, stage1, step 25: vanishing: the gradient norm of layer <0>');
    expect(text).toContain('- no qk_norm, seed 1, stage1: stopped after 2 steps: the loss is not finite');
    expect(text).toContain('stage1 3, stage2 3; 10 of 12 cells');
    expect(text).not.toContain('stage definitions');
  });
  it('leaves the paper out for another model', () => {
    const text = renderMarkdown(report('Small'));
    expect(text).not.toContain('paper');
    const others = { ...report(), stages: ['stage1', 'stage9'], variants: [{ ...FULL, flag: 'other' }] };
    expect(lossTable(others, PAPER)[1]!.filter((_, i) => i === 2 || i === 4)).toEqual(['', '']);
  });
  it('is one HTML page that needs nothing else', () => {
    const html = renderHtml(report());
    expect(html.match(/<svg/g)).toHaveLength(6);
    expect(html).toContain('layer &lt;0&gt;');
    expect(html).not.toMatch(/<script|<link|src=|https?:|undefined|NaN,/);
    expect(renderHtml(report('Small', []))).toContain('nothing to draw');
    expect(renderMarkdown(report('Small', []))).toContain('None: no NaN');
  });
  it('is JSON for programs', () => {
    const parsed = JSON.parse(JSON.stringify(reportJson(report()))) as { summary: unknown[]; cells: unknown[] };
    expect(parsed).toMatchObject({ version: 1, model: 'TinyGPTV', last: 2, paper: { stages: expect.any(Array) } });
    expect(parsed.summary).toHaveLength(6);
    expect(parsed.cells).toHaveLength(10);
  });
});

describe('the progress', () => {
  const layout = report();
  const [full] = layout.variants;

  it('aligns columns', () => {
    expect(
      alignTable([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toEqual(['a     bb', 'ccc    d']);
  });
  it('is a line per cell where there is no terminal', async () => {
    const output = { ...recorder(), quiet: false };
    const watch = watchTable(layout, output, { write: () => {} });
    for (const record of [RECORDS[7]!, RECORDS[9]!, RECORDS[4]!]) await watch.finished(record, [record], false);
    await watch.finished(RECORDS[0]!, RECORDS.slice(0, 1), true);
    expect(output.notes).toEqual([
      '[1/12] no qk_norm, seed 0, stage1: loss 4.0000, a gradient vanishes, 1.0 s',
      '[1/12] no qk_norm, seed 1, stage1: non-finite: the loss is not finite at step 3 of stage1, 1.0 s',
      '[1/12] no lora, seed 0, stage2: nothing to train, 1.0 s',
      '[1/12] full, seed 0, stage1: loss 2.5000 (kept)',
    ]);
  });
  it('is a table that is drawn over itself on a terminal', async () => {
    const drawn: string[] = [];
    const output = { ...recorder(), quiet: false };
    const watch = watchTable(layout, output, { isTTY: true, write: (text) => drawn.push(text) });
    await watch.finished(RECORDS[0]!, RECORDS.slice(0, 1), false);
    await new Promise((resolve) => setTimeout(resolve, 250));
    watch.step(full!, 1, 'stage1', 7, 9);
    watch.step(full!, 1, 'stage1', 8, 9); // too soon
    expect(drawn).toHaveLength(2);
    expect(drawn[0]).toContain('2.500, 1/2 to run');
    expect(drawn[1]!.startsWith('\x1b[4A')).toBe(true);
    expect(drawn[1]).toContain('seed 1, 7/9');
    expect(output.notes).toEqual([]);
  });
  it('is silent when asked to be', async () => {
    const output = recorder();
    const watch = watchTable(layout, output, { isTTY: true, write: () => expect.unreachable() });
    watch.step(full!, 0, 'stage1', 1, 9);
    await watch.finished(RECORDS[0]!, RECORDS, false);
    expect(output.notes).toEqual([]);
  });
});

// ── whole ablations ────────────────────────────────────────────────────────────────────────────
/** MICRO with a flag whose absence makes NaN, and one whose absence does not compile. */
const BREAKABLE = MICRO.replace('flag lora = true', 'flag lora = true\nflag safe = true\nflag square = true')
  .replace('let h = first(x)', 'let h = first(x) when safe else sqrt(first(x) - 1000.0)')
  .replace('head = Linear(d, classes)', 'head = Linear(d when square else d + 1, classes)');

const { folder, file, batch } = microFolder(undefined, BREAKABLE);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const optionsOf = (out: string, more: Partial<AblateCommandOptions> = {}): AblateCommandOptions => ({
  seed: DEFAULTS.seed,
  backend: DEFAULTS.backend,
  opset: DEFAULTS.opset,
  flags: 'lora',
  seeds: 2,
  stages: 'one,two',
  steps: 3,
  last: 2,
  init: 0,
  batch,
  out: join(folder, out),
  ...more,
});

async function ablate(out: string, more: Partial<AblateCommandOptions> = {}): Promise<Recorded> {
  const output = recorder();
  await ablateCommand(output, [file], optionsOf(out, more));
  return output;
}

interface Result {
  readonly summary: readonly { variant: string; stage: string; loss: { mean: number } | null }[];
}
const resultOf = (output: Recorded): Result => output.results[0] as Result;
const lossOf = (output: Recorded, variant: string, stage: string): number | undefined =>
  resultOf(output).summary.find((each) => each.variant === variant && each.stage === stage)?.loss?.mean;
const reportFile = (out: string, name: string): string => readFileSync(join(folder, out, name), 'utf8');
const recordFile = (out: string, { variant, seed, stage }: Cell): string =>
  join(folder, out, 'cells', variant, `seed-${seed}`, `${stage}.json`);

describe('mdl ablate', () => {
  it('trains each variant through the stages, from the same weights', async () => {
    const output = await ablate('whole', { stages: 'one,nothing,two' });
    // stage one switches LoRA off by itself: the two variants are one model there
    expect(lossOf(output, 'no-lora', 'one')).toBe(lossOf(output, 'full', 'one'));
    expect(lossOf(output, 'no-lora', 'two')).not.toBe(lossOf(output, 'full', 'two'));
    expect(lossOf(output, 'full', 'nothing')).toBeUndefined();
    const parsed = JSON.parse(reportFile('whole', 'report.json')) as { cells: CellRecord[] };
    expect(parsed.cells).toHaveLength(12);
    expect(parsed.cells.filter(({ outcome }) => outcome === 'trained').every(({ loss }) => loss.length === 3)).toBe(
      true,
    );
    expect(reportFile('whole', 'report.md')).toMatch(/\| no lora \| \d\.\d{3} ± \d\.\d{3} \| – \| \d/);
    expect(reportFile('whole', 'report.html')).toContain('one: gradient norm');
    // what the last stage left is kept, what came before is not
    expect(existsSync(join(folder, 'whole/cells/full/seed-0/two.safetensors'))).toBe(true);
    expect(existsSync(join(folder, 'whole/cells/full/seed-0/one.safetensors'))).toBe(false);
  });

  it('trains all stages of the file, in order, where none are named', async () => {
    const { stages: _, ...unnamed } = optionsOf('all', { seeds: 1, steps: 1 });
    const output = recorder();
    await ablateCommand(output, [file], unnamed);
    expect(output.results[0]).toMatchObject({ stages: ['one', 'two', 'nothing'] });
  });

  it('keeps going when a variant becomes NaN or does not compile', async () => {
    const output = await ablate('broken', { flags: 'safe,square,lora', seeds: 1 });
    expect(lossOf(output, 'no-lora', 'two')).toBeGreaterThan(0);
    const text = reportFile('broken', 'report.md');
    expect(text).toMatch(/\| no safe \| NaN \| – \|/);
    expect(text).toMatch(/\| no square \| failed \| – \|/);
    expect(text).toMatch(/- no safe, seed 0, one: stopped after 0 steps: the loss is not finite at step 1 of one/);
    expect(text).toMatch(/- no square, seed 0, one: stopped after 0 steps: E\d{4}: /);
  });

  it('stops where it is told to, and a resumed run gives the same numbers', async () => {
    const given = optionsOf('stopped');
    const { model } = loadModel(file, given, recorder());
    const options = { ...given, checkpointEvery: 1, keep: 1 };
    const variants = variantsOf(model.settings.flags, 'lora');
    const plan = {
      file,
      text: modelText(model),
      variants,
      seeds: [0, 1],
      stages: stageList(model, 'one,two'),
      options,
    };
    const controller = new AbortController();
    const kept = await openAblation(join(folder, 'interrupted'), false, {});
    let steps = 0;
    const stop = {
      // in the middle of the second stage
      step: () => void (++steps === 4 && controller.abort()),
      finished: () => {},
    };
    const first = await runAblation(plan, kept, controller.signal, stop);
    expect(first.map(({ stage }) => stage)).toEqual(['one']);
    const all = { step: () => {}, finished: () => {} };
    const again = await openAblation(join(folder, 'interrupted'), true, {});
    const rest = await runAblation(plan, again, new AbortController().signal, all);
    const whole = await openAblation(join(folder, 'at once'), false, {});
    const once = await runAblation(plan, whole, new AbortController().signal, all);
    const curves = (records: readonly CellRecord[]) => records.map(({ loss, grad_norm }) => ({ loss, grad_norm }));
    expect(curves(rest)).toEqual(curves(once));
    expect(rest).toHaveLength(8);
  });

  it('resumes: finished cells are skipped, lost ones are trained again', async () => {
    const before = await ablate('resumed');
    const stage = recordFile('resumed', { variant: 'no-lora', seed: 1, stage: 'two' });
    rmSync(stage);
    // what a killed writer leaves
    writeFileSync(`${stage}.123.part`, '{');
    const untouched = recordFile('resumed', { variant: 'full', seed: 0, stage: 'one' });
    const bytes = readFileSync(untouched);
    const after = recorder();
    // its weights went with the stage before: start that seed again
    rmSync(join(stage, '..'), { recursive: true });
    await ablateCommand({ ...after, quiet: false }, [file], optionsOf('resumed', { resume: true }));
    expect(after.notes.filter((note) => note.endsWith('(kept)'))).toHaveLength(6);
    expect(resultOf(after).summary).toEqual(resultOf(before).summary);
    expect(readFileSync(untouched)).toEqual(bytes);
    expect(existsSync(stage)).toBe(true);
  });

  it('refuses a folder that holds a run (C0206), and to resume another ablation (C0302) or none (R0805)', async () => {
    await ablate('settings', { seeds: 1 });
    await expect(ablate('settings', { seeds: 1 })).rejects.toMatchObject({ code: 'C0206' });
    await expect(ablate('settings', { seeds: 1, steps: 4, resume: true })).rejects.toThrow(
      /settings holds another ablation: its steps is 3 and this one has 4, so resume with its settings/,
    );
    await expect(ablate('settings', { resume: true })).rejects.toMatchObject({ code: 'C0302' });
    await expect(ablate('no such folder', { resume: true })).rejects.toMatchObject({ code: 'R0805' });
    // how many steps are averaged is no matter of training
    await ablate('settings', { seeds: 1, last: 1, resume: true });
  });

  it('stops when the model is edited on the way (C0304), and goes on when the edit is undone', async () => {
    const given = optionsOf('edited', { seeds: 1 });
    const { model } = loadModel(file, given, recorder());
    const options = { ...given, checkpointEvery: 1, keep: 1 };
    const [variants, stages] = [variantsOf(model.settings.flags, 'lora'), stageList(model, 'one')];
    const plan = { file, text: modelText(model), variants, seeds: [0], stages, options };
    const kept = await openAblation(given.out, false, {});
    const edit = { step: () => {}, finished: () => writeFileSync(file, `${BREAKABLE}\n// edited`) };
    const { signal } = new AbortController();
    await expect(runAblation(plan, kept, signal, edit)).rejects.toMatchObject({ code: 'C0304' });
    writeFileSync(file, BREAKABLE);
    const undone = { step: () => {}, finished: () => {} };
    expect(await runAblation(plan, kept, signal, undone)).toHaveLength(2);
  });

  it('refuses damaged records and lost weights (C0303)', async () => {
    await ablate('damaged', { seeds: 1 });
    const one = recordFile('damaged', { variant: 'full', seed: 0, stage: 'one' });
    const good = readFileSync(one, 'utf8');
    for (const bad of ['{', '[]', good.replace('"loss":[', '"loss":[1,')]) {
      writeFileSync(one, bad);
      await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toMatchObject({ code: 'C0303' });
    }
    writeFileSync(one, good);
    rmSync(recordFile('damaged', { variant: 'full', seed: 0, stage: 'two' }));
    await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toThrow(
      /one\.safetensors cannot be used to go on with the ablation: .*; remove the folder it is in/,
    );
    writeFileSync(join(folder, 'damaged/ablation.json'), '3');
    await expect(ablate('damaged', { seeds: 1, resume: true })).rejects.toMatchObject({ code: 'C0303' });
  });

  it('says what is wrong with the input before anything is trained', async () => {
    await expect(ablate('a', { flags: 'lore' })).rejects.toMatchObject({ code: 'C0301' });
    await expect(ablate('a', { stages: 'three' })).rejects.toMatchObject({ code: 'C0201' });
    await expect(ablate('a', { batch: join(folder, 'none.safetensors') })).rejects.toThrow();
    const { init: _, ...unset } = optionsOf('a');
    await expect(ablateCommand(recorder(), [file], unset)).rejects.toMatchObject({ code: 'C0106' });
    expect(existsSync(join(folder, 'a'))).toBe(false);
    await expect(ablate('micro.mdl/out')).rejects.toMatchObject({ code: 'C0105' });
  });

  it('remembers skipped steps as NaN', () => {
    const log = new CellLog({ variant: 'full', seed: 0, stage: 'one' });
    const layers = { a: { norm: 3, max: 1, zero: 0 }, b: { norm: 2, max: 1, zero: 0 } };
    const base = { stage: 'one', lr: 1, tokens: 1, tokens_per_second: 1, loss_scale: 1, layers } as const;
    const seconds = { feed: 0, step: 0, update: 0 };
    log.add({ ...base, seconds, step: 1, loss: 2, grad_norm: 4 });
    log.add({ ...base, seconds, step: 2, loss: 2, grad_norm: Number.POSITIVE_INFINITY, skipped: true });
    const record = log.finish('trained');
    expect(record).toMatchObject({ loss: [2, Number.NaN], grad_norm: [4, Number.NaN], smallest_norm: [2, Number.NaN] });
  });

  it('runs on TinyGPT-V, from the command line', async () => {
    const set = ['vit.depth=1', 'phi.num_layers=1', 'phi.hidden_size=32', 'phi.intermediate_size=64', 'proj.mid=16'];
    const { code, stdout, stderr } = await mdl(
      folder,
      'ablate',
      TINYGPTV,
      '--config',
      'nano',
      ...set.flatMap((each) => ['--set', each]),
      ...['--init', '0', '--data', 'emoji', '--flags', 'qk_norm', '--stages', '1-2', '--seeds', '1'],
      ...['--steps', '2', '--batch-size', '2', '--out', 'tiny'],
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('[4/4] no qk_norm, seed 0, stage2: loss ');
    expect(stdout).toMatch(/^variant +stage1 +stage2\nfull +\d\.\d{3} +\d\.\d{3}\nno qk_norm +\d\.\d{3} +\d\.\d{3}\n/);
    expect(readFileSync(join(folder, 'tiny/report.md'), 'utf8')).toContain(
      '| variant | stage1 | paper | stage2 | paper |',
    );
  }, 60_000);
});
