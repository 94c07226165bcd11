import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SafetensorsFile } from '../../../src/runtime/safetensors.ts';
import { openCheckpoint as openCheckpointByUrl } from '../../../src/runtime/weights/checkpoint.browser.ts';
import { openCheckpoint } from '../../../src/runtime/weights/checkpoint.node.ts';
import { convertInto, firstNonFinite } from '../../../src/runtime/weights/dtypes.ts';
import { encodeSafetensors } from '../../../src/runtime/weights/encode.ts';
import { halfToNumber } from '../../../src/runtime/weights/halves.ts';
import { blobSource, urlSource } from '../../../src/runtime/weights/source.browser.ts';
import { fileSource } from '../../../src/runtime/weights/source.node.ts';
import { bytesSource } from '../../../src/runtime/weights/source.ts';
import { writeSafetensors } from '../../../src/runtime/weights/write.node.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { folderWith } from '../../support/folder.ts';
import { fixture, readTensors } from '../../support/reference.ts';
import { provokes } from '../support.ts';
import { f32 } from './safetensors-support.ts';

/** A file with this header text and so many bytes of data. */
function fileOf(header: unknown, dataBytes = 0, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const openBytes = (bytes: Uint8Array) => SafetensorsFile.open(bytesSource(bytes));

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

let directory: string;

beforeAll(() => {
  directory = folderWith();
});

describe('reading', () => {
  it('agrees with an independent reader on the reference weights', async () => {
    const path = fixture('tinygptv-tiny/weights.safetensors');
    const expected = readTensors(path);
    const source = await fileSource(path);
    const file = await SafetensorsFile.open(source);
    expect([...file.tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, { shape, data }] of expected) {
      const tensor = await file.read(name);
      expect(tensor.shape).toEqual(shape);
      expect(tensor.data).toEqual(data);
    }
    await file.close();
  });

  it('streams the same bytes in chunks of any size', async () => {
    const file = await openBytes(encodeSafetensors(new Map([['w', f32([5], [1, 2, 3, 4, 5])]])));
    for (const size of [1, 3, 4, 7, 20, 100]) {
      const chunks: number[] = [];
      let largest = 0;
      for await (const chunk of file.stream('w', size)) {
        chunks.push(...chunk);
        largest = Math.max(largest, chunk.length);
      }
      expect(new Float32Array(Uint8Array.from(chunks).buffer)).toEqual(Float32Array.of(1, 2, 3, 4, 5));
      expect(largest).toBeLessThanOrEqual(size);
    }
  });

  it('converts every dtype', async () => {
    const data = new DataView(new ArrayBuffer(8 + 4 + 2 + 2 + 8 + 4 + 2 + 1 + 1 + 1));
    data.setFloat64(0, 1.5, true);
    data.setFloat32(8, -2.25, true);
    data.setUint16(12, 0x3555, true); // 0.333251953125 in binary16
    data.setUint16(14, 0xc049, true); // −3.140625 in bfloat16
    data.setBigInt64(16, -(2n ** 62n), true);
    data.setInt32(24, -7, true);
    data.setInt16(28, -300, true);
    data.setInt8(30, -1);
    data.setUint8(31, 255);
    data.setUint8(32, 1);
    const header = {
      f64: entry(0, 8, [1], 'F64'),
      f32: entry(8, 12, [], 'F32'),
      f16: entry(12, 14, [1], 'F16'),
      bf16: entry(14, 16, [1], 'BF16'),
      i64: entry(16, 24, [1], 'I64'),
      i32: entry(24, 28, [1], 'I32'),
      i16: entry(28, 30, [1], 'I16'),
      i8: entry(30, 31, [1], 'I8'),
      u8: entry(31, 32, [1], 'U8'),
      bool: entry(32, 33, [1], 'BOOL'),
      empty: entry(33, 33, [0, 2 ** 50], 'F32'),
    };
    const bytes = fileOf(header, data.byteLength);
    bytes.set(new Uint8Array(data.buffer), bytes.length - data.byteLength);
    const file = await openBytes(bytes);
    const read = async (name: string) => [(await file.read(name)).dtype, ...(await file.read(name)).data];
    expect(await read('f64')).toEqual(['f32', 1.5]);
    expect(await read('f32')).toEqual(['f32', -2.25]);
    expect(await read('f16')).toEqual(['f32', 0.333251953125]);
    expect(await read('bf16')).toEqual(['f32', -3.140625]);
    expect(await read('i64')).toEqual(['i64', -(2n ** 62n)]);
    expect(await read('i32')).toEqual(['i64', -7n]);
    expect(await read('i16')).toEqual(['i64', -300n]);
    expect(await read('i8')).toEqual(['i64', -1n]);
    expect(await read('u8')).toEqual(['i64', 255n]);
    expect(await read('bool')).toEqual(['bool', 1]);
    expect(await read('empty')).toEqual(['f32']);
  });

  it('half precision: zeros, subnormals, extremes', () => {
    expect(halfToNumber(0x8000)).toBe(-0);
    expect(halfToNumber(0x0001)).toBe(2 ** -24);
    expect(halfToNumber(0x03ff)).toBe(1023 * 2 ** -24);
    expect(halfToNumber(0x7bff)).toBe(65504);
    expect(halfToNumber(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
    expect(halfToNumber(0x7e00)).toBeNaN();
    const target = new Float32Array(3);
    convertInto('F16', Uint8Array.of(0x00, 0x3c), target, 1);
    expect([...target]).toEqual([0, 1, 0]);
  });

  it('finds the first value that is not finite', () => {
    expect(firstNonFinite(Float32Array.of(1, 2, Number.NaN, Number.POSITIVE_INFINITY))).toBe(2);
    expect(firstNonFinite(Float32Array.of(3e38, -3e38, 0))).toBe(-1);
    expect(firstNonFinite(new Float32Array())).toBe(-1);
    for (const at of [0, 1, 4095, 4096, 9999, 10_000]) {
      const data = new Float32Array(10_001).fill(-3e38);
      data[at] = Number.NEGATIVE_INFINITY;
      expect(firstNonFinite(data)).toBe(at);
    }
  });

  it('reads blobs, and URLs by range', async () => {
    const bytes = encodeSafetensors(new Map([['w', f32([2], [1, 2])]]), { format: 'pt' });
    const server = createServer((request, response) => {
      if (request.url === '/index.json') return response.end('{"weight_map":{"w":"w"}}');
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
      if (request.url !== '/w' || !range) return response.writeHead(404).end();
      const [from, to] = [Number(range[1]), Number(range[2])];
      return response
        .writeHead(206, { 'Content-Range': `bytes ${from}-${to}/${bytes.length}` })
        .end(bytes.subarray(from, Math.min(to + 1, bytes.length)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const source of [blobSource(new Blob([new Uint8Array(bytes)])), await urlSource(`${url}/w`)]) {
      const file = await SafetensorsFile.open(source);
      expect([...(await file.read('w')).data]).toEqual([1, 2]);
      expect(file.metadata.get('format')).toBe('pt');
      await provokes('R0121', () => source.read(0, bytes.length + 1));
    }
    await provokes('R0118', () => urlSource(`${url}/missing`));
    const checkpoint = await openCheckpointByUrl(`${url}/index.json`);
    expect([...(await checkpoint.read('w')).data]).toEqual([1, 2]);
    await provokes('R0118', () => openCheckpointByUrl(`${url}/other.json`));
    await provokes('R0118', () => openCheckpointByUrl(`${url}/other.safetensors`));
    const gone = await urlSource(`${url}/w`);
    await new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
    await provokes('R0121', () => gone.read(0, 8));
    await provokes('R0118', () => urlSource(`${url}/w`));
  });
});

describe('refusals', () => {
  const good = { a: entry(0, 8), b: entry(8, 12) };
  it('accepts the file that the cases below spoil', async () => {
    expect([...(await openBytes(fileOf(good, 12))).tensors.keys()]).toEqual(['a', 'b']);
  });

  it('R0101: shorter than the length of the header', () => provokes('R0101', () => openBytes(new Uint8Array(7))));
  it('R0102: a header longer than the file, or than the limit', async () => {
    await provokes('R0102', () => openBytes(fileOf(good, 12, 1000n)));
    await provokes('R0102', () => openBytes(fileOf(good, 12, 2n ** 63n)));
    const huge = {
      name: 'huge',
      size: 2 ** 40,
      read: () => Promise.resolve(Uint8Array.of(1, 0xe1, 0xf5, 5, 0, 0, 0, 0)),
    };
    expect(await provokes('R0102', () => SafetensorsFile.open(huge))).toContain('100000001');
  });
  it('R0103: no JSON object', async () => {
    for (const text of [
      '',
      '[]',
      ' {}',
      '{',
      '{"a"}',
      '{"a":1,}',
      '{}x',
      '{"a":01}',
      "{'a':1}",
      '{"a\u0001":1}',
      '['.repeat(50),
    ]) {
      await provokes('R0103', () => openBytes(fileOf(text)));
    }
    const nested = `{"a":${'['.repeat(50)}${']'.repeat(50)}}`;
    await provokes('R0103', () => openBytes(fileOf(nested)));
    const invalidUtf8 = fileOf('{"a":1}');
    invalidUtf8[10] = 0xff;
    await provokes('R0103', () => openBytes(invalidUtf8));
  });
  it('R0104: a key twice, also when escaped differently', async () => {
    const tensor = JSON.stringify(entry(0, 4));
    expect(await provokes('R0104', () => openBytes(fileOf(`{"a":${tensor},"a":${tensor}}`, 4)))).toContain(
      'key a twice',
    );
    await provokes('R0104', () => openBytes(fileOf(`{"a":${tensor},"\\u0061":${tensor}}`, 4)));
    await provokes('R0104', () =>
      openBytes(fileOf('{"a":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,4]}}', 4)),
    );
  });
  it('R0105: an entry that is not dtype, shape and offsets', async () => {
    const spoiled: unknown[] = [
      1,
      [],
      { ...entry(0, 4), dtype: 1 },
      { ...entry(0, 4), extra: 1 },
      { ...entry(0, 4), shape: 'x' },
      { ...entry(0, 4), shape: [1.5] },
      { ...entry(0, 4), shape: [-1] },
      { ...entry(0, 4), shape: [2 ** 53] },
      { ...entry(0, 4), data_offsets: [0] },
      { ...entry(0, 4), data_offsets: [4, 0] },
      { ...entry(0, 4), data_offsets: [0, '4'] },
      { shape: [1], data_offsets: [0, 4] },
    ];
    for (const a of spoiled) await provokes('R0105', () => openBytes(fileOf({ a }, 4)));
  });
  it('R0106: an unknown dtype', () =>
    provokes('R0106', () => openBytes(fileOf({ a: { ...entry(0, 4), dtype: 'F8_E4M3' } }, 4))));
  it('R0107: bytes that do not fit the shape, overflow included', async () => {
    await provokes('R0107', () => openBytes(fileOf({ a: entry(0, 8, [3]) }, 8)));
    await provokes('R0107', () => openBytes(fileOf({ a: entry(0, 8, [2 ** 40, 2 ** 40]) }, 8)));
    // 2^62 elements of 4 bytes: 0 in 64-bit arithmetic
    await provokes('R0107', () => openBytes(fileOf({ a: entry(0, 0, [2 ** 31, 2 ** 31]) }, 0)));
  });
  it('R0108: overlaps', async () => {
    expect(await provokes('R0108', () => openBytes(fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12)))).toContain('b in');
    await provokes('R0108', () => openBytes(fileOf({ a: entry(0, 8), b: entry(0, 8) }, 8)));
  });
  it('R0109: holes', async () => {
    await provokes('R0109', () => openBytes(fileOf({ a: entry(0, 8), b: entry(12, 16) }, 16)));
    await provokes('R0109', () => openBytes(fileOf({ a: entry(4, 8) }, 8)));
  });
  it('R0110: cut short, or with a tail', async () => {
    await provokes('R0110', () => openBytes(fileOf(good, 11)));
    await provokes('R0110', () => openBytes(fileOf(good, 13)));
  });
  it('R0111: a name that is not there', async () => {
    const file = await openBytes(fileOf({ 'layer.weight': entry(0, 4) }, 4));
    expect(await provokes('R0111', () => file.read('layer.wieght'))).toContain('did you mean layer.weight');
    await provokes('R0111', () => file.read('__proto__'));
  });
  it('R0112: metadata that is not text', async () => {
    await provokes('R0112', () => openBytes(fileOf({ __metadata__: 3 })));
    await provokes('R0112', () => openBytes(fileOf({ __metadata__: { a: 1 } })));
  });
  it('keeps names that are special to JavaScript', async () => {
    const file = await openBytes(fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4));
    expect([...file.tensors.keys()]).toEqual(['__proto__']);
  });
  it('never fails otherwise, whatever the bytes', async () => {
    const valid = encodeSafetensors(new Map([['a', f32([2], [1, 2])]]));
    await fc.assert(
      fc.asyncProperty(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), async (at, value, length) => {
        const bytes = valid.slice(0, length);
        if (at < length) bytes[at] = value;
        await openBytes(bytes).catch((error: Error) => expect(error.name).toBe('RuntimeError'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('writing', () => {
  const tensors = new Map<string, HostTensor>([
    ['flag', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ['w', f32([2, 2], [1, 2, 3, 4])],
    ['ids', { dtype: 'i64', shape: [1], data: BigInt64Array.of(-5n) }],
  ]);

  it('what is written is read back, aligned, and by the independent reader too', async () => {
    const path = join(directory, 'round.safetensors');
    await writeSafetensors(path, tensors, { made: 'here' });
    expect(new Uint8Array(await readFile(path))).toEqual(encodeSafetensors(tensors, { made: 'here' }));
    const checkpoint = await SafetensorsFile.open(await fileSource(path));
    for (const [name, tensor] of tensors) {
      expect(await checkpoint.read(name)).toEqual(tensor);
      expect(checkpoint.tensors.get(name)!.byteOffset % tensor.data.BYTES_PER_ELEMENT).toBe(0);
    }
    await checkpoint.close();
    await writeSafetensors(path, new Map([['w', tensors.get('w')!]]));
    expect([...readTensors(path).get('w')!.data]).toEqual([1, 2, 3, 4]);
  });

  it('streams, and leaves the old file when a stream fails or lies about its length', async () => {
    const path = join(directory, 'stream.safetensors');
    async function* chunks(count: number) {
      for (let i = 0; i < count; i++) yield Uint8Array.of(0, 0, 128, 63);
    }
    const streamed = (count: number) =>
      new Map([['w', { stored: 'F32' as const, shape: [3], chunks: () => chunks(count) }]]);
    await writeSafetensors(path, streamed(3));
    const before = await readFile(path);
    await provokes('R0119', () => writeSafetensors(path, streamed(2)));
    await provokes('R0119', () => writeSafetensors(path, streamed(4)));
    async function* lost(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(0, 0);
      throw new Error('lost');
    }
    const failing = { stored: 'F32' as const, shape: [1], chunks: lost };
    await provokes('R0122', () => writeSafetensors(path, new Map([['w', failing]])));
    await provokes('R0122', () => writeSafetensors(join(directory, 'nowhere', 'x.safetensors'), new Map()));
    expect(await readFile(path)).toEqual(before);
    expect((await readdir(directory)).filter((name) => name.endsWith('.part'))).toEqual([]);
    const checkpoint = await openCheckpoint(path);
    expect([...(await checkpoint.read('w')).data]).toEqual([1, 1, 1]);
    await checkpoint.close();
  });

  it('refuses data that does not fit, and the reserved name', async () => {
    await provokes('R0119', () => encodeSafetensors(new Map([['w', f32([3], [1, 2])]])));
    await provokes('R0120', () => encodeSafetensors(new Map([['__metadata__', f32([1], [1])]])));
  });
});
