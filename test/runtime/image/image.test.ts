import fc from 'fast-check';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/runtime/image/decode.ts';
import { normaliseImage, type PreprocessOptions, preprocessImage } from '../../../src/runtime/image/preprocess.ts';
import { type FilterName, resizeBicubic, resizeImage } from '../../../src/runtime/image/resize.ts';
import { imageSettings } from '../../../src/runtime/image/settings.ts';
import { readJson } from '../../support/reference.ts';
import { provokes } from '../support.ts';

type Size = [width: number, height: number];
interface Decoded {
  readonly name: string;
  readonly file: string;
  readonly size: Size;
  readonly rgb: string;
}
interface Resized {
  readonly from: Size;
  readonly rgb: string;
  readonly to: Size;
  readonly expected: string;
  /** by Pillow before version 13 */
  readonly width_first: string;
}

// all made by Pillow: see test/fixtures/image/make.py
const cases = readJson<{ png: Decoded[]; jpeg: Decoded[]; webp: string; resized: Resized[] }>('image/cases.json');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const pngOf = (name: string) => bytes(cases.png.find((one) => one.name === name)!.file);

describe('resizing', () => {
  const {
    from,
    rgb,
    cases: all,
  } = readJson<{
    from: Size;
    rgb: string;
    cases: { filter: FilterName; to: Size; expected: string }[];
  }>('image/filters.json'); // made by Pillow: test/fixtures/image/filters.py
  it.each(all)('$filter to $to: exactly as Pillow', ({ filter, to, expected }) => {
    const image = { width: from[0], height: from[1], data: bytes(rgb) };
    expect(resizeImage(image, ...to, { filter }).data).toEqual(bytes(expected));
  });
});

describe('decoding', () => {
  it.each(cases.png)('PNG, $name: exactly as Pillow', ({ file, size, rgb }) => {
    const image = decodeImage(bytes(file));
    expect([image.width, image.height]).toEqual(size);
    expect(image.data).toEqual(bytes(rgb));
  });

  it.each(cases.jpeg)('$name: as Pillow', ({ file, size, rgb }) => {
    const image = decodeImage(bytes(file));
    expect([image.width, image.height]).toEqual(size);
    expect(image.data).toEqual(bytes(rgb));
  });

  it('R0401: other formats by their first bytes', async () => {
    expect(await provokes('R0401', () => decodeImage(new TextEncoder().encode('GIF89a')))).toContain('GIF');
    const avif = new TextEncoder().encode('\0\0\0\x1cftypavif');
    expect(await provokes('R0401', () => decodeImage(avif))).toContain('AVIF');
    const found = (text: string) => provokes('R0401', () => decodeImage(new TextEncoder().encode(text)));
    expect(await found('<?xml version="1.0"?>\n<svg/>')).toContain('SVG');
    expect(await found('\n<!DOCTYPE html><title>404</title>')).toContain('an HTML page');
    expect(await found('version https://git-lfs.github.com/spec/v1\noid sha256:0')).toContain('git lfs pull');
    expect(await found('\0\0\0\x0cjP  \r\n')).toContain('JPEG 2000');
    expect(await found('')).toContain('an empty file');
  });

  it('R0410, R0407: options of other names and kinds', async () => {
    const png = pngOf('rgb 8 bit');
    const decode = (options: object) => () => decodeImage(png, options);
    expect(await provokes('R0410', decode({ exifOrientation: true }))).toContain('did you mean exif_orientation');
    expect(await provokes('R0410', decode({ size: 8 }))).toContain('background, max_pixels');
    const preprocess = (options: object) => () => preprocessImage(png, { size: 8, ...options });
    expect(await provokes('R0410', preprocess({ means: [0, 0, 0] }))).toContain('did you mean mean');
    for (const more of [{ std: [0, 1, 1] }, { mean: 0.5 }, { mean: [0, Number.NaN, 0] }])
      await provokes('R0407', preprocess(more));
    await provokes('R0405', preprocess({ size: '56' }));
    await provokes('R0410', () =>
      preprocessImage({ width: 1, height: 1, data: new Uint8Array(3) }, {
        size: 1,
        crop: true,
      } as PreprocessOptions),
    );
  });

  it('R0411: a slip in the image record of a config; what a model reads itself may stand there', async () => {
    const slip = { image: { backgroud: [255, 255, 255] } };
    expect(await provokes('R0411', () => imageSettings(slip))).toContain('did you mean image.background');
    expect(imageSettings({ image: { size: 224, patch: 16 } })).toEqual({ exif_orientation: true });
  });

  it('R0402: too many pixels, before memory is allocated', async () => {
    const png = pngOf('rgb 8 bit');
    new DataView(png.buffer).setUint32(16, 60_000);
    new DataView(png.buffer).setUint32(20, 60_000);
    await provokes('R0402', () => decodeImage(png));
    const jpeg = bytes(cases.jpeg[0]!.file);
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.fill(0xff, frame + 5, frame + 9);
    await provokes('R0402', () => decodeImage(jpeg));
  });

  it('R0403: damaged files', async () => {
    const png = pngOf('rgb 8 bit');
    await provokes('R0403', () => decodeImage(png.subarray(0, 20)));
    await provokes('R0403', () => decodeImage(png.subarray(0, png.length - 6)));
    const wrongCrc = png.slice();
    wrongCrc[29]! ^= 1;
    await provokes('R0403', () => decodeImage(wrongCrc));
    const noPalette = pngOf('grey 8 bit');
    noPalette[25] = 3;
    await provokes('R0403', () => decodeImage(noPalette));
    const fourBitRgb = png.slice();
    fourBitRgb[24] = 4;
    await provokes('R0403', () => decodeImage(fourBitRgb));
    const noSize = png.slice();
    noSize.fill(0, 16, 20);
    await provokes('R0403', () => decodeImage(noSize));
    const jpeg = bytes(cases.jpeg[0]!.file);
    await provokes('R0403', () => decodeImage(jpeg.subarray(0, 100)));
    await provokes('R0403', () => decodeImage(jpeg.subarray(0, jpeg.length - 200)));
  });

  it('R0403: more compressed data than the image can need', async () => {
    const big = encode({
      width: 300,
      height: 300,
      data: new Uint8Array(270_000).map(() => Math.random() * 256),
      channels: 3,
      depth: 8,
    });
    const claims = big.slice();
    new DataView(claims.buffer).setUint32(16, 2);
    new DataView(claims.buffer).setUint32(20, 2);
    expect(await provokes('R0403', () => decodeImage(claims))).toContain('more data than its size explains');
  });

  it('never fails otherwise, whatever the bytes', () => {
    const files = [pngOf('rgb 8 bit'), pngOf('palette 2 bit'), bytes(cases.jpeg[0]!.file), bytes(cases.webp)];
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(), fc.nat(255), (file, at, value) => {
        const spoiled = file.slice();
        spoiled[at % file.length] = value;
        try {
          decodeImage(spoiled);
        } catch (error) {
          expect((error as Error).name).toBe('RuntimeError');
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('bicubic resize', () => {
  it.each(cases.resized)('$from to $to: exactly as Pillow', ({ from, rgb, to, expected, width_first }) => {
    const image = { width: from[0], height: from[1], data: bytes(rgb) };
    const result = resizeBicubic(image, to[0], to[1]);
    expect([result.width, result.height]).toEqual(to);
    expect(result.data).toEqual(bytes(expected));
    expect(resizeBicubic(image, to[0], to[1], 'width-first').data).toEqual(bytes(width_first));
  });
});

describe('normalising', () => {
  it('(v / 255 − mean) / std, channels first', () => {
    const { shape, data } = normaliseImage({ width: 2, height: 1, data: Uint8Array.of(0, 128, 255, 255, 0, 64) });
    expect(shape).toEqual([1, 3, 1, 2]);
    const expected = [
      (0 - 0.48145466) / 0.26862954,
      (1 - 0.48145466) / 0.26862954,
      (128 / 255 - 0.4578275) / 0.26130258,
      (0 - 0.4578275) / 0.26130258,
      (1 - 0.40821073) / 0.27577711,
      (64 / 255 - 0.40821073) / 0.27577711,
    ];
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6);
  });
  it('preprocessImage does all of it', async () => {
    const tensor = preprocessImage(pngOf('filters'), { size: 14 });
    expect(tensor).toMatchObject({ dtype: 'f32', shape: [1, 3, 14, 14] });
    expect(preprocessImage(pngOf('filters'), { size: [7, 9], mean: [0, 0, 0], std: [1, 1, 1] }).shape).toEqual([
      1, 3, 7, 9,
    ]);
    await provokes('R0405', () => preprocessImage(pngOf('filters'), { size: 0 }));
    await provokes('R0405', () => preprocessImage(pngOf('filters'), { size: [14, 1e6] }));
  });
});
