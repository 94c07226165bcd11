/** What an ablation writes: its variants, summary, report and progress. */
import { describe, expect, it } from 'vitest';
import { alignTable, watchTable } from '../../src/compiler/cli/ablation/table.ts';
import { summaryText } from '../../src/compiler/cli/commands/ablate.ts';
import {
  differenceTable,
  lossTable,
  type Report,
  renderHtml,
  renderMarkdown,
  reportJson,
} from '../../src/compiler/workbench/ablation/report.ts';
import {
  cellText,
  differenceText,
  finalLoss,
  meanCurve,
  spreadOf,
  summarise,
} from '../../src/compiler/workbench/ablation/summary.ts';
import { FULL, variantsOf } from '../../src/compiler/workbench/ablation/variants.ts';
import { PAPER } from '../../src/recipes/vision-language/paper.ts';
import type { CellRecord, Outcome } from '../../src/runtime/train/cell.ts';
import { recorder } from '../training/support.ts';

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
  settings: { flags: '{"lora":true}', 'train of stage1': 'abc' },
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
    expect(differenceText(at('no-lora', 'stage1').difference)).toBe('+1.000 ± 0.707');
    expect(differenceText(at('no-lora', 'stage2').difference)).toBe('–');
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
    expect(text).not.toContain('train of stage1');
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

describe('what the command prints', () => {
  it('is the means, and the differences in pairs, which a mean over seeds hides', () => {
    const [means, pairs] = summaryText(report()).split('difference from full, in pairs of runs with one seed:\n');
    expect(means!.split('\n')).toEqual([...alignTable(lossTable(report())), '']);
    expect(pairs!.split('\n')).toEqual(alignTable(differenceTable(report(), 'difference')));
    expect(pairs).toMatch(/no qk_norm +\+1\.500/);
    expect(summaryText({ ...report(), variants: [FULL] })).not.toContain('difference');
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
