import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Example } from '../../../src/recipes/vision-language/data/example.ts';
import { parseRecord } from '../../../src/recipes/vision-language/data/folder/records.ts';
import { openData, openExamples } from '../../../src/recipes/vision-language/data/index.ts';
import type { BadImage, DataOptions } from '../../../src/recipes/vision-language/data/options.ts';
import { resolveOptions } from '../../../src/recipes/vision-language/data/options.ts';
import { batchesOf } from '../../../src/recipes/vision-language/data/source.ts';
import type { DecodeOptions } from '../../../src/runtime/image/options.ts';
import { preprocessImage } from '../../../src/runtime/image/preprocess.ts';
import { provokes } from '../../runtime/support.ts';
import { folderWith } from '../../support/folder.ts';
import { readJson } from '../../support/reference.ts';
import { CAPTIONS, DESCRIPTIONS, MULTITASK, OPTIONS, plainPng } from './support.ts';

const root = folderWith();
let made = 0;
beforeAll(() => writeFileSync(join(root, 'outside.png'), plainPng([1, 2, 3])));

/** A folder with images of the given names and a file of records. */
function folder(records: readonly object[], images: readonly string[] = [], file = 'data.jsonl'): string {
  const path = join(root, `set${made++}`);
  mkdirSync(path);
  images.forEach((name, i) => {
    writeFileSync(join(path, name), plainPng([10 * i, 0, 0]));
  });
  if (records.length > 0) writeFileSync(join(path, file), records.map((record) => JSON.stringify(record)).join('\n'));
  return path;
}
const many = (count: number) => Array.from({ length: count }, (_, i) => ({ image: `${i}.png`, caption: `thing ${i}` }));
const answers = (examples: readonly Example[]): string[] => examples.map(({ answer }) => answer);
const batchText = (labels: ArrayLike<number | bigint>): string =>
  String.fromCodePoint(...Array.from(labels, Number).filter((label) => label !== -100));

describe('records', () => {
  const parse = (record: unknown) => parseRecord(JSON.stringify(record), 'data.jsonl', 3);

  it('are captions, questions or conversations', () => {
    expect(parse({ image: 'a.png', caption: 'a dog', more: 1 })).toEqual({
      image: 'a.png',
      task: 'caption',
      turns: [{ answer: 'a dog' }],
    });
    expect(parse({ image: 'a.png', question: 'q', answer: 'a', task: 'refer' })).toEqual({
      image: 'a.png',
      task: 'refer',
      turns: [{ question: 'q', answer: 'a' }],
    });
    const turns = [
      { question: 'q', answer: 'a' },
      { question: 'r', answer: 'b' },
    ];
    expect(parse({ image: 'a.png', conversations: turns }).turns).toEqual(turns);
    const llava = [
      { from: 'human', value: '<image>\nq' },
      { from: 'gpt', value: 'a' },
      { from: 'human', value: 'r' },
      { from: 'gpt', value: 'b' },
    ];
    expect(parse({ image: 'a.png', conversations: llava }).turns).toEqual(turns);
  });
  it.each([
    [{ caption: 'x' }, 'has no text "image"'],
    [{ image: 'a.png' }, 'has neither "caption" nor "question" nor "conversations"'],
    [{ image: 'a.png', question: 'q' }, 'has no text "answer"'],
    [{ image: 'a.png', caption: ' ' }, 'has no text "caption"'],
    [{ image: 'a.png', caption: 'an <ImageHere>' }, 'has <ImageHere> in "caption"'],
    [{ image: 'a.png', conversations: [] }, 'has no list of "conversations"'],
    [{ image: 'a.png', conversations: [3] }, 'has a turn that is not an object'],
    [{ image: 'a.png', conversations: [{ from: 'gpt', value: 'x' }] }, 'has turn 1 not from human'],
    [{ image: 'a.png', conversations: [{ from: 'human', value: 'x' }] }, 'ends with a question'],
    [[1], 'is not an object'],
  ])('refuses %j', async (record, reason) => {
    expect(await provokes('R0904', () => parse(record))).toContain(`line 3 of data.jsonl ${reason}, and {"image"`);
  });
  it('refuses what is not JSON, when the folder is opened', async () => {
    const path = folder([{ image: 'a.png', caption: 'x' }]);
    writeFileSync(join(path, 'more.jsonl'), '\n\n{"image": \n');
    expect(await provokes('R0904', () => openData(path, OPTIONS))).toContain('line 3 of more.jsonl is not JSON (');
  });
});

describe('a folder', () => {
  it('gives batches with its images', async () => {
    const path = folder([{ image: 'a.png', caption: 'dög' }], ['a.png'], 'train.jsonl');
    writeFileSync(join(path, 'held-out.jsonl'), '{"image": "a.png", "caption": "cat"}\n');
    const { feeds, rows } = await (await openData(path, { ...OPTIONS, batchSize: 2 })).batch(0);
    expect(rows).toBe(2);
    expect(batchText(feeds.labels!.data)).toBe('dög\ndög\n');
    const pixels = preprocessImage(plainPng([0, 0, 0]), { size: 28 }).data;
    expect([...feeds.pixel_values!.data]).toEqual([...pixels, ...pixels]);
    expect(answers(await openExamples(path, { ...OPTIONS, split: 'held-out' }))).toEqual(['cat']);
    expect(await openExamples(path, { ...OPTIONS, split: 'all' })).toHaveLength(2);
  });
  it('is shuffled anew each epoch, and each epoch has all of it', async () => {
    const records = many(40);
    const path = folder(
      records,
      records.map(({ image }) => image),
    );
    const train = await openExamples(path, { ...OPTIONS, count: 1000 });
    const heldOut = await openExamples(path, { ...OPTIONS, split: 'held-out', count: 1000 });
    expect(heldOut.length).toBeGreaterThan(0);
    expect([...answers(train), ...answers(heldOut)].sort()).toEqual(records.map(({ caption }) => caption).sort());
    const all = await openExamples(path, { ...OPTIONS, split: 'all', count: 1000 });
    expect(answers(all).sort()).toEqual(records.map(({ caption }) => caption).sort());
    const epochs = async (seed: number): Promise<string[]> => {
      const data = await openData(path, { ...OPTIONS, batchSize: train.length, seed });
      return Promise.all([0, 1].map(async (step) => batchText((await data.batch(step)).feeds.labels!.data)));
    };
    const [first, second] = (await epochs(1)) as [string, string];
    const sorted = (text: string) => text.split('\n').sort();
    expect(first).toBe(
      answers(train)
        .map((answer) => `${answer}\n`)
        .join(''),
    );
    expect(sorted(second)).toEqual(sorted(first));
    expect(second).not.toBe(first);
    expect(await epochs(1)).toEqual([first, second]);
    expect((await epochs(2))[0]).not.toBe(first);
  });
  it('words its records by tasks and template', async () => {
    const conversations = [
      { question: 'q', answer: 'a' },
      { question: 'r', answer: 'b' },
    ];
    const path = folder([{ image: 'a.png', caption: 'dog' }], ['a.png'], 'train.jsonl');
    const other = folder([{ image: 'a.png', question: 'what?', answer: 'dog' }], ['a.png'], 'train.jsonl');
    const talk = folder([{ image: 'a.png', conversations }], ['a.png'], 'train.jsonl');
    for (const set of [path, other, talk]) writeFileSync(join(set, 'held-out.jsonl'), '');
    const prompt = async (set: string, wording: object) =>
      (await openExamples(set, { ...OPTIONS, ...wording }))[0]!.prompt;
    expect(await prompt(path, CAPTIONS)).toBe('<ImageHere>');
    expect(await prompt(path, DESCRIPTIONS)).toBe(
      '###Human: <Img><ImageHere></Img> Take a look at this image and describe what you notice. ###Assistant: ',
    );
    expect(await prompt(path, MULTITASK)).toBe('[INST] <Img><ImageHere></Img> [caption] describe this image. [/INST]');
    expect(await prompt(other, DESCRIPTIONS)).toBe('###Human: <Img><ImageHere></Img> what? ###Assistant: ');
    expect(await prompt(other, MULTITASK)).toBe('[INST] <Img><ImageHere></Img> [vqa] what? [/INST]');
    expect(await prompt(talk, MULTITASK)).toBe('[INST] <Img><ImageHere></Img> q [/INST]a\n[INST] r [/INST]');
    const { feeds } = await (await openData(talk, { ...OPTIONS, ...MULTITASK, batchSize: 1 })).batch(0);
    expect(batchText(feeds.labels!.data)).toBe('a\nb\n');
  });
  it('reads long files in pieces', async () => {
    const long = 'x'.repeat(1000);
    const records = Array.from({ length: 3000 }, (_, i) => ({ image: 'a.png', caption: `${long}${i}é` }));
    const path = folder(records, ['a.png'], 'train.jsonl');
    writeFileSync(join(path, 'held-out.jsonl'), '');
    const found = await openExamples(path, { ...OPTIONS, imageSize: 1, count: 3000 });
    expect(answers(found).sort()).toEqual(records.map(({ caption }) => caption).sort());
    expect(found[0]!.meta.source).toMatch(/^train\.jsonl:\d+$/);
  });
});

describe('images that cannot be used', () => {
  const records = [
    { image: 'good.png', caption: 'good' },
    { image: 'missing.png', caption: 'missing' },
    { image: 'bad.png', caption: 'bad' },
  ];
  const broken = (): string => {
    const path = folder(records, ['good.png'], 'train.jsonl');
    writeFileSync(join(path, 'held-out.jsonl'), '{"image": "missing.png", "caption": "x"}');
    writeFileSync(join(path, 'bad.png'), plainPng([1, 1, 1]).subarray(0, 40));
    return path;
  };

  it('stop the run, or are reported once and replaced', async () => {
    const path = broken();
    const message = await provokes('R0906', async () => {
      const data = await openData(path, OPTIONS);
      await data.batch(0);
    });
    expect(message).toMatch(
      /^the image (missing\.png of line 2 of train\.jsonl cannot be used: it does not exist|bad\.png of line 3 of train\.jsonl cannot be used: the PNG is damaged)/,
    );
    const problems: BadImage[] = [];
    const report = (problem: BadImage): void => void problems.push(problem);
    const data = await openData(path, { ...OPTIONS, onBadImage: 'skip', report });
    for (let step = 0; step < 4; step++)
      expect(batchText((await data.batch(step)).feeds.labels!.data)).toBe('good\ngood\ngood\n');
    expect(problems.map(({ image, line }) => `${image} ${line}`).sort()).toEqual(['bad.png 3', 'missing.png 2']);
  });
  it('all of them leave nothing', async () => {
    const options = { ...OPTIONS, split: 'held-out', onBadImage: 'skip' } as const;
    const message = await provokes('R0907', async () => (await openData(broken(), options)).batch(0));
    expect(message).toContain('the held-out split of set');
    expect(message).toContain('(every image was skipped)');
  });
});

describe('what is no data', () => {
  it('is named', async () => {
    expect(await provokes('R0903', () => openData('emojis', OPTIONS))).toContain('the data emojis cannot be opened (');
    expect(await provokes('R0903', () => openData(folder([]), OPTIONS))).toContain('(it has no .jsonl file)');
    const path = folder([{ image: 'a.png', caption: 'x' }], [], 'held-out.jsonl');
    writeFileSync(join(path, 'train.jsonl'), '\n');
    expect(await provokes('R0907', () => openData(path, OPTIONS))).toContain('(it has no records)');
  });
  it.each(['../outside.png', 'sub/../../outside.png', 'link.png', '.', `${root}/outside.png`])(
    'an image outside: %s',
    async (image) => {
      const path = folder([{ image, caption: 'x' }]);
      symlinkSync(join(root, 'outside.png'), join(path, 'link.png'));
      const message = await provokes('R0905', () => openData(path, { ...OPTIONS, onBadImage: 'skip' }));
      expect(message).toContain(`line 1 of data.jsonl names the image ${image}, which lies outside`);
    },
  );
  it('a link made after the folder was opened is not followed', async () => {
    const path = folder([{ image: 'late.png', caption: 'x' }], [], 'train.jsonl');
    writeFileSync(join(path, 'held-out.jsonl'), '');
    const data = await openData(path, OPTIONS);
    symlinkSync(join(root, 'outside.png'), join(path, 'late.png'));
    await provokes('R0905', () => data.batch(0));
  });
});

describe('prompts with another number of images', () => {
  it.each([
    ['no image', 0],
    ['<ImageHere><ImageHere>', 8],
  ])('%s', async (prompt, found) => {
    const options = resolveOptions(OPTIONS);
    const picture = { width: 28, height: 28, data: new Uint8Array(3 * 28 * 28) };
    const sample = { task: 'x', turns: [{ prompt, answer: 'y' }], picture, meta: { things: [], source: '' } };
    const source = batchesOf({ name: 'x', sample: () => Promise.resolve(sample) }, options);
    expect(await provokes('R0909', () => source.batch(0))).toContain(
      `row 0 has ${found} image tokens and its images have 4`,
    );
  });
});

describe('the pictures of a folder', () => {
  const formats = readJson<{ oriented: { name: string; file: string }[]; png: { name: string; file: string }[] }>(
    'image/formats.json',
  );
  const fileOf = (kind: 'oriented' | 'png', name: string) =>
    new Uint8Array(Buffer.from(formats[kind].find((one) => one.name === name)!.file, 'base64'));
  const sampleOf = async (file: Uint8Array, options: Partial<DataOptions>) => {
    const path = folder([{ image: 'a', caption: 'x' }]);
    writeFileSync(join(path, 'a'), file);
    writeFileSync(join(path, 'held-out.jsonl'), '');
    writeFileSync(join(path, 'train.jsonl'), JSON.stringify({ image: 'a', caption: 'x' }));
    const { feeds } = await (await openData(path, { ...OPTIONS, batchSize: 1, ...options })).batch(0);
    return [...(feeds.pixel_values!.data as Float32Array)];
  };
  const expected = (file: Uint8Array, options: DecodeOptions) => [
    ...(preprocessImage(file, { size: OPTIONS.imageSize, ...options }).data as Float32Array),
  ];

  it('stand upright, unless exif_orientation is off', async () => {
    const file = fileOf('oriented', 'JPEG 6');
    expect(await sampleOf(file, {})).toEqual(expected(file, { exif_orientation: true }));
    expect(await sampleOf(file, { exif_orientation: false })).toEqual(expected(file, {}));
  });

  it('have the background that the model was trained with', async () => {
    const file = fileOf('png', 'palette 4 bit, transparent');
    expect(await sampleOf(file, {})).toEqual(expected(file, {}));
    const white = { background: [255, 255, 255] } as const;
    expect(await sampleOf(file, white)).toEqual(expected(file, white));
  });

  it('R0906: more pixels than are allowed', async () => {
    const file = fileOf('oriented', 'JPEG 1');
    expect(await provokes('R0906', () => sampleOf(file, { max_pixels: 14 }))).toContain('at most 14 are read');
  });
});
