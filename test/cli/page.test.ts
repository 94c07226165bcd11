/** Reports that fit their page: axes with names, one colour a name, what was run; and progress bars that fit their line. */
import { describe, expect, it } from 'vitest';
import { barFormat, progressLine } from '../../src/compiler/cli/progress-line.ts';
import { renderChart } from '../../src/compiler/workbench/chart.ts';
import { commandLine } from '../../src/compiler/workbench/page.ts';
import { renderReport } from '../../src/compiler/workbench/report.ts';

const curve = (name: string) => ({
  name,
  points: Array.from({ length: 201 }, (_, x) => [x, Math.exp(-x / 50)] as const),
});

describe('a chart', () => {
  it('names its axes and counts along them in round numbers', () => {
    const html = renderChart({ title: 'loss', x: 'step of stage1', y: 'nats', series: [curve('full')] });
    expect(html).toContain('<div class="axis">nats</div>');
    expect(html).toContain('<div class="axis x">step of stage1</div>');
    const xs = [...html.matchAll(/<span class="x" style="left:([\d.]+)%">(\d+)</g)].map(([, at, n]) => [at, n]);
    expect(xs).toEqual([
      ['0.0', '0'],
      ['25.0', '50'],
      ['50.0', '100'],
      ['75.0', '150'],
      ['100.0', '200'],
    ]);
    const ys = [...html.matchAll(/<span class="y" style="top:([\d.]+)%">([\d.]+)</g)].map(([, at, y]) => [at, y]);
    expect(ys[0]).toEqual(['100.0', String(Number(Math.exp(-4).toPrecision(4)))]);
    expect(ys.at(-1)).toEqual(['0.0', '1']);
    expect(renderChart({ title: 'norm', series: [curve('a')], logarithmic: true })).toContain('norm (logarithmic)');
  });

  it('gives a name one colour, whichever others are drawn', () => {
    const names = ['full', 'no lora', 'no qk_norm'];
    const colours = (...drawn: string[]): Record<string, string> => {
      const html = renderChart({ title: 't', series: drawn.map(curve), names });
      const strokes = [...html.matchAll(/<polyline fill="none" stroke="(\S+)"/g)].map(([, colour]) => colour!);
      return Object.fromEntries(drawn.map((name, i) => [name, strokes[i]!]));
    };
    const all = colours(...names);
    expect(new Set(Object.values(all)).size).toBe(3);
    expect(colours('full', 'no qk_norm')).toEqual({ full: all.full, 'no qk_norm': all['no qk_norm'] });
    expect(colours('no qk_norm')).toEqual({ 'no qk_norm': all['no qk_norm'] });
  });
});

it('a report says what was run, and the scores or how to get them', () => {
  const facts = [
    ['command', "mdl train 'my model.mdl'"],
    ['seed', '3'],
  ] as const;
  const html = renderReport('Small', [], { facts });
  expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
  expect(html).toContain("<dt>command</dt><dd>mdl train 'my model.mdl'</dd>");
  expect(html).toContain('not asked: --evaluate N');
  const scored = renderReport('Small', [], {
    facts,
    scores: [
      ['task', 'exact'],
      ['vqa', '80 %'],
    ],
  });
  expect(scored).toContain('<tr><td>vqa</td><td>80 %</td></tr>');
  expect(scored).not.toContain('not asked');
});

it('a command line can be given again', () => {
  const argv = ['node', 'mdl', 'train', 'my model.mdl', '--set', 'lr=1e-3', '--data', "it's", ''];
  expect(commandLine(argv)).toBe(`mdl train 'my model.mdl' --set lr=1e-3 --data 'it'\\''s' ''`);
});

describe('a progress line', () => {
  const text = { label: 'stage1', fields: ['120/400', 'loss 1.2345', 'ETA 1m20s', 'lr 1.00e-3', '5120 tokens/s'] };

  it.each([
    [
      120,
      'stage1 [============                            ] 120/400 | loss 1.2345 | ETA 1m20s | lr 1.00e-3 | 5120 tokens/s',
    ],
    [90, 'stage1 [=====            ] 120/400 | loss 1.2345 | ETA 1m20s | lr 1.00e-3 | 5120 tokens/s'],
    [80, 'stage1 120/400 | loss 1.2345 | ETA 1m20s | lr 1.00e-3 | 5120 tokens/s'],
    [60, 'stage1 120/400 | loss 1.2345 | ETA 1m20s | lr 1.00e-3'],
    [40, 'stage1 120/400 | loss 1.2345'],
    [16, 'stage1 120/400'],
    [10, 'stage1 12'],
  ])('of %i columns', (columns, expected) => {
    const line = progressLine(text, 0.3, columns);
    expect(line).toBe(expected);
    expect(line.length).toBeLessThan(columns);
  });

  it('is what cli-progress draws', () => {
    const format = barFormat<{ loss: string }>(
      ({ loss }, { value, total }, left) => ({ label: 's', fields: [`${value}/${total}`, loss, left] }),
      () => 40,
    ) as (...args: unknown[]) => string;
    const params = { progress: 0.5, eta: 65, startTime: 0, stopTime: 0, total: 4, value: 2, maxWidth: 40 };
    const of = (eta: number | string): string => format({}, { ...params, eta }, { loss: 'loss 1' });
    expect(of(65)).toBe('s [=======       ] 2/4 | loss 1 | 1m05s');
    expect([5, 7500, 'NULL', Infinity].map((eta) => of(eta).split(' | ')[2])).toEqual(['5s', '2h05m', '–', '–']);
  });
});
