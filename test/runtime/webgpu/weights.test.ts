/** Parameters and constants on their way to the device: storage, shards, chunks, and weights of another model. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SafetensorsFile } from '../../../src/runtime/safetensors.ts';
import { Gpu } from '../../../src/runtime/webgpu/gpu.ts';
import { Readback } from '../../../src/runtime/webgpu/readback.ts';
import type { Weights } from '../../../src/runtime/webgpu/stored.ts';
import { constantWords, ModelBuffers } from '../../../src/runtime/webgpu/weights.ts';
import { packHalves } from '../../../src/runtime/webgpu/words.ts';
import { encodeSafetensors } from '../../../src/runtime/weights/encode.ts';
import { halfToNumber, toHalf } from '../../../src/runtime/weights/halves.ts';
import { bytesSource } from '../../../src/runtime/weights/source.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import type { ParameterPlan } from '../../../src/shared/webgpu.ts';
import { testDevice, unavailable } from '../../support/adapter.ts';
import { provokes } from '../support.ts';
import { f32, PLAN } from './plans.ts';

describe('half precision', () => {
  it('keeps every half, and rounds to the nearest, ties to even', () => {
    for (let bits = 0; bits < 1 << 16; bits++) {
      const value = halfToNumber(bits);
      if (Number.isNaN(value)) expect(halfToNumber(toHalf(value))).toBeNaN();
      else if (toHalf(value) !== bits) expect.fail(`${bits} (${value}) became ${toHalf(value)}`);
    }
    const rounded = (value: number) => halfToNumber(toHalf(value));
    expect(rounded(1 + 2 ** -11)).toBe(1); // a tie
    expect(rounded(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
    expect(rounded(1 + 2 ** -11 + 2 ** -20)).toBe(1 + 2 ** -10);
    expect(rounded(65519)).toBe(65504);
    expect(rounded(65520)).toBe(Number.POSITIVE_INFINITY);
    expect(rounded(2 ** -25)).toBe(0); // a tie with zero
    expect(rounded(-(2 ** -25) * 1.01)).toBe(-(2 ** -24));
    expect(rounded(2 ** -14 - 2 ** -26)).toBe(2 ** -14);
  });

  it('is packed with the first in the low half', () => {
    expect([...packHalves(Float32Array.of(1, 2, 3))]).toEqual([0x40003c00, 0x4200]);
  });
});

it('constants are words, or formulas', () => {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(Float32Array.of(1, -2).buffer)));
  const data = constantWords({ kind: 'data', dtype: 'f32', shape: [2], base64 });
  expect([...new Float32Array(data.buffer)]).toEqual([1, -2]);
  const table = constantWords({ kind: 'rotary', positions: 3, dims: 4, theta: 10000 });
  const row = (at: number): number[] => [Math.cos(at), Math.cos(at / 100), Math.sin(at), Math.sin(at / 100)];
  expect([...table]).toEqual([0, 1, 2].flatMap(row).map(Math.fround));
});

describe.skipIf(unavailable)('parameters', () => {
  let gpu: Gpu;
  beforeEach(async () => {
    gpu = Gpu.of(await testDevice());
  });
  afterEach(() => gpu.destroy());

  const model = (parameter: ParameterPlan, weights: Weights): ModelBuffers =>
    new ModelBuffers(gpu, { ...PLAN, parameters: [parameter] }, weights);
  const words = async (buffer: GPUBuffer, count: number): Promise<number[]> => {
    const readback = new Readback(gpu, [{ buffer, dtype: 'i64', shape: [count] }]);
    const encoder = gpu.device.createCommandEncoder();
    readback.record(encoder);
    gpu.device.queue.submit([encoder.finish()]);
    return Array.from((await readback.read())[0]!.data as ArrayLike<number | bigint>, (word) => Number(word) >>> 0);
  };
  const floats = async (buffer: GPUBuffer, count: number): Promise<number[]> => [
    ...new Float32Array(Uint32Array.from(await words(buffer, count)).buffer),
  ];
  const stored = (tensors: Readonly<Record<string, HostTensor>>): Promise<SafetensorsFile> =>
    SafetensorsFile.open(bytesSource(encodeSafetensors(new Map(Object.entries(tensors))), 'tiny.safetensors'));
  const w: ParameterPlan = { key: 'w', dtype: 'f32', shape: [5], storage: 'f32' };

  it('come from a file or a function, whole or in shards', async () => {
    const tensor = f32([5], 1, 2, 3, 4, 5);
    for (const weights of [await stored({ w: tensor }), async () => tensor]) {
      const buffers = model(w, weights);
      expect(await floats(await buffers.parameter(0), 5)).toEqual([1, 2, 3, 4, 5]);
      expect(await floats(await buffers.parameter(0, 2, 4), 2)).toEqual([3, 4]);
      expect(await buffers.parameter(0)).toBe(await buffers.parameter(0, 0, 5));
      await buffers.dispose();
    }
    gpu.buffers.trim();
    expect(gpu.buffers.counts().live).toBe(0);
  });

  it('of a shard read no more of the file than the shard, and the chunk it ends in', async () => {
    const count = 5_000_001; // chunks of 2,097,152 elements
    const tensor: HostTensor = {
      dtype: 'f32',
      shape: [count],
      data: Float32Array.from({ length: count }, (_, i) => i),
    };
    const source = bytesSource(encodeSafetensors(new Map([['w', tensor]])), 'w.safetensors');
    let read = 0;
    const counting = {
      ...source,
      read: (at: number, bytes: number) => {
        read += bytes;
        return source.read(at, bytes);
      },
    };
    const buffers = model({ ...w, shape: [count] }, await SafetensorsFile.open(counting));
    read = 0;
    const last = await buffers.parameter(0, 4_900_000, count);
    expect(read).toBe(4 * 100_001);
    expect((await floats(last, 100_001)).at(-1)).toBe(count - 1);
    read = 0;
    await buffers.parameter(0, 0, 1000);
    expect(read).toBe(4 * 2_097_152);
    await buffers.dispose();
  });

  it('are stored as halves, integers and booleans', async () => {
    const half = model({ ...w, storage: 'f16' }, async () => f32([5], 1, 2, 3, 4, -2));
    expect(await words(await half.parameter(0), 3)).toEqual([0x40003c00, 0x44004200, 0xc000]);
    expect(await words(await half.parameter(0, 2, 5), 2)).toEqual([0x44004200, 0xc000]);
    const ids = await stored({ w: { dtype: 'i64', shape: [3], data: BigInt64Array.of(-1n, 7n, 2147483647n) } });
    const integers = model({ key: 'w', dtype: 'i64', shape: [3], storage: 'i32' }, ids);
    expect(await words(await integers.parameter(0), 3)).toEqual([4294967295, 7, 2147483647]);
    const long = await stored({ w: { dtype: 'i64', shape: [1], data: BigInt64Array.of(4294967295n) } });
    const other = model({ key: 'w', dtype: 'i64', shape: [1], storage: 'i32' }, long);
    await provokes('R1009', () => other.parameter(0)); // and not −1
    const mask = await stored({ w: { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) } });
    expect(
      await words(await model({ key: 'w', dtype: 'bool', shape: [2], storage: 'u32' }, mask).parameter(0), 2),
    ).toEqual([0, 1]);
  });

  it('longer than a chunk arrive complete', async () => {
    const count = 5_000_001; // chunks of 2,097,152 elements
    const data = Float32Array.from({ length: count }, (_, i) => i % 1000);
    const tensor: HostTensor = { dtype: 'f32', shape: [count], data };
    const buffers = model({ ...w, shape: [count], storage: 'f16' }, await stored({ w: tensor }));
    const packed = await words(await buffers.parameter(0), (count + 1) / 2);
    const at = (i: number) => halfToNumber((packed[i >> 1]! >>> (16 * (i & 1))) & 0xffff);
    for (const i of [0, 1, 2_097_151, 2_097_152, 4_194_303, 4_194_304, count - 1]) expect(at(i)).toBe(i % 1000);
    expect(packed.at(-1)! >>> 16).toBe(0);
  });

  it('of another model are refused, and may be given again', async () => {
    const file = await stored({ v: f32([5], 1, 2, 3, 4, 5), w: f32([1, 5], 1, 2, 3, 4, 5) });
    expect(await provokes('R1010', () => model(w, file).parameter(0))).toContain(
      'w in tiny.safetensors is f32 [1, 5] and the plan expects f32 [5]',
    );
    expect(await provokes('R1010', () => model({ ...w, key: 'u' }, file).parameter(0))).toContain(
      'u in tiny.safetensors is missing',
    );
    let tensor = f32([4], 1, 2, 3, 4);
    const buffers = model(w, async () => tensor);
    await provokes('R1010', () => buffers.parameter(0));
    expect(gpu.buffers.counts().live).toBe(0);
    tensor = f32([5], 1, 2, 3, 4, 5);
    expect(await floats(await buffers.parameter(0), 5)).toEqual([1, 2, 3, 4, 5]);
  });
});
