/** Pictures by class as data: classes, order, crops, mirrored pictures, and what is refused. */
import { encode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { diceOf } from '../../../src/recipes/data/dice.ts';
import { classesOf } from '../../../src/recipes/image-classification/labels.ts';
import { squareOf } from '../../../src/recipes/image-classification/picture.ts';
import { imageClassification } from '../../../src/recipes/image-classification/recipe.ts';
import { resizeBicubic } from '../../../src/runtime/image/resize.ts';
import type { RgbImage } from '../../../src/runtime/image/rgb.ts';
import type { SettingValues } from '../../../src/shared/recipe.ts';
import { folderWith } from '../../support/folder.ts';
import { modelOf, requestOf } from '../text/support.ts';
import { plainPng } from '../vision-language/support.ts';

const PORTS = [
  { name: 'pixel_values', dtype: 'f32' as const, shape: ['N', 3, 4, 4] },
  { name: 'labels', dtype: 'i64' as const, shape: ['N'] },
];
const SETTINGS = { image_size: 4, mean: [0, 0, 0], std: [1, 1, 1] };
const FOLDER = {
  'cat/a.png': plainPng([255, 0, 0]),
  'cat/deep/b.png': plainPng([250, 0, 0]),
  'ant/c.png': plainPng([0, 255, 0]),
  'zebra/d.png': plainPng([0, 0, 255]),
};
const open = (files: Record<string, string | Uint8Array>, settings: SettingValues = {}, more = {}) => {
  const request = requestOf(folderWith(files), modelOf({ ...SETTINGS, ...settings }, PORTS), { batchSize: 4, ...more });
  return { request, source: imageClassification.dataset(request) };
};
/** Label and first pixel of each row. */
const rowsOf = ({ feeds }: Awaited<ReturnType<Awaited<ReturnType<typeof open>['source']>['batch']>>): string[] => {
  const { data, shape } = feeds.pixel_values!;
  const size = shape[2]! * shape[3]!;
  return Array.from(feeds.labels!.data as BigInt64Array, (label, row) => {
    const colour = [0, 1, 2].map((c) => Math.round(255 * Number(data[(3 * row + c) * size])));
    return `${label} ${colour.join()}`;
  }).sort();
};

test('folders are the classes, in the order of their names, with all that lies in them', async () => {
  const { source } = open(FOLDER);
  expect(rowsOf(await (await source).batch(0))).toEqual(['0 0,255,0', '1 250,0,0', '1 255,0,0', '2 0,0,255']);
});

test.each([
  ['labels.csv', 'file,label,by\nant/c.png,7,me\n./zebra/d.png,0,"a, b"\n'],
  ['labels.jsonl', '{"file":"ant/c.png","label":7}\n\n{"file":"zebra/d.png","label":"0"}\n'],
])('%s gives labels; integers are the classes themselves', async (labels, text) => {
  const { source } = open({ ...FOLDER, [labels]: text }, { labels }, { batchSize: 2 });
  expect(rowsOf(await (await source).batch(0))).toEqual(['0 0,0,255', '7 0,255,0']);
});

test('classes are numbered by name', () => {
  expect(classesOf(['b', 'a', 'b']).names).toEqual(['a', 'b']);
  expect(classesOf(['b', 'a', 'b']).numberOf('b')).toBe(1);
  expect(classesOf(['10', '2']).numberOf('10')).toBe(10);
  expect(classesOf(['10', '2']).names).toHaveLength(11);
});

/** Every pixel of another colour. */
const picture = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 37) % 256),
});
const pixel = ({ width, data }: RgbImage, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe('a picture', () => {
  test('without a crop is resized on both sides', () => {
    expect(squareOf(picture(9, 5), { size: 4, resize: 4, crop: 'none', flip: true })).toEqual(
      resizeBicubic(picture(9, 5), 4, 4),
    );
  });

  // torchvision: Resize(6) of 9 × 5 is 10 × 6; CenterCrop(5) begins at round(2.5) = 2 and round(0.5) = 0
  test('is cropped in the middle as torchvision does', () => {
    const resized = resizeBicubic(picture(9, 5), 10, 6);
    const square = squareOf(picture(9, 5), { size: 5, resize: 6, crop: 'center', flip: false });
    expect([square.width, square.height]).toEqual([5, 5]);
    for (let y = 0; y < 5; y++)
      for (let x = 0; x < 5; x++) expect(pixel(square, x, y)).toEqual(pixel(resized, x + 2, y));
  });

  test('is cropped anywhere and mirrored by chance, the same way each time', () => {
    const whole = picture(6, 6);
    const dice = diceOf(1, 'pictures');
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const options = { size: 4, resize: 6, crop: 'random', flip: true } as const;
      const square = squareOf(whole, options, dice(i));
      expect(squareOf(whole, options, dice(i))).toEqual(square);
      const places = [0, 1, 2].flatMap((y) => [0, 1, 2].map((x) => [x, y] as const));
      const place = places.flatMap(([x, y]) => {
        const same = (at: (column: number) => number): boolean =>
          Array.from({ length: 16 }, (_, p) => [p % 4, p >> 2] as const).every(
            ([c, r]) => pixel(square, c, r).join() === pixel(whole, x + at(c), y + r).join(),
          );
        return [...(same((c) => c) ? [`${x} ${y}`] : []), ...(same((c) => 3 - c) ? [`${x} ${y} mirrored`] : [])];
      });
      expect(place).toHaveLength(1);
      seen.add(place[0]!);
    }
    expect(seen.size).toBe(18);
  });

  test('to be judged is the middle, not mirrored', () => {
    const options = { size: 4, resize: 6, crop: 'random', flip: true } as const;
    expect(squareOf(picture(6, 6), options)).toEqual(
      squareOf(picture(6, 6), { ...options, crop: 'center', flip: false }),
    );
  });
});

describe('mistakes', () => {
  const refused = async (given: ReturnType<typeof open>, code: string, message: string): Promise<void> => {
    await expect(given.source).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  };

  test('a folder without classes, and pictures beside them', async () => {
    await refused(open({ 'a.png': plainPng([1, 2, 3]) }), 'R1141', 'no picture lies in the folder of a class');
    await refused(open({ 'a.txt': '' }), 'R1141', 'no .png or .jpg or .jpeg or .webp file is there');
    const { request, source } = open({ ...FOLDER, 'stray.png': plainPng([1, 2, 3]) });
    await source;
    expect(request.notes).toEqual(['pictures that lie in no folder of a class are left out: 1, such as stray.png']);
  });

  test.each([
    [
      'no such picture',
      'file,label\ncat/x.png,cat\n',
      'line 2 of labels.csv names cat/x.png, which is not in the folder',
    ],
    ['no label', 'file,label\ncat/a.png,\n', 'line 2 of labels.csv has no "label"'],
    [
      'other columns',
      'path,class\ncat/a.png,cat\n',
      'line 1 of labels.csv has the columns path, class, and a header with file and label is expected',
    ],
  ])('labels: %s', async (_, text, message) => {
    await refused(open({ ...FOLDER, 'labels.csv': text }, { labels: 'labels.csv' }), 'R1140', message);
  });

  test('labels that are not there, and a line that is no JSON', async () => {
    await refused(
      open({ ...FOLDER, 'l.csv': '' }, { labels: 'labels.csv' }),
      'R1141',
      'it has no file of labels labels.csv',
    );
    await refused(
      open({ ...FOLDER, 'l.jsonl': '{"file":"cat/a.png","label":1}\n{' }, { labels: 'l.jsonl' }),
      'R1140',
      'line 2 of l.jsonl is not JSON',
    );
  });

  test('a damaged picture ends the run, or another takes its place', async () => {
    const files = { ...FOLDER, 'ant/c.png': FOLDER['ant/c.png'].subarray(0, 40) };
    const failing = await open(files).source;
    await expect(failing.batch(0)).rejects.toMatchObject({
      code: 'R1146',
      message: expect.stringContaining('the picture ant/c.png cannot be used'),
    });
    const { request, source } = open(files, {}, { badRows: 'skip' });
    const rows = rowsOf(await (await source).batch(0));
    await (await source).batch(1);
    expect(rows.every((row) => !row.startsWith('0'))).toBe(true);
    expect(request.notes).toHaveLength(1);
    expect(request.notes[0]).toMatch(/^skipped ant\/c\.png: /);
    const bad = open({ 'a/b.png': 'text' }, {}, { badRows: 'skip' });
    await expect((await bad.source).batch(0)).rejects.toMatchObject({ code: 'R1145' });
  });

  test('more classes than the model has', async () => {
    const model = modelOf(SETTINGS, PORTS);
    const few = {
      ...model,
      entry: () => ({ inputs: PORTS, outputs: [{ name: 'logits', dtype: 'f32' as const, shape: ['N', 2] }] }),
    };
    await expect(imageClassification.dataset(requestOf(folderWith(FOLDER), few))).rejects.toMatchObject({
      code: 'R1147',
      message: expect.stringContaining('has 3 classes and the logits of GPT have 2'),
    });
  });

  test('settings that do not fit', async () => {
    await refused(open(FOLDER, { image_size: undefined }), 'R1122', 'need the setting image_size');
    await refused(
      open(FOLDER, { resize: 3 }),
      'R1121',
      'the setting resize of the recipe image-classification is 3 and must be an int of at least image_size, 4',
    );
    await refused(open(FOLDER, { image_size: 5 }), 'R1144', 'has f32 [4, 3, 5, 5] for the input pixel_values');
  });
});

test('pixels are scaled and normalised by channel', async () => {
  const png = encode({ width: 4, height: 4, channels: 3, depth: 8, data: picture(4, 4).data });
  const { source } = open({ 'a/b.png': png }, { mean: [0.5, 0.25, 0], std: [0.5, 1, 2] }, { batchSize: 1 });
  const { data } = (await (await source).batch(0)).feeds.pixel_values!;
  for (let i = 0; i < 16; i++) {
    const [r, g, b] = picture(4, 4).data.subarray(3 * i, 3 * i + 3);
    expect(Number(data[i])).toBeCloseTo((r! / 255 - 0.5) / 0.5, 6);
    expect(Number(data[16 + i])).toBeCloseTo(g! / 255 - 0.25, 6);
    expect(Number(data[32 + i])).toBeCloseTo(b! / 255 / 2, 6);
  }
});
