/**
 * From packed samples to RGB, by colour type. 16-bit colours lose their low byte and 16-bit grey without alpha is clipped at
 * 255 (Pillow's mode I;16); a transparent colour (tRNS) is compared in as many low bits as a sample has, as the PNG
 * specification says (11.3.2.1); palette indices past the end are black.
 */
import { blend } from '../alpha.ts';
import type { Rgb } from '../rgb.ts';
import { GREY, PALETTE, type PngFile, RGB } from './chunks.ts';

/** Writes `count` pixels to `out` from byte `at` on, `step` bytes apart. */
export type Painter = (samples: Uint8Array, count: number, out: Uint8Array, at: number, step: number) => void;

export function painterOf(file: PngFile, background: Rgb | undefined): Painter {
  const { colourType, depth, channels } = file;
  if (depth <= 8 && channels === 1) return paintTable(colourTable(file, background), depth);
  if (colourType === GREY) return paintGrey16(transparentColour(file, 1), background);
  if (colourType === RGB) return paintRgb(depth, transparentColour(file, 3), background);
  return paintAlpha(depth, channels, background);
}

/** The transparent colour's samples, where tRNS gives one: two bytes each, of which the low `depth` bits count. */
function transparentColour({ transparency, depth }: PngFile, samples: number): readonly number[] | undefined {
  if (transparency.length < 2 * samples) return undefined;
  const mask = 2 ** depth - 1;
  return Array.from({ length: samples }, (_, i) => (transparency[2 * i]! * 256 + transparency[2 * i + 1]!) & mask);
}

/** The RGB of each sample of up to 8 bits: palettes, and grey stretched to 0 … 255. */
function colourTable(file: PngFile, background: Rgb | undefined): Uint8Array {
  const { depth, colourType, palette, transparency } = file;
  const colours = 1 << depth;
  const scale = 255 / (colours - 1); // 255, 85, 17, 1
  const transparent = colourType === GREY ? transparentColour(file, 1)?.[0] : undefined;
  const table = new Uint8Array(3 * colours);
  for (let sample = 0; sample < colours; sample++) {
    const alpha = colourType === PALETTE ? (transparency[sample] ?? 255) : sample === transparent ? 0 : 255;
    for (let c = 0; c < 3; c++) {
      const value = colourType === PALETTE ? (palette[3 * sample + c] ?? 0) : sample * scale;
      table[3 * sample + c] = background ? blend(value, alpha, background[c]!) : value;
    }
  }
  return table;
}

/** Samples below 8 bits are packed, the first in the highest bits. */
function paintTable(table: Uint8Array, depth: number): Painter {
  const mask = (1 << depth) - 1;
  return (samples, count, out, at, step) => {
    for (let i = 0, to = at; i < count; i++, to += step) {
      const bit = i * depth;
      const from = 3 * ((samples[bit >> 3]! >> (8 - depth - (bit & 7))) & mask);
      out[to] = table[from]!;
      out[to + 1] = table[from + 1]!;
      out[to + 2] = table[from + 2]!;
    }
  };
}

function paintGrey16(transparent: readonly number[] | undefined, background: Rgb | undefined): Painter {
  return (samples, count, out, at, step) => {
    for (let i = 0, to = at; i < count; i++, to += step) {
      const value = samples[2 * i]! * 256 + samples[2 * i + 1]!;
      const isTransparent = background !== undefined && value === transparent?.[0];
      for (let c = 0; c < 3; c++) out[to + c] = isTransparent ? background[c]! : Math.min(value, 255);
    }
  };
}

function paintRgb(depth: number, transparent: readonly number[] | undefined, background: Rgb | undefined): Painter {
  const bytes = depth >> 3;
  const key = background && transparent?.flatMap((value) => (bytes === 2 ? [value >> 8, value & 255] : [value]));
  return (samples, count, out, at, step) => {
    for (let i = 0, to = at, from = 0; i < count; i++, to += step, from += 3 * bytes) {
      out[to] = samples[from]!;
      out[to + 1] = samples[from + bytes]!;
      out[to + 2] = samples[from + 2 * bytes]!;
      if (key?.every((byte, k) => samples[from + k] === byte)) out.set(background!, to);
    }
  };
}

function paintAlpha(depth: number, channels: number, background: Rgb | undefined): Painter {
  const bytes = depth >> 3;
  const colour = channels === 2 ? 0 : bytes; // grey stands for all three
  const alphaAt = (channels - 1) * bytes;
  return (samples, count, out, at, step) => {
    for (let i = 0, to = at, from = 0; i < count; i++, to += step, from += channels * bytes) {
      const [red, green, blue] = [samples[from]!, samples[from + colour]!, samples[from + 2 * colour]!];
      const alpha = background ? samples[from + alphaAt]! : 255;
      out[to] = alpha === 255 ? red : blend(red, alpha, background![0]);
      out[to + 1] = alpha === 255 ? green : blend(green, alpha, background![1]);
      out[to + 2] = alpha === 255 ? blue : blend(blue, alpha, background![2]);
    }
  };
}
