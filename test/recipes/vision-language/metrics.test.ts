import { describe, expect, it } from 'vitest';
import { boxIou, formatBox, parseBoxes } from '../../../src/recipes/vision-language/data/box.ts';
import {
  evaluate,
  type Judged,
  normaliseAnswer,
  reportOf,
  vqaAccuracy,
} from '../../../src/recipes/vision-language/data/metrics.ts';

const BOX = { x1: 10, y1: 20, x2: 50, y2: 60 };

describe('boxes', () => {
  it('are written and read back', () => {
    expect(formatBox(BOX)).toBe('{<10><20><50><60>}');
    expect(parseBoxes(`a dog ${formatBox(BOX)} and {<0><0><100><100>}`)).toEqual([
      BOX,
      { x1: 0, y1: 0, x2: 100, y2: 100 },
    ]);
  });
  it.each(['{<10><20><50>}', '{ <10><20><50><60>}', '{<10><20><50><101>}', '{<50><20><10><60>}', '10 20 50 60', ''])(
    'strictly: %j is none',
    (text) => expect(parseBoxes(text)).toEqual([]),
  );
  it('overlap', () => {
    expect(boxIou(BOX, BOX)).toBe(1);
    expect(boxIou(BOX, { ...BOX, x1: 30, x2: 70 })).toBeCloseTo(1 / 3, 12);
    expect(boxIou(BOX, { x1: 50, y1: 20, x2: 60, y2: 60 })).toBe(0);
  });
});

describe('VQA accuracy', () => {
  it('ignores case, articles, punctuation and how numbers are written', () => {
    expect(normaliseAnswer('The Two dogs, sir!')).toBe('2 dogs sir');
    expect(vqaAccuracy('A dog.', ['dog'])).toBe(1);
    expect(vqaAccuracy('two', ['2'])).toBe(1);
    expect(vqaAccuracy('dogs', ['dog'])).toBe(0);
  });
  it('is that of the evaluation with ten people', () => {
    const people = (yes: number): string[] => Array.from({ length: 10 }, (_, i) => (i < yes ? 'yes' : 'no'));
    expect(vqaAccuracy('yes', people(0))).toBe(0);
    // one of ten: left out himself 0, else 1/3
    expect(vqaAccuracy('yes', people(1))).toBeCloseTo(0.3, 12);
    expect(vqaAccuracy('yes', people(2))).toBeCloseTo(0.6, 12);
    expect(vqaAccuracy('yes', people(3))).toBeCloseTo(0.9, 12);
    expect(vqaAccuracy('yes', people(4))).toBeCloseTo(1, 12);
  });
});

describe('evaluate', () => {
  const thing = (noun: string) => ({ noun, category: 'animal', box: BOX });
  const examples: Judged[] = [
    { task: 'vqa-name', answer: 'dog' },
    { task: 'vqa-name', answer: 'dog' },
    { task: 'vqa-name', answer: 'cat' },
    { task: 'refer', answer: formatBox(BOX) },
    { task: 'refer', answer: '{<70><70><90><90>}' },
    { task: 'caption', answer: 'a picture of a dog and a cat', meta: { things: [thing('dog'), thing('cat')] } },
  ];
  const answers = [' dog\n', 'Dog.', 'dog', '{<10><20><50><55>}', '{<70><70>}', 'a picture of a cat'];

  it('reports each task beside its best constant answer', async () => {
    let asked = 0;
    const report = await evaluate(() => Promise.resolve(answers[asked++]!), examples);
    expect(report.count).toBe(6);
    expect(report.exact).toBeCloseTo(1 / 6, 12);
    expect(report.tasks['vqa-name']).toEqual({
      count: 3,
      exact: 1 / 3,
      vqa: 2 / 3,
      baseline: { answer: 'dog', exact: 2 / 3, vqa: 2 / 3 },
    });
    const refer = report.tasks.refer!;
    expect(refer).toMatchObject({ count: 2, exact: 0, box: 0.5, baseline: { exact: 0.5, box: 0.5 } });
    expect(refer.iou).toBeCloseTo(0.875 / 2, 12);
    expect(report.tasks.caption).toMatchObject({ exact: 0, named: 0.5, baseline: { exact: 1, named: 1 } });
    expect(report.judgements[1]).toEqual({ example: examples[1], answer: 'Dog.' });
  });
  it('takes the constant box that finds most', () => {
    const boxes = ['{<0><0><20><20>}', '{<40><40><80><80>}', '{<42><40><80><80>}'];
    const report = reportOf(boxes.map((answer) => ({ example: { task: 'refer', answer }, answer: '' })));
    expect(report.tasks.refer!.baseline.box).toBeCloseTo(2 / 3, 12);
  });
  it('of nothing is empty', () => {
    expect(reportOf([])).toEqual({ count: 0, exact: 0, baselineExact: 0, tasks: {} });
  });
});
