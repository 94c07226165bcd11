/** Blocks of GGUF files as codes: those of the file, against the numbers of ggml's own package (test/fixtures/weights/gguf_files.py). */
import { describe, expect, it } from 'vitest';
import { readTensor, type WeightsFile } from '../../src/runtime/weights/file.ts';
import { halfToNumber } from '../../src/runtime/weights/halves.ts';
import { dequantise, type Packed } from '../../src/runtime/weights/quantise.ts';
import type { Quantisation } from '../../src/shared/quantisation.ts';
import { provokes } from '../runtime/support.ts';
import { openBytes, weightsFixture } from '../support/weights-files.ts';

const open = (name: string): Promise<WeightsFile> => openBytes(weightsFixture(`gguf/${name}`), name);
const [file, expected] = [await open('model.gguf'), await open('expected.safetensors')];

const Q8: Quantisation = { bits: 8, group: 32, zeros: false, method: 'nearest' };
const Q4: Quantisation = { bits: 4, group: 32, zeros: false, method: 'nearest' };
const Q4_MIN: Quantisation = { bits: 4, group: 32, zeros: true, method: 'hqq' };

async function whole(key: string, as: Quantisation, from: WeightsFile = file): Promise<Packed> {
  const pieces: Packed[] = [];
  for await (const piece of from.packed!(key, as)!) pieces.push(piece);
  expect(pieces).toHaveLength(1);
  return pieces[0]!;
}

const numbers = async (key: string): Promise<Float32Array> => (await readTensor(expected, key)).data as Float32Array;

it.each([
  ['q8_0.weight', Q8],
  ['q4_0.weight', Q4],
])('%s: the numbers of ggml, to the bit', async (key, as) => {
  expect(dequantise(await whole(key, as), as)).toEqual(await numbers(key));
});

it('q4_1.weight: the codes of ggml, and a zero within half a unit of f16', async () => {
  const packed = await whole('q4_1.weight', Q4_MIN);
  const [have, want] = [dequantise(packed, Q4_MIN), await numbers('q4_1.weight')];
  for (const [i, value] of want.entries()) {
    const group = Math.floor(i / 32);
    const scale = Math.abs(halfToNumber(packed.scales[group]!));
    expect(Math.abs(have[i]! - value)).toBeLessThanOrEqual(scale * Math.abs(packed.zeros[group]!) * 2 ** -11 + 1e-7);
    // less than half a step: no other code is as near
    expect(Math.abs(have[i]! - value)).toBeLessThan(scale / 4);
  }
});

describe('is not kept', () => {
  it.each([
    ['q8_0.weight', { ...Q8, group: 64 as const }],
    ['q8_0.weight', { ...Q8, zeros: true }],
    ['q4_0.weight', Q8],
    ['q4_1.weight', Q4],
    ['q4_k.weight', Q4],
    ['f32.weight', Q4],
  ])('%s as %j', (key, as) => {
    expect(file.packed!(key, as)).toBeUndefined();
  });
});

it('a scale that is not finite is an error that names the element', async () => {
  const bytes = weightsFixture('gguf/model.gguf');
  const scale = (await whole('q8_0.weight', Q8)).scales[1]!;
  const [first, second] = [scale & 255, scale >> 8];
  const codes = (await whole('q8_0.weight', Q8)).codes.subarray(32, 36);
  const at = bytes.findIndex(
    (byte, i) => byte === first && bytes[i + 1] === second && codes.every((code, j) => bytes[i + 2 + j] === code),
  );
  bytes.set([0, 0x7c], at); // f16 infinity
  const damaged = await openBytes(bytes, 'model.gguf');
  const message = await provokes('R1224', () => whole('q8_0.weight', Q8, damaged));
  expect(message).toMatch(/q8_0\.weight holds Infinity at element 32/);
});
