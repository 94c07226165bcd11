/** Every kind of PNG, JPEG and WebP against Pillow; what each file is, and where `white` comes from: formats.py. */
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeOnWhite } from '../../../src/recipes/data/pixels.ts';
import { checkImage, decodeImage } from '../../../src/runtime/image/decode.ts';
import { MAX_PIXELS } from '../../../src/runtime/image/options.ts';
import { readPng } from '../../../src/runtime/image/png/chunks.ts';
import { eachRow } from '../../../src/runtime/image/png/rows.ts';
import { readJson } from '../../support/reference.ts';
import { provokes } from '../support.ts';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly size: readonly [width: number, height: number];
  readonly rgb: string;
}
type OnWhite = Case & { readonly white: string };
type Oriented = Case & { readonly upright: string; readonly upright_size: readonly [number, number] };

const formats = readJson<{
  png: OnWhite[];
  jpeg: Case[];
  webp: OnWhite[];
  oriented: Oriented[];
  refused: { name: string; file: string }[];
  animated: string;
}>('image/formats.json');
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const jpegOf = (name: string) => bytes(formats.jpeg.find((one) => one.name === name)!.file);

/** In units of 255: the largest, and the mean with its sign. */
function difference(found: Uint8Array, expected: string): { readonly max: number; readonly bias: number } {
  const values = bytes(expected);
  if (found.length !== values.length) throw new Error(`${found.length} bytes and not ${values.length}`);
  let [max, sum] = [0, 0];
  for (const [i, value] of values.entries()) {
    max = Math.max(max, Math.abs(found[i]! - value));
    sum += found[i]! - value;
  }
  return { max, bias: sum / values.length };
}
const NONE = { max: 0, bias: 0 };
const WHITE = [255, 255, 255] as const;

describe('equal to Pillow, convert("RGB")', () => {
  it.each([...formats.png.map((one) => ({ ...one, name: `PNG, ${one.name}` })), ...formats.webp])(
    '$name',
    ({ file, size, rgb, white }) => {
      const image = decodeImage(bytes(file));
      expect([image.width, image.height]).toEqual(size);
      expect(difference(image.data, rgb)).toEqual(NONE);
      expect(difference(decodeImage(bytes(file), { background: WHITE }).data, white)).toEqual(NONE);
      expect(difference(decodeOnWhite(bytes(file)).data, white)).toEqual(NONE);
    },
  );

  it.each(formats.jpeg)('JPEG, $name', ({ file, size, rgb }) => {
    const image = decodeImage(bytes(file));
    expect([image.width, image.height]).toEqual(size);
    expect(difference(image.data, rgb)).toEqual(NONE);
    // a JPEG has no transparency: nothing shows through
    expect(difference(decodeOnWhite(bytes(file)).data, rgb)).toEqual(NONE);
  });
});

describe('EXIF orientation', () => {
  it.each(formats.oriented)('$name: as it stands, and as ImageOps.exif_transpose', (one) => {
    expect(difference(decodeImage(bytes(one.file)).data, one.rgb)).toEqual(NONE);
    const upright = decodeImage(bytes(one.file), { exif_orientation: true });
    expect([upright.width, upright.height]).toEqual(one.upright_size);
    expect(difference(upright.data, one.upright)).toEqual(NONE);
  });

  it('is 1 where the EXIF data is nonsense', () => {
    const file = bytes(formats.oriented.find(({ name }) => name === 'JPEG 6')!.file);
    const tiff = Buffer.from(file).indexOf('Exif') + 6;
    for (const [at, value] of [
      [0, 0x4e], // no byte order
      [3, 43], // no TIFF
      [7, 0xff], // a directory past the end
    ] as const) {
      const spoiled = file.slice();
      spoiled[tiff + at] = value;
      expect(decodeImage(spoiled, { exif_orientation: true }).data).toEqual(decodeImage(file).data);
    }
  });
});

const crc32 = (bytes: Uint8Array): number => {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  }
  return ~crc >>> 0;
};
const chunk = (kind: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
};
interface Written {
  readonly size: readonly [width: number, height: number];
  readonly depth: number;
  readonly colourType: number;
  /** as stored, with the byte of the filter before each row */
  readonly rows: Uint8Array;
  readonly tRNS?: readonly number[];
}
function pngOf({ size, depth, colourType, rows, tRNS }: Written): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size[0], 0);
  header.writeUInt32BE(size[1], 4);
  header.set([depth, colourType], 8);
  const words = (tRNS ?? []).flatMap((value) => [value >> 8, value & 255]);
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...(tRNS ? [chunk('tRNS', Buffer.from(words))] : []),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.of()),
  ]);
}

describe('a transparent colour counts in as many low bits as a sample has: PNG specification, 11.3.2.1', () => {
  const [grey, rgb] = [0, 2];
  // of 8 bits, and of 1 bit with other high bits, Pillow 13 says the same
  it.each([
    ['grey, 8 bits', 8, grey, [0x4d4d], [0x4d, 0x4c, 0xff], [true, false, false]],
    ['grey, 1 bit', 1, grey, [0xff01], [0b01000000], [false, true, false]],
    ['grey, 2 bits', 2, grey, [0xfff6], [0b10011100], [true, false, false]],
    ['grey, 4 bits', 4, grey, [0x10f], [0xf0, 0x10], [true, false, false]],
    ['RGB, 8 bits', 8, rgb, [0x105, 0x206, 0x307], [5, 6, 7, 5, 6, 8, 1, 2, 3], [true, false, false]],
    [
      'RGB, 16 bits',
      16,
      rgb,
      [0x105, 0x206, 0x307],
      [1, 5, 2, 6, 3, 7, 1, 5, 2, 6, 3, 8, 1, 2, 3, 5, 6, 7],
      [true, false, false],
    ],
    ['grey, 16 bits', 16, grey, [0x105], [1, 5, 0, 5, 1, 4], [true, false, false]],
  ] as const)('%s', (_, depth, colourType, tRNS, row, transparent) => {
    const file = pngOf({ size: [3, 1], depth, colourType, tRNS, rows: Buffer.from([0, ...row]) });
    const without = decodeImage(file).data;
    const marked = decodeImage(file, { background: [9, 8, 7] }).data;
    for (const [i, is] of transparent.entries())
      expect([...marked.subarray(3 * i, 3 * i + 3)], `pixel ${i}`).toEqual(
        is ? [9, 8, 7] : [...without.subarray(3 * i, 3 * i + 3)],
      );
  });
});

describe('an orientation of EXIF data, by type and count: 6 turns where ImageOps.exif_transpose of Pillow 13 turns', () => {
  it.each([
    ['BYTE', 1, 1, [6], false],
    ['ASCII', 2, 1, [6], false],
    ['SHORT', 3, 1, [6, 0], true],
    ['SHORT, none', 3, 0, [6, 0], false],
    ['SHORT, two', 3, 2, [6, 0, 3, 0], true],
    ['LONG', 4, 1, [6, 0, 0, 0], true],
    ['SBYTE', 6, 1, [6], true],
    ['UNDEFINED', 7, 1, [6], false],
    ['SSHORT', 8, 1, [6, 0], true],
    ['SLONG', 9, 1, [6, 0, 0, 0], true],
  ] as const)('%s', (_, type, count, value, turns) => {
    const field = [0x12, 1, type, 0, count, 0, 0, 0, ...value, ...Array<number>(4 - value.length).fill(0)];
    const tiff = [...Buffer.from('II*\0\x08\0\0\0', 'latin1'), 1, 0, ...field, 0, 0, 0, 0];
    const content = [...Buffer.from('Exif\0\0', 'latin1'), ...tiff];
    const plain = jpegOf('4:4:4');
    const file = Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, content.length + 2, ...content, ...plain.subarray(2)]);
    const [before, after] = [decodeImage(plain), decodeImage(file, { exif_orientation: true })];
    const same = Buffer.compare(before.data, after.data) === 0;
    expect(same).toBe(!turns);
  });
});

describe('what is refused, by name', () => {
  it.each(formats.refused)('R0404: $name', async ({ name, file }) => {
    expect(await provokes('R0404', () => decodeImage(bytes(file)))).toContain(name.split(',')[0]);
  });

  it('R0404: an animated WebP', async () => {
    expect(await provokes('R0404', () => decodeImage(bytes(formats.animated)))).toContain('an animated WebP');
  });

  it('R0404: two components, which Pillow does not read either', async () => {
    const file = jpegOf('4:4:4');
    file[file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0) + 9] = 2;
    expect(await provokes('R0404', () => decodeImage(file))).toContain('2 components');
  });

  it('R0404: more scans than any picture needs, each of which would cost a pass over it', async () => {
    const file = jpegOf('4:2:0 progressive');
    const first = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xda);
    const second = file.findIndex((byte, i) => i > first && byte === 0xff && file[i + 1] === 0xda);
    const scan = [...file.subarray(first, second)];
    const many = Uint8Array.from([...file.subarray(0, first), ...Array(101).fill(scan).flat(), 0xff, 0xd9]);
    expect(await provokes('R0404', () => decodeImage(many))).toContain('100 scans');
  });

  it('R0403: files that are cut short, in their first byte or their last', async () => {
    for (const { file } of [formats.jpeg[0]!, formats.webp[0]!, formats.webp[4]!, formats.png[0]!]) {
      const whole = bytes(file);
      for (const length of [30, Math.floor(whole.length / 2), whole.length - 1])
        await provokes('R0403', () => decodeImage(whole.subarray(0, length)));
    }
  });

  it('R0512: what is no file and what are no options', async () => {
    for (const bytes of [null, undefined, 'x.png', [137, 80], new ArrayBuffer(8)])
      expect(await provokes('R0512', () => decodeImage(bytes as never))).toContain('a Uint8Array is expected');
    await provokes('R0512', () => decodeImage(new Uint8Array(8), null as never));
  });
  it('R0407: options that are none', async () => {
    const file = jpegOf('4:4:4');
    for (const options of [
      { background: [0, 0] },
      { background: [0, 0, 256] },
      { background: 'white' },
      { max_pixels: 0 },
      { max_pixels: Number.NaN },
      { exif_orientation: 1 },
    ])
      await provokes('R0407', () => decodeImage(file, options as never));
  });
});

describe('what a small file may cost', () => {
  /** RGBA of 16 bits, with rows of zeros: `stored` of them, whatever the header says. */
  const blank = (width: number, height: number, stored: number): Uint8Array =>
    pngOf({ size: [width, height], depth: 16, colourType: 6, rows: Buffer.alloc(stored) });

  it('PNG: memory for the picture and two rows, not for what the stream inflates to', () => {
    const [width, height] = [2000, 1000];
    const file = blank(width, height, height * (1 + 8 * width)); // 16 MB
    const chunks: number[] = [];
    eachRow(readPng(file, MAX_PIXELS), (samples) => chunks.push(samples.buffer.byteLength));
    expect(chunks).toHaveLength(height);
    expect(Math.max(...chunks)).toBe(1 + 8 * width);
    expect(decodeImage(file).data.every((value) => value === 0)).toBe(true);
  });

  it('PNG: what follows the last row is not inflated', () => {
    const bomb = blank(1, 1, 4_000_000);
    expect([...decodeImage(bomb).data]).toEqual([0, 0, 0]);
  });

  it('R0402: pixels by the header, for each format, under the default and under an option', async () => {
    await provokes('R0402', () => decodeImage(blank(8193, 8192, 100)));
    await provokes('R0403', () => decodeImage(blank(8192, 8192, 100))); // allowed, and too few rows
    for (const { file, size } of [formats.jpeg[0]!, formats.webp[0]!, formats.webp[4]!, formats.png[0]!]) {
      const pixels = size[0] * size[1];
      expect(decodeImage(bytes(file), { max_pixels: pixels }).width).toBe(size[0]);
      for (const judge of [decodeImage, checkImage])
        expect(await provokes('R0402', () => judge(bytes(file), { max_pixels: pixels - 1 }))).toContain(
          `at most ${pixels - 1} are read`,
        );
    }
  });
});
