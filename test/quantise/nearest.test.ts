/** Round to nearest and HQQ against NumPy, bit for bit, and what cannot be quantised. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  dequantise,
  packCodes,
  packZeros,
  quantise,
  unpackCodes,
  wholeGroups,
} from '../../src/runtime/weights/quantise.ts';
import { partsOf, printQuantisation, type Quantisation, wordsOf } from '../../src/shared/quantisation.ts';

/** As test/fixtures/quantise/make.py makes them. */
interface Case {
  readonly kind: string;
  readonly quantisation: Quantisation;
  readonly weights: string;
  readonly codes: string;
  readonly scales: string;
  readonly zeros: string;
  readonly values: string;
}
const CASES = JSON.parse(
  readFileSync(new URL('../fixtures/quantise/nearest.json', import.meta.url), 'utf8'),
) as readonly Case[];

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const base64 = (data: ArrayBufferView): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
const floats = (text: string): Float32Array => new Float32Array(bytes(text).buffer);
const source = { key: 'w', first: 0 };

describe.each(CASES)(
  '$kind as int$quantisation.bits in groups of $quantisation.group, zeros $quantisation.zeros, $quantisation.method',
  (one) => {
    const packed = quantise(floats(one.weights), one.quantisation, source);

    it('has the codes, scales and zeros of NumPy', () => {
      expect(base64(packed.codes)).toBe(one.codes);
      expect(base64(packed.scales)).toBe(one.scales);
      if (one.quantisation.zeros) expect(base64(packZeros(packed.zeros, one.quantisation))).toBe(one.zeros);
    });

    it('stands for the numbers of NumPy, exactly', () => {
      expect(dequantise(packed, one.quantisation)).toEqual(floats(one.values));
    });

    it('has as many bytes as planned', () => {
      const parts = partsOf(one.quantisation, floats(one.weights).length);
      expect([packed.codes.length, packed.scales.byteLength, bytes(one.zeros).length]).toEqual([
        parts.codes,
        parts.scales,
        parts.zeros,
      ]);
    });
  },
);

it('HQQ has a smaller error than rounding to nearest with the same scales', () => {
  const [plain, hqq] = ['nearest', 'hqq'].map((method) => {
    const one = CASES.find(({ kind, quantisation: q }) => {
      return kind === 'normal' && q.bits === 4 && q.group === 32 && q.zeros && q.method === method;
    })!;
    const [weights, values] = [floats(one.weights), floats(one.values)];
    return weights.reduce((sum, weight, i) => sum + Math.abs(weight - values[i]!), 0);
  }) as [number, number];
  expect(hqq).toBeLessThan(plain);
});

const INT4: Quantisation = { bits: 4, group: 32, zeros: false, method: 'nearest' };

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %s and names its place', (value) => {
  const weights = new Float32Array(64).fill(0.1);
  weights[40] = value;
  expect(() => quantise(weights, INT4, { key: 'up.weight', first: 128 })).toThrow(
    expect.objectContaining({
      code: 'R1224',
      message: expect.stringContaining(`up.weight holds ${value} at element 168`),
    }),
  );
});

it('refuses a scale past f16', () => {
  const weights = new Float32Array(32);
  weights[3] = 1e6;
  expect(() => quantise(weights, INT4, source)).toThrow(expect.objectContaining({ code: 'R1225' }));
});

it('unpacks an odd number of zeros', () => {
  const codes = Int8Array.of(-8, 7, -1);
  expect(unpackCodes(packCodes(codes, 4), 4, 3)).toEqual(codes);
});

it('gives whole groups of whatever pieces there are', async () => {
  const values = Float32Array.from({ length: 96 }, (_, i) => i);
  async function* pieces() {
    const all = new Uint8Array(values.buffer);
    for (const [from, to] of [
      [0, 3],
      [3, 200],
      [200, 384],
    ] as const)
      yield all.subarray(from, to);
  }
  const found: number[] = [];
  for await (const piece of wholeGroups(pieces(), 32)) {
    expect(piece.length % 32).toBe(0);
    found.push(...piece);
  }
  expect(found).toEqual([...values]);
});

it('fills parts up to words on a device', () => {
  expect(wordsOf({ ...INT4, zeros: true }, 96)).toEqual({ codes: 0, scales: 12, zeros: 14, all: 15 });
});

it('prints as a model file has it', () => {
  expect(printQuantisation(INT4)).toBe('int4(group = 32)');
  expect(printQuantisation({ bits: 8, group: 64, zeros: true, method: 'hqq' })).toBe(
    'int8(group = 64, zeros = true, method = "hqq")',
  );
});
