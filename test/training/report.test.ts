/** The report of a run: a page of its own, with every chart and every event. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderChart, renderReport, writeReport } from '../../src/compiler/workbench/report.ts';
import { readLog } from '../../src/compiler/workbench/training/log.ts';
import { type LogRecord, logLine, type StepRecord } from '../../src/runtime/train/index.ts';
import { folderWith } from '../support/folder.ts';

const step = (stage: string, at: number): StepRecord => ({
  stage,
  step: at,
  loss: 5 / at,
  lr: 1e-3,
  grad_norm: 2,
  tokens: 10,
  tokens_per_second: 100,
  seconds: { feed: 0.1, step: 0.5, update: 0.2 },
  loss_scale: 1,
  layers: { 'layers.0': { norm: 1, max: 1, zero: 0 }, '<b>': { norm: 0, max: 0, zero: 1 } },
});
const records: LogRecord[] = [
  ...[1, 2, 3].map((at) => step('stage1', at)),
  { stage: 'stage1', step: 3, event: 'vanishing', detail: 'the gradient norm of <b> has been below 1e-7 for 20 steps' },
  ...[1, 2].map((at) => step('stage2', at)),
];

test('is one file with a chart of each quantity, and nothing from elsewhere', () => {
  const html = renderReport('TinyGPTV', records);
  for (const title of ['loss', 'learning rate', 'gradient norm', 'gradient norm by layer', 'tokens per second'])
    expect(html).toContain(`<h2>${title}</h2>`);
  expect(html).not.toMatch(/https?:|<script|<link|<img/);
  expect(html).toContain('&lt;b&gt;');
  expect(html).not.toContain('<b>');
  expect(html).toContain('stage1, step 3: vanishing');
  expect(html.match(/<td>2\.4<\/td>/g)).toHaveLength(1); // seconds of stage1
});

test('draws gaps for values that are not numbers, and nothing for none', () => {
  const points = [
    [0, 1],
    [1, Number.NaN],
    [2, 3],
  ] as const;
  expect(renderChart({ title: 't', series: [{ name: 'a', points }] })).toMatch(/points="70\.0,\S+ 890\.0,\S+"/);
  expect(renderChart({ title: 't', series: [{ name: 'a', points: [[0, 0]] }], logarithmic: true })).toContain(
    'nothing to draw',
  );
});

test('long runs are thinned to what a screen shows', () => {
  const points = Array.from({ length: 50_000 }, (_, x) => [x, Math.sin(x)] as const);
  const drawn = renderChart({ title: 't', series: [{ name: 'a', points }] });
  expect(drawn.length).toBeLessThan(30_000);
});

test('a log whose last line was cut short is read, other damage is an error', async () => {
  const folder = folderWith();
  const [log, out] = [join(folder, 'log.jsonl'), join(folder, 'report.html')];
  writeFileSync(log, `${records.map(logLine).join('')}{"stage":"sta`);
  expect(readLog(log)).toEqual(records);
  await writeReport(log, out, 'x');
  expect(readFileSync(out, 'utf8')).toContain('<!doctype html>');
  writeFileSync(log, `nonsense\n${logLine(records[0]!)}`);
  await expect(writeReport(log, out, 'x')).rejects.toThrow(`line 1 of the log ${log} is no record`);
  await expect(writeReport(join(folder, 'none'), out, 'x')).rejects.toThrow('cannot be read');
});
