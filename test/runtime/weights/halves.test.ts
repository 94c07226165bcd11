/** Half precision against NumPy, bit for bit: all 65,536 halves, and 1,253,952 floats of all exponents and of every tie. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { convertInto } from '../../../src/runtime/weights/dtypes.ts';
import { firstNonFiniteHalf, fromHalves, toHalves } from '../../../src/runtime/weights/halves.ts';
import { fixture } from '../../support/reference.ts';

const expected = JSON.parse(readFileSync(fixture('weights/halves.json'), 'utf8')) as Record<string, string | number>;
const digest = (data: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
const all = Uint16Array.from({ length: 1 << 16 }, (_, half) => half);

/** As test/fixtures/weights/halves.py makes them. */
function patterns(): Uint32Array {
  const floats = new Float32Array(1);
  const bits = new Uint32Array(floats.buffer);
  const result: number[] = [];
  for (let i = 0; i < 1_000_000; i++) result.push(Math.imul(i, 2654435761) >>> 0);
  for (const half of all) {
    if ((half & 0x7c00) === 0x7c00) continue;
    fromHalves(Uint16Array.of(half), floats, 0);
    for (const more of [0, 0xfff, 0x1000, 0x1001]) result.push(bits[0]! + more);
  }
  return Uint32Array.from(result);
}

describe('halves', () => {
  it('become the floats that NumPy makes of them', () => {
    const values = new Float32Array(all.length);
    fromHalves(all, values, 0);
    const bits = new Uint32Array(values.buffer).map((word) => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word));
    expect(digest(bits)).toBe(expected['floats of all halves']);
  });

  it('are rounded to nearest even as by NumPy, with subnormals, infinities and NaN', () => {
    const words = patterns();
    expect(words.length).toBe(expected.floats);
    const halves = toHalves(new Float32Array(words.buffer)).map((half) => ((half & 0x7fff) > 0x7c00 ? 0x7e00 : half));
    expect(digest(halves)).toBe(expected['halves of the floats']);
  });

  it('come back as they were, NaNs quiet', () => {
    const values = new Float32Array(all.length);
    fromHalves(all, values, 0);
    expect(toHalves(values)).toEqual(all.map((half) => ((half & 0x7fff) > 0x7c00 ? half | 0x200 : half)));
  });

  it('are read at any alignment, F64 and BF16 too', () => {
    for (const [dtype, bytes] of [
      ['F16', Uint16Array.of(0x3c00, 0xc500)],
      ['BF16', Uint16Array.of(0x3f80, 0xc0a0)],
      ['F64', Float64Array.of(1, -5)],
    ] as const) {
      const moved = new Uint8Array(bytes.byteLength + 1);
      moved.set(new Uint8Array(bytes.buffer), 1);
      const values = new Float32Array(3);
      convertInto(dtype, moved.subarray(1), values, 1);
      expect([...values], dtype).toEqual([0, 1, -5]);
    }
  });

  it('that are not finite are found', () => {
    expect(firstNonFiniteHalf(Uint16Array.of(0x7bff, 0xfbff, 0))).toBe(-1);
    expect(firstNonFiniteHalf(Uint16Array.of(0x7bff, 0xfc00))).toBe(1);
    expect(firstNonFiniteHalf(Uint16Array.of(0x7e01))).toBe(0);
  });
});
