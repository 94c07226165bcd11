/** Weights: a checkpoint against a model, key by key; how tensors are converted, streamed, resampled and seeded. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { matchCheckpoint } from '../../src/compiler/workbench/weights/match.ts';
import {
  type CheckpointLike,
  checkpointWeights,
  seededWeights,
  type WeightProvider,
} from '../../src/compiler/workbench/weights/provider.ts';
import { writeArtifact } from '../../src/compiler/workbench/weights/write.ts';
import { bytesSource, Checkpoint, type HostTensor, initialise } from '../../src/runtime/index.ts';
import { f32, folderWith, rawSafetensors, SMALL_WEIGHTS, safetensors } from './support.ts';
import { chunksOf, file, modelOf, numbers, openSmall } from './weights-support.ts';

describe('several sources, and a part of one', () => {
  const [fc, rest] = [
    { 'fc.weight': SMALL_WEIGHTS['fc.weight']!, 'fc.bias': SMALL_WEIGHTS['fc.bias']! },
    { 'scale.gain': SMALL_WEIGHTS['scale.gain']!, steps: SMALL_WEIGHTS.steps! },
  ];
  const below = (level: string, tensors: Readonly<Record<string, HostTensor>>) =>
    Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [`${level}.${key}`, tensor]));
  const expected = async (paths: string | readonly string[]) => {
    const { weights } = await openSmall(paths);
    expect(await numbers(weights, 'fc.weight')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await numbers(weights, 'steps')).toEqual(Array.from(SMALL_WEIGHTS.steps!.data, Number));
    await weights.close();
    return weights.origin;
  };

  it('are put together', async () => {
    expect(await expected([file(fc), file(rest)])).toBe('w.safetensors + w.safetensors');
  });

  it('a key in two of them is an error that names both', async () => {
    const [a, b] = [file(fc), file(SMALL_WEIGHTS)];
    await expect(openSmall([a, b])).rejects.toMatchObject({
      code: 'R0115',
      message: expect.stringContaining(`fc.weight is in ${a} and in ${b}`),
    });
  });

  it('FILE#KEY is what lies under the key; the rest of the file is left out', async () => {
    const whole = file({ ...below('model', SMALL_WEIGHTS), 'optimizer.0.step': SMALL_WEIGHTS.steps! });
    expect(await expected(`${whole}#model`)).toBe('w.safetensors#model');
    expect(await expected([`${file(below('a.b', fc))}#a.b`, file(rest)])).toBe('w.safetensors#a.b + w.safetensors');
    await expect(openSmall(`${whole}#ema`)).rejects.toMatchObject({
      code: 'R1185',
      message: expect.stringMatching(/has no tensor under ema\. and its first levels are .*model/),
    });
  });

  it('a file that has the # in its name is itself', async () => {
    const path = join(folderWith({ 'w#model': safetensors(SMALL_WEIGHTS) }), 'w#model');
    expect(await expected(path)).toBe('w#model');
  });
});

// bfloat16 is the upper half of a float32; these numbers are exact in it and in binary16
const HALVES = { F16: [0x3c00, 0xc000, 0x3800, 0x4248], BF16: [0x3f80, 0xc000, 0x3f00, 0x4049] } as const;

const stored = (dtype: 'F16' | 'BF16' | 'F64', copies: number): Uint8Array => {
  const data =
    dtype === 'F64'
      ? Float64Array.from({ length: 4 * copies }, (_, i) => [1, -2, 0.5, 3.140625][i % 4]!)
      : Uint16Array.from({ length: 4 * copies }, (_, i) => HALVES[dtype][i % 4]!);
  return rawSafetensors(
    { table: { dtype, shape: [copies, 4], data_offsets: [0, data.byteLength] } },
    new Uint8Array(data.buffer),
  );
};

describe('dtypes and chunks', () => {
  // [400,000, 4]: 6.4 MB of f32, two chunks
  const ROWS = 400_000;
  const source = `config c { rows = ${ROWS} }\nmodel M {\n  param table: [rows, 4] = normal(1.0)\n  entry main(index: int[B]) -> (row: [B, 4]) { gather(table, index, axis = 0) }\n}\n`;
  const model = modelOf(source);
  const open = async (
    bytes: Uint8Array,
  ): Promise<{ checkpoint: CheckpointLike; weights: WeightProvider; reads: string[]; largest: () => number }> => {
    let largest = 0;
    const base = bytesSource(bytes, 'big.safetensors');
    const counted = {
      ...base,
      read: (offset: number, length: number) => {
        largest = Math.max(largest, length);
        return base.read(offset, length);
      },
    };
    const inner = await Checkpoint.ofFiles('big.safetensors', [counted]);
    const reads: string[] = [];
    const checkpoint: CheckpointLike = {
      name: inner.name,
      tensors: inner.tensors,
      read: (key) => {
        reads.push(key);
        return inner.read(key);
      },
      stream: (key, size) => inner.stream(key, size),
      streamFrom: (key, byte, size) => inner.streamFrom(key, byte, size),
      close: () => inner.close(),
    };
    const match = matchCheckpoint(model, checkpoint, { allowMissing: [], allowUnexpected: [] });
    return { checkpoint, weights: checkpointWeights(model, checkpoint, match), reads, largest: () => largest };
  };

  it.each([
    [
      'F32',
      () =>
        safetensors({
          table: f32(
            [ROWS, 4],
            Array.from({ length: 4 * ROWS }, (_, i) => [1, -2, 0.5, 3.140625][i % 4]!),
          ),
        }),
    ],
    ['F16', () => stored('F16', ROWS)],
    ['BF16', () => stored('BF16', ROWS)],
    ['F64', () => stored('F64', ROWS)],
  ] as const)('%s becomes f32 chunk by chunk, never a whole tensor', async (_, make) => {
    const { weights, reads, largest } = await open(make());
    let [size, at, wrong] = [0, 0, 0];
    const expected = [1, -2, 0.5, 3.140625];
    for await (const chunk of weights.chunks('table')) {
      size = Math.max(size, chunk.byteLength);
      for (const value of new Float32Array(chunk.slice().buffer)) if (value !== expected[at++ % 4]) wrong++;
    }
    expect({ at, wrong, reads }).toEqual({ at: 4 * ROWS, wrong: 0, reads: [] });
    expect(size).toBeLessThanOrEqual(1 << 22);
    expect(largest()).toBeLessThanOrEqual(1 << 23);
  });

  it('a NaN in a later chunk is found where it is', async () => {
    const bytes = stored('F16', ROWS);
    const index = 1_300_000;
    new DataView(bytes.buffer).setUint16(bytes.length - 2 * (4 * ROWS - index), 0x7e00, true);
    const { weights } = await open(bytes);
    await expect(chunksOf(weights, 'table')).rejects.toMatchObject({
      code: 'C0102',
      message: expect.stringContaining('table holds NaN at element 1300000'),
    });
    await expect(weights.read('table')).rejects.toMatchObject({ code: 'C0102' });
  });

  it('a seed: in chunks as at once, other seeds differ, other keys too', async () => {
    const weights = seededWeights(model, 7);
    const chunks = await chunksOf(weights, 'table');
    expect(chunks.length).toBeGreaterThan(1);
    const whole = (await weights.read('table')).data as Float32Array;
    expect(Buffer.compare(Buffer.concat(chunks), Buffer.from(whole.buffer))).toBe(0);
    const parameter = model.parameters.get('table')!;
    expect(whole.slice(0, 4)).toEqual(
      initialise(parameter.initializer, { seed: 7, key: 'table', shape: parameter.shape }, 0, 4),
    );
    expect(((await seededWeights(model, 8).read('table')).data as Float32Array).slice(0, 4)).not.toEqual(
      whole.slice(0, 4),
    );
  });
});

describe('learned positions of another image size', () => {
  const table = (side: number): Model =>
    modelOf(
      `config c { side = ${side} }\nmodel M {\n  param pos: [1, 1 + side * side, 3] = zeros() resample bicubic_grid(prefix = 1)\n  entry main(x: [B, 3]) -> (y: [B, 3]) { x + pos[0, 0] }\n}\n`,
    );
  const values = Array.from({ length: 17 * 3 }, (_, i) => Math.sin(i));
  const path = file({ pos: f32([1, 17, 3], values) });

  it('a table of the same size is kept', async () => {
    const { weights } = await openSmall(path, {}, table(4));
    expect(await numbers(weights, 'pos')).toEqual([...Float32Array.from(values)]);
    await weights.close();
  });

  it.each([8, 3])('16 positions become %d²: bicubic, the class token as it was', async (side) => {
    const { weights } = await openSmall(path, {}, table(side));
    const found = await numbers(weights, 'pos');
    expect(found).toHaveLength((1 + side * side) * 3);
    expect(found.slice(0, 3)).toEqual([...Float32Array.from(values.slice(0, 3))]);
    const b = new GraphBuilder('resize');
    b.output('y', b.node('interpolate', [b.input('x', 'f32', [1, 3, 4, 4])], { mode: 'bicubic', size: [side, side] }));
    // [1, 16, 3] → [1, 3, 4, 4]
    const data = Float64Array.from({ length: 48 }, (_, i) =>
      Math.fround(values[(1 + (i % 16)) * 3 + Math.floor(i / 16)]!),
    );
    const { data: resized } = interpret(b.build(), {
      inputs: new Map([['x', { dtype: 'f32' as const, shape: [1, 3, 4, 4], data }]]),
      parameters: () => {
        throw new Error('none');
      },
    }).get('y')!;
    const area = side * side;
    const expected = Array.from({ length: area * 3 }, (_, i) =>
      Math.fround(resized[(i % 3) * area + Math.floor(i / 3)]!),
    );
    for (const [i, value] of found.slice(3).entries()) expect(value).toBeCloseTo(expected[i]!, 6);
    expect(Buffer.concat(await chunksOf(weights, 'pos')).byteLength).toBe(found.length * 4);
    await weights.close();
  });

  it('no square grid is mis-shaped', async () => {
    await expect(openSmall(file({ pos: f32([1, 16, 3], values.slice(0, 48)) }), {}, table(8))).rejects.toMatchObject({
      code: 'C0101',
      notes: [
        expect.stringMatching(/^mis-shaped pos: is \[1, 16, 3\] and the model has \[1, 65, 3\]/),
        expect.anything(),
      ],
    });
  });
});

describe('writing', () => {
  const plan = [
    { file: 'm.onnx_data', bytes: 8, records: [{ key: 'a', dtype: 'f32' as const, shape: [2], offset: 0, length: 8 }] },
  ];
  const failing = (error: Error): WeightProvider => ({
    origin: 'test',
    trained: true,
    close: async () => {},
    read: () => Promise.reject(error),
    async *chunks() {
      yield new Uint8Array(4);
      throw error;
    },
  });

  it('a disk that is full leaves nothing behind', async () => {
    const folder = folderWith({ 'manifest.json': 'old' });
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const files = new Map([
      ['m.onnx', new Uint8Array(3)],
      ['manifest.json', new Uint8Array(3)],
    ]);
    await expect(writeArtifact(folder, files, plan, failing(full))).rejects.toMatchObject({
      code: 'C0105',
      message: `${folder} cannot be written: no space left on device`,
    });
    expect(readdirSync(folder)).toEqual(['manifest.json']);
    expect(readFileSync(join(folder, 'manifest.json'), 'utf8')).toBe('old');
  });

  it('fewer bytes than planned are an error, with progress until then', async () => {
    const folder = folderWith();
    const short: WeightProvider = {
      ...failing(new Error('')),
      async *chunks() {
        yield new Uint8Array(4);
      },
    };
    const seen: number[] = [];
    await expect(writeArtifact(folder, new Map(), plan, short, (done) => seen.push(done))).rejects.toMatchObject({
      message: expect.stringContaining('a has 4 bytes and 8 were planned'),
    });
    expect(seen).toEqual([4]);
  });
});
