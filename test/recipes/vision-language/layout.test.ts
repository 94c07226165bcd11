import { describe, expect, it } from 'vitest';
import {
  IGNORE_LABEL,
  type LayoutOptions,
  layoutRows,
  type Row,
} from '../../../src/recipes/vision-language/data/layout.ts';
import { provokes } from '../../runtime/support.ts';
import { fixture, readTensors } from '../../support/reference.ts';

const inputs = readTensors(fixture('tinygptv-tiny/inputs.safetensors'));
const [BOS, IMAGE_TOKENS] = [120, 4];
const OPTIONS: LayoutOptions = { bos: BOS, pad: BOS, maxLength: 32, keepPadding: true };
const IMAGE = Array<number>(IMAGE_TOKENS).fill(-1);

const numbers = (name: string): number[] => Array.from(inputs.get(name)!.data as Int32Array, Number);
/** The true ids of a row of a padded tensor. */
function ids(name: string, row: number): number[] {
  const width = inputs.get(`${name}_ids`)!.shape[1]!;
  const length = numbers(`${name}_len`)[row]!;
  return numbers(`${name}_ids`).slice(row * width, row * width + length);
}
const asNumbers = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number);

const main: Row[] = [0, 1].map((row) => ({
  turns: [
    {
      prompt: [...ids('prompt_before', row), ...IMAGE, ...ids('prompt_after', row)],
      answer: ids('answer', row),
    },
  ],
}));
const noPrompt: Row[] = [0, 1].map((row) => ({ turns: [{ prompt: IMAGE, answer: ids('answer', row) }] }));
const conversations: Row[] = [0, 1].map((row) => {
  const of = (name: string): number[] => numbers(`conv/sample${row}/${name}_ids`);
  const first = { prompt: [...of('prompt_before'), ...IMAGE, ...of('prompt_after')], answer: of('answer0') };
  const later = Array.from({ length: row + 1 }, (_, i) => ({
    prompt: of(`question${i + 1}`),
    answer: of(`answer${i + 1}`),
  }));
  return { turns: [first, ...later] };
});

describe('the authors’ batches', () => {
  it.each([
    ['', main],
    ['noprompt/', noPrompt],
    ['conv/', conversations],
  ])('masks and targets of %s', (prefix, rows) => {
    const { feeds, tokens, labelled } = layoutRows(rows, OPTIONS);
    const mask = numbers(`${prefix}attention_mask`);
    const targets = numbers(`${prefix}targets`);
    expect(feeds.attention_mask.shape).toEqual(inputs.get(`${prefix}attention_mask`)!.shape);
    expect(asNumbers(feeds.attention_mask.data)).toEqual(mask);
    expect(asNumbers(feeds.labels.data)).toEqual(targets);
    expect(tokens).toBe(mask.reduce((sum, one) => sum + one, 0));
    expect(labelled).toBe(targets.filter((target) => target !== IGNORE_LABEL).length);
    // where a label counts, it is the id
    const given = asNumbers(feeds.input_ids.data);
    targets.forEach((target, i) => {
      if (target !== IGNORE_LABEL) expect(given[i]).toBe(target);
    });
  });

  it('ids and positions of the main batch', () => {
    const { feeds } = layoutRows(main, OPTIONS);
    const width = 26;
    const positions = asNumbers(feeds.position_ids.data);
    expect(positions.slice(0, width)).toEqual(numbers('position_ids'));
    expect(positions.slice(width)).toEqual(numbers('position_ids'));
    const rows = asNumbers(feeds.input_ids.data);
    main.forEach(({ turns }, row) => {
      const { prompt, answer } = turns[0]!;
      const used = [BOS, ...prompt, ...answer];
      const padding = Array<number>(width - used.length).fill(BOS);
      expect(rows.slice(row * width, (row + 1) * width)).toEqual([...used, ...padding]);
    });
    expect(rows.filter((id) => id === -1)).toHaveLength(2 * IMAGE_TOKENS);
  });
});

describe('layoutRows', () => {
  const row = (prompt: number[], answer: number[]): Row => ({ turns: [{ prompt, answer }] });
  const options: LayoutOptions = { bos: 0, pad: 0, maxLength: 4 };

  it('cuts columns in which every row is padding', () => {
    const rows = [row([-1, 5, 6, 7], [8]), row([-1], [8, 9])];
    expect(layoutRows(rows, options).feeds.labels.shape).toEqual([2, 6]);
    expect(layoutRows(rows, { ...options, keepPadding: true }).feeds.labels.shape).toEqual([2, 7]);
    expect(layoutRows(rows, { ...options, padTo: 16 }).feeds.labels.shape).toEqual([2, 16]);
  });
  it('cuts long answers, and long prompts behind the image', () => {
    const { feeds } = layoutRows([row([-1, 5, 6, 7], [1, 2, 3, 4, 5, 6])], { ...options, maxContext: 2 });
    expect(asNumbers(feeds.input_ids.data)).toEqual([0, -1, 5, 1, 2, 3, 4]);
    expect(asNumbers(feeds.labels.data)).toEqual([-100, -100, -100, 1, 2, 3, 4]);
  });
  it('never cuts an image', async () => {
    const message = await provokes('R0908', () =>
      layoutRows([row([-1], [1]), row([5, 5, -1, -1], [1])], { ...options, maxContext: 3 }),
    );
    expect(message).toContain('the prompt of row 1 has 4 tokens up to its last image token and at most 3');
  });
  it('does not count an answer’s pad in one turn, and hides it in several', () => {
    const one = layoutRows([row([-1], [3, 0, 4])], options);
    expect(asNumbers(one.feeds.attention_mask.data)).toEqual([1, 1, 1, 1, 1]);
    expect(asNumbers(one.feeds.labels.data)).toEqual([-100, -100, 3, -100, 4]);
    const turns = [
      { prompt: [-1], answer: [3] },
      { prompt: [7], answer: [4] },
    ];
    const several = layoutRows([{ turns }], options);
    expect(asNumbers(several.feeds.input_ids.data)).toEqual([0, -1, 3, 0, 7, 4]);
    expect(asNumbers(several.feeds.attention_mask.data)).toEqual([1, 1, 1, 0, 1, 1]);
    expect(asNumbers(several.feeds.labels.data)).toEqual([-100, -100, 3, -100, -100, 4]);
  });
});
