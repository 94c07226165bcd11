import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { diceOf } from '../../../src/recipes/data/dice.ts';
import { decodeOnWhite, tint } from '../../../src/recipes/data/pixels.ts';
import { boxIou, parseBoxes } from '../../../src/recipes/vision-language/data/box.ts';
import { CATEGORIES, CONCEPTS } from '../../../src/recipes/vision-language/data/emoji/concepts.ts';
import { type DrawSettings, draw, emojiTexts } from '../../../src/recipes/vision-language/data/emoji/draw.ts';
import { openPictures } from '../../../src/recipes/vision-language/data/emoji/pictures.node.ts';
import {
  heldOutPairs,
  isHeldOutPair,
  type Scene,
  splitOf,
  UNITS,
} from '../../../src/recipes/vision-language/data/emoji/scene.ts';
import { TASK_MIX, type TaskName, wordingOf } from '../../../src/recipes/vision-language/data/emoji/tasks.ts';
import { listOf, plural, withArticle } from '../../../src/recipes/vision-language/data/emoji/words.ts';
import { openData, openExamples } from '../../../src/recipes/vision-language/data/index.ts';
import { resolveOptions, type Split } from '../../../src/recipes/vision-language/data/options.ts';
import { pretrainSet } from '../../../src/recipes/vision-language/data/pretrain.node.ts';
import { normaliseImage } from '../../../src/runtime/image/preprocess.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import { trainBpe } from '../../../src/runtime/tokenizer/train.ts';
import { provokes } from '../../runtime/support.ts';
import { BASE, CAPTIONS, DESCRIPTIONS, MULTITASK, OPTIONS, plainPng, QUESTIONS } from './support.ts';

/** The set has its own tasks. */
const PRETRAIN = { endSymbol: '\n' };

const ALL_TASKS: Record<TaskName, number> = {
  describe: 1,
  caption: 1,
  ...TASK_MIX.multitask,
} as Record<TaskName, number>;
const settings = (split: Split): DrawSettings => ({
  mix: ALL_TASKS,
  wording: wordingOf('multitask', 'none'),
  concepts: CONCEPTS,
  split,
});
const drawMany = (split: Split, count: number, seed = 0) => {
  const dices = diceOf(seed, `test/${split}`);
  return Array.from({ length: count }, (_, i) => draw(settings(split), dices(i)));
};
const nameOf = ({ placed }: Scene): string =>
  placed.map(({ concept, x, y, size }) => `${concept.shortName} ${x} ${y} ${size}`).join();

describe('concepts', () => {
  it('have one noun each, one word in lower case, no category’s name', () => {
    expect(CONCEPTS.length).toBeGreaterThan(150);
    expect(new Set(CONCEPTS.map(({ noun }) => noun)).size).toBe(CONCEPTS.length);
    for (const { noun } of CONCEPTS) {
      expect(noun).toMatch(/^[a-z]+$/);
      expect(Object.keys(CATEGORIES)).not.toContain(noun);
    }
  });
  it('begin with one of each category', () => {
    const categories = CONCEPTS.slice(0, 14).map(({ category }) => category);
    expect(new Set(categories).size).toBe(14);
  });
});

describe('words', () => {
  it('plurals and articles', () => {
    const nouns = ['dog', 'bus', 'cherry', 'mouse', 'potato', 'taco', 'torch', 'toy', 'fish', 'box'];
    const plurals = ['dogs', 'buses', 'cherries', 'mice', 'potatoes', 'tacos', 'torches', 'toys', 'fish', 'boxes'];
    expect(nouns.map(plural)).toEqual(plurals);
    expect(['dog', 'apple', 'unicorn', 'umbrella'].map(withArticle)).toEqual([
      'a dog',
      'an apple',
      'a unicorn',
      'an umbrella',
    ]);
    expect([[], ['x'], ['x', 'y'], ['x', 'y', 'z']].map(listOf)).toEqual(['', 'x', 'x and y', 'x, y and z']);
  });
});

describe('the split', () => {
  it('names pairs that training never combines, and combines them when held out', () => {
    const pairs = heldOutPairs(CONCEPTS);
    const share = pairs.length / ((CONCEPTS.length * (CONCEPTS.length - 1)) / 2);
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.12);
    expect(heldOutPairs(CONCEPTS.slice(0, 20)).length).toBeGreaterThan(5);
    const together = ({ scene: { placed } }: { scene: Scene }): boolean =>
      placed.some((a) => placed.some((b) => a.concept !== b.concept && isHeldOutPair(a.concept, b.concept)));
    expect(drawMany('train', 1500).filter(together)).toEqual([]);
    const mixed = drawMany('held-out', 500).filter(({ scene }) => new Set(scene.placed.map((p) => p.concept)).size > 1);
    expect(mixed.length).toBeGreaterThan(100);
    expect(mixed.every(together)).toBe(true);
  });
  it('is disjoint, whatever the seeds', () => {
    const train = new Set([0, 1, 2].flatMap((seed) => drawMany('train', 1000, seed).map(({ scene }) => nameOf(scene))));
    const heldOut = drawMany('held-out', 1500, 3);
    expect(heldOut.filter(({ scene }) => train.has(nameOf(scene)))).toEqual([]);
    for (const { scene } of heldOut) expect(splitOf(scene)).toBe('held-out');
  });
  it('leaves every concept to both sides', () => {
    const seen = (split: Split): number =>
      new Set(drawMany(split, 3000).flatMap(({ scene }) => scene.placed.map(({ concept }) => concept))).size;
    expect([seen('train'), seen('held-out')]).toEqual([CONCEPTS.length, CONCEPTS.length]);
  });
});

describe('scenes and tasks', () => {
  const drawn = drawMany('train', 3000);
  const ofTask = (name: TaskName) => drawn.filter(({ task }) => task === name);

  it('things lie inside and apart', () => {
    for (const { scene, things } of drawn) {
      for (const { x, y, size } of scene.placed) {
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(Math.max(x, y) + size).toBeLessThanOrEqual(UNITS);
      }
      things.forEach((a, i) => {
        for (const b of things.slice(i + 1)) expect(boxIou(a.box, b.box)).toBe(0);
      });
    }
  });
  it('all occur, with answers', () => {
    for (const name of Object.keys(ALL_TASKS) as TaskName[]) expect(ofTask(name).length).toBeGreaterThan(50);
    for (const { exchange } of drawn) {
      expect(exchange.prompt.split('<ImageHere>')).toHaveLength(2);
      expect(exchange.answer).toMatch(/\S/);
      expect(exchange.answer).not.toMatch(/undefined|^\s|\s$/);
    }
  });
  it('count what is there', () => {
    for (const { things, exchange } of ofTask('vqa-count')) {
      const noun = things
        .map((thing) => thing.noun)
        .find((n) => exchange.prompt.includes(`how many ${plural(n)} are`))!;
      expect(exchange.answer).toBe(`${things.filter((thing) => thing.noun === noun).length}`);
    }
  });
  it('ask for neighbours that are where they are said to be', () => {
    const answers = new Set<string>();
    for (const { things, exchange } of ofTask('vqa-relation')) {
      const [, relation, noun] = /what is (left of|right of|above|below) the (\w+)\?/.exec(exchange.prompt)!;
      const asked = things.find((thing) => thing.noun === noun)!.box;
      const { box } = things.find((thing) => thing.noun === exchange.answer)!;
      const holds = {
        'left of': box.x2 <= asked.x1,
        'right of': box.x1 >= asked.x2,
        above: box.y2 <= asked.y1,
        below: box.y1 >= asked.y2,
      }[relation as 'above'];
      expect(holds).toBe(true);
      answers.add(relation!);
    }
    expect(answers.size).toBe(4);
  });
  it('refer, ground and identify with the boxes of the things', () => {
    for (const { things, exchange } of [...ofTask('refer'), ...ofTask('identify')]) {
      const { noun, box } = things.find(
        (thing) => new RegExp(`the ${thing.noun}\\?`).test(exchange.prompt) || thing.noun === exchange.answer,
      )!;
      expect(parseBoxes(exchange.prompt + exchange.answer)).toEqual([box]);
      expect(exchange.prompt + exchange.answer).toContain(noun);
    }
    for (const { things, exchange } of ofTask('grounding'))
      expect(parseBoxes(exchange.answer)).toEqual(things.map(({ box }) => box));
  });
});

describe('pictures', () => {
  it('transparent pixels become white', () => {
    expect([...decodeOnWhite(plainPng([0, 0, 0, 0], 1)).data]).toEqual([255, 255, 255]);
    expect([...decodeOnWhite(plainPng([0, 100, 200, 128], 1)).data]).toEqual([127, 177, 227]);
    expect([...decodeOnWhite(plainPng([7, 8, 9], 1)).data]).toEqual([7, 8, 9]);
    expect([...decodeOnWhite(plainPng([50, 0], 1)).data]).toEqual([255, 255, 255]);
  });
  it('a tint keeps white', () => {
    const picture = { width: 2, height: 1, data: Uint8Array.from([255, 255, 255, 155, 155, 0]) };
    tint(picture, [0.9, 1.1, 2]);
    expect([...picture.data]).toEqual([255, 255, 255, 165, 145, 0]);
  });
  it('stand where the boxes say', async () => {
    const side = 40; // two pixels per unit, so nothing is rounded
    const examples = await openExamples('emoji', { ...OPTIONS, ...MULTITASK, imageSize: side, count: 20 });
    for (const { picture, meta, images } of examples) {
      expect(images.data).toEqual(normaliseImage(picture).data);
      const painted = picture.data.map((value) => (value < 250 ? 1 : 0));
      const total = painted.reduce((sum, one) => sum + one, 0);
      let inside = 0;
      for (const { box } of meta.things) {
        let count = 0;
        for (let y = (box.y1 * side) / 100; y < (box.y2 * side) / 100; y++) {
          for (let x = (box.x1 * side) / 100; x < (box.x2 * side) / 100; x++)
            for (let c = 0; c < 3; c++) count += painted[3 * (y * side + x) + c]!;
        }
        expect(count).toBeGreaterThan(50);
        inside += count;
      }
      expect(inside).toBe(total);
    }
  });
  it('come from the package, or an error says what to install', async () => {
    const concept = { shortName: 'no_such_thing', noun: 'thing', category: 'toy' } as const;
    expect(await provokes('R0901', () => openPictures([concept]))).toContain(
      '(it has no picture of no_such_thing) and the package emoji-datasource-twitter',
    );
    expect(await provokes('R0901', () => openPictures(CONCEPTS, ['/no/such/folder/x.js']))).toContain(
      '(it is not installed)',
    );
  });
});

describe('openData', () => {
  it('is a function of seed and step', async () => {
    const first = await openData('emoji', { ...OPTIONS, ...MULTITASK });
    const again = await openData('emoji', { ...OPTIONS, ...MULTITASK });
    const third = await first.batch(3);
    await first.batch(0);
    expect(await again.batch(3)).toEqual(third);
    expect(await first.batch(3)).toEqual(third);
    expect(await first.batch(4)).not.toEqual(third);
    const other = await openData('emoji', { ...OPTIONS, ...MULTITASK, seed: 2 });
    expect((await other.batch(3)).feeds.pixel_values).not.toEqual(third.feeds.pixel_values);
  });
  it.each([
    ['emoji', CAPTIONS],
    ['emoji', DESCRIPTIONS],
    ['emoji', MULTITASK],
    ['emoji', QUESTIONS],
    ['emoji-pretrain', PRETRAIN],
  ] as const)('feeds the loss: %s, %o', async (name, wording) => {
    const source = await openData(name, { ...BASE, ...wording });
    expect(source.name).toBe(name);
    const { feeds, tokens, rows } = await source.batch(1);
    const [, width] = feeds.input_ids!.shape;
    expect(Object.keys(feeds)).toEqual(['pixel_values', 'input_ids', 'attention_mask', 'position_ids', 'labels']);
    expect(feeds.pixel_values).toMatchObject({ dtype: 'f32', shape: [3, 3, 28, 28] });
    for (const input of ['input_ids', 'attention_mask', 'position_ids', 'labels'])
      expect(feeds[input]).toMatchObject({ dtype: 'i64', shape: [3, width] });
    expect(rows).toBe(3);
    expect(tokens).toBe(Array.from(feeds.labels!.data, Number).filter((label) => label !== -100).length);
    expect(Array.from(feeds.input_ids!.data, Number).filter((id) => id === -1)).toHaveLength(3 * 4);
  });
  it('ends answers with the stage’s symbol', async () => {
    const lastLabel = async (options: object): Promise<string> => {
      const { feeds } = await (await openData('emoji', { ...OPTIONS, batchSize: 1, ...options })).batch(0);
      return String.fromCodePoint(Array.from(feeds.labels!.data, Number).findLast((label) => label !== -100)!);
    };
    expect(await lastLabel({ ...CAPTIONS })).toBe('\n');
    expect(await lastLabel(DESCRIPTIONS)).toBe('#');
    expect(await lastLabel({ ...MULTITASK, endSymbol: '$' })).toBe('$');
  });
  it('refuses options outside their range', async () => {
    const wrong = [
      { batchSize: 0 },
      { tasks: 'chat' as 'captions' },
      { endSymbol: '' },
      { imageSize: 1.5 },
      { seed: -1 },
      { concepts: 19 },
    ];
    for (const options of [...wrong, { split: 'test' as Split }, { template: 'no' as 'none' }])
      await provokes('R0902', () => openData('emoji', { ...OPTIONS, ...options }));
    expect(await provokes('R0902', () => openData('emoji', { ...OPTIONS, concepts: 1000 }))).toContain(
      `the data option concepts is 1000 and must be an integer from 20 to ${CONCEPTS.length}`,
    );
  });
});

describe('texts', () => {
  it('fit in 50 positions with a vocabulary of 512 that was trained on them, conversations in 100', async () => {
    const tokenizer = Tokenizer.from(trainBpe(emojiTexts(500), 512));
    for (const [name, wording, most] of [
      ['emoji', CAPTIONS, 50],
      ['emoji', DESCRIPTIONS, 50],
      ['emoji', MULTITASK, 50],
      ['emoji-pretrain', PRETRAIN, 100],
    ] as const) {
      const source = await openData(name, { ...BASE, ...wording, tokenizer, imageTokens: 8, batchSize: 100 });
      const { feeds } = await source.batch(0);
      expect(feeds.labels!.shape[1]).toBeLessThanOrEqual(most);
    }
  });
  it('of pre-training are conversations: one picture, then questions that no answer before them gives away', async () => {
    const set = pretrainSet(resolveOptions({ ...BASE, ...PRETRAIN }));
    const tasks = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      const { task, turns, meta } = await set.sample(i);
      tasks.set(task, Math.max(tasks.get(task) ?? 0, turns.length));
      expect(turns.map(({ prompt }) => prompt.includes('<ImageHere>'))).toEqual(turns.map((_, turn) => turn === 0));
      expect(new Set(turns.map(({ prompt }) => prompt)).size).toBe(turns.length);
      for (const [turn, { answer }] of turns.entries()) {
        const before = turns.slice(0, turn).flatMap((earlier) => [earlier.prompt, earlier.answer]);
        const said = before.join(' ').split(/[^a-z0-9{}<>]+/);
        if (!/^\d$/.test(answer)) expect(said).not.toContain(answer);
      }
      expect(meta.things.length).toBeGreaterThan(0);
    }
    expect(Object.fromEntries(tasks)).toEqual({
      'vqa-name, vqa-category, refer': 3,
      'caption, refer': 4,
      identify: 3,
      'vqa-relation': 2,
      'vqa-count': 2,
    });
  });
  it('of pre-training end at any question where the model is judged', async () => {
    const examples = await openExamples('emoji-pretrain', { ...BASE, ...PRETRAIN, split: 'held-out', count: 80 });
    expect(new Set(examples.map(({ task }) => task))).toEqual(
      new Set(['caption', 'identify', 'refer', 'vqa-category', 'vqa-count', 'vqa-name', 'vqa-relation']),
    );
    for (const { prompt, answer, task } of examples) {
      expect(prompt.split('<ImageHere>')).toHaveLength(2);
      if (task === 'refer') expect(prompt).toMatch(/where is the [a-z]+\?$/);
      expect(answer).not.toBe('');
    }
  });
  it('prompts use the template and the tasks', async () => {
    const prompts = async (wording: object) =>
      (await openExamples('emoji', { ...OPTIONS, ...wording, count: 30 })).map(({ prompt }) => prompt);
    expect(new Set(await prompts(CAPTIONS))).toEqual(new Set(['<ImageHere>']));
    const asked = await prompts(QUESTIONS);
    expect(asked).toContain('<ImageHere>');
    for (const prompt of asked) expect(prompt).toMatch(/^<ImageHere>$|^<Img><ImageHere><\/Img> [a-z][^[]+$/);
    for (const prompt of await prompts(DESCRIPTIONS))
      expect(prompt).toMatch(/^###Human: <Img><ImageHere><\/Img> [^#]+ ###Assistant: $/);
    for (const prompt of await prompts(MULTITASK))
      expect(prompt).toMatch(
        /^\[INST\] <Img><ImageHere><\/Img> \[(vqa|caption|refer|grounding|identify)\] .+ \[\/INST\]$/,
      );
  });
  it('of the nano vocabulary are spelled without loss', () => {
    const file = fileURLToPath(new URL('../../../models/tokenizer-nano.json', import.meta.url));
    const tokenizer = Tokenizer.from(readFileSync(file, 'utf8'));
    for (const text of emojiTexts(50)) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});
