/** Views of storages against an index computed element by element, and how much of a file they read. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { streamView, type View } from '../../../src/runtime/weights/readers/strided.ts';
import { bytesSource } from '../../../src/runtime/weights/source.ts';
import { sizeOf } from '../../../src/shared/tensor.ts';
import { counting } from '../../support/weights-files.ts';

const collect = async (view: View, byte: number, chunk: number): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  for await (const part of streamView(view, byte, chunk)) {
    expect(part.length).toBeLessThanOrEqual(chunk);
    parts.push(part.slice());
  }
  return new Uint8Array(Buffer.concat(parts));
};

/** Element by element, from the definition. */
function naive({ itemBytes, shape, strides, byteOffset }: View, storage: Uint8Array): Uint8Array {
  const result: number[] = [];
  for (let flat = 0; flat < sizeOf(shape); flat++) {
    let [left, at] = [flat, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (left % shape[axis]!) * strides[axis]!;
      left = Math.floor(left / shape[axis]!);
    }
    for (let i = 0; i < itemBytes; i++) result.push(storage[byteOffset + at * itemBytes + i]!);
  }
  return Uint8Array.from(result);
}

it('any strides, item size, start and chunk', async () => {
  const views = fc.record({
    dims: fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 40 })), { maxLength: 4 }),
    itemBytes: fc.constantFrom(1, 2, 4, 8),
    offset: fc.integer({ min: 0, max: 9 }),
    from: fc.nat(20),
    chunk: fc.integer({ min: 1, max: 9 }),
  });
  await fc.assert(
    fc.asyncProperty(views, async ({ dims, itemBytes, offset, from, chunk }) => {
      const storage = Uint8Array.from({ length: (200 + 40 * 5 * 4 + 10) * 8 }, (_, i) => (i * 167 + (i >> 8)) & 0xff);
      const [shape, strides] = [dims.map(([size]) => size), dims.map(([, stride]) => stride)];
      const view = { source: bytesSource(storage), byteOffset: offset * itemBytes, itemBytes, shape, strides };
      const whole = naive(view, storage);
      const byte = Math.min(whole.length, from * itemBytes);
      expect(await collect(view, byte, chunk * itemBytes)).toEqual(whole.subarray(byte));
    }),
    { numRuns: 400, seed: 12 },
  );
});

it('a transposed matrix of several blocks, with few reads of bounded size', async () => {
  const [rows, columns] = [5000, 4100];
  const storage = new Float32Array(rows * columns).map((_, i) => i);
  const { source, reads } = counting(bytesSource(new Uint8Array(storage.buffer)));
  const view = { source, byteOffset: 0, itemBytes: 4, shape: [columns, rows], strides: [1, columns] };
  let at = 0;
  for await (const part of streamView(view, 0, 1 << 24)) {
    const values = new Float32Array(part.buffer, part.byteOffset, part.byteLength / 4);
    for (let i = 0; i < values.length; i += 997) {
      const flat = at + i;
      if (values[i] !== storage[(flat % rows) * columns + Math.floor(flat / rows)]) expect.fail(`element ${flat}`);
    }
    at += values.length;
  }
  expect(at).toBe(rows * columns);
  expect(reads.largest).toBeLessThanOrEqual(1 << 22);
  expect(reads.all).toBeLessThan(4 * storage.byteLength);
});
