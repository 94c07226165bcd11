/** Initialisers of ONNX models against the onnx package (test/fixtures/weights/onnx_files.py), bit for bit; and malformed models. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/runtime/index.ts';
import { ITEM_BYTES } from '../../../src/runtime/weights/dtypes.ts';
import { folderWith } from '../../support/folder.ts';
import { type Beside, bytesFrom, listing, openBytes, weightsFixture } from '../../support/weights-files.ts';
import { provokes } from '../support.ts';

const BESIDE = { 'external.data': weightsFixture('onnx/external.data') };
const open = (name: string) => openBytes(weightsFixture(`onnx/${name}`), name, BESIDE);
const expected = await listing(await open('expected.safetensors'));

describe.each(['model.onnx', 'external.onnx'])('%s', (name) => {
  it('has the initialisers that the onnx package reads, of subgraphs too', async () => {
    const file = await open(name);
    expect(file.format).toBe('ONNX');
    expect(file.metadata.get('producer_name')).toBe('fixture');
    expect(await listing(file)).toEqual(expected);
  });

  it('streams from any element, in chunks of any size', async () => {
    const file = await open(name);
    for (const key of ['int64.fields', 'int8.fields', 'float16.fields', 'float32.raw']) {
      const whole = await bytesFrom(file, key);
      const item = ITEM_BYTES[file.tensors.get(key)!.dtype];
      for (let byte = 0; byte <= whole.length; byte += 37 * item)
        expect(await bytesFrom(file, key, byte, 50 * item), key).toEqual(whole.subarray(byte));
    }
  });
});

it('BF16 in a list of integers stays BF16', async () => {
  expect(await listing(await open('bf16.onnx'))).toEqual({ w: 'BF16 [2] 803f20c0' });
});

/** A field of a message: an integer, a text, or a message of fields. */
type Content = number | bigint | string | Uint8Array | readonly Uint8Array[];
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return [...bytes, Number(left)];
}
function field(number: number, content: Content): Uint8Array {
  if (typeof content === 'number' || typeof content === 'bigint')
    return Uint8Array.from([...varint(BigInt(number << 3)), ...varint(BigInt(content))]);
  const bytes =
    typeof content === 'string'
      ? Buffer.from(content)
      : content instanceof Uint8Array
        ? content
        : Buffer.concat(content);
  return Uint8Array.from([...varint(BigInt((number << 3) | 2)), ...varint(BigInt(bytes.length)), ...bytes]);
}
const tensor = (...fields: Uint8Array[]): Uint8Array => field(5, fields);
const model = (...graph: Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat([field(1, 8), field(2, 'x'), field(7, graph)]));
const w = (...fields: Uint8Array[]): Uint8Array => tensor(field(1, 2), field(2, 1), field(8, 'w'), ...fields);
const external = (pairs: Readonly<Record<string, string>>): Uint8Array =>
  model(w(field(14, 1), ...Object.entries(pairs).map(([key, value]) => field(13, [field(1, key), field(2, value)]))));
const nested = (depth: number): Uint8Array => field(1, field(5, field(6, depth === 0 ? [] : nested(depth - 1))));

describe('is refused', () => {
  it.each([
    ['strings.onnx', 'R0106', 'w in strings.onnx has dtype STRING'],
    ['sparse.onnx', 'R1180', 'sparse initialisers'],
  ] as const)('%s: %s', async (name, code, message) => {
    expect(await provokes(code, () => open(name))).toContain(message);
  });

  const eight = field(9, new Uint8Array(8));
  it.each([
    ['two of a name', model(w(eight), w(eight)), 'R0104', 'the key w twice'],
    ['numbers twice', model(w(eight, field(4, new Uint8Array(8)))), 'R1180', 'w has its numbers twice'],
    [
      'less data than its dims ask for',
      model(w(field(9, new Uint8Array(7)))),
      'R0107',
      'has 7 bytes of data and its shape and dtype ask for 8',
    ],
    ['no data', model(w()), 'R0107', 'has 0 bytes'],
    ['a size below 0', model(tensor(field(1, -1n), field(2, 1), field(8, 'w'))), 'R1180', 'w has a size of -1'],
    [
      'sizes whose product is past 2^53',
      model(tensor(field(1, 1n << 40n), field(1, 1n << 40n), field(2, 1), field(8, 'w'))),
      'R0107',
      'ask for Infinity',
    ],
    [
      'f32 in a list of integers',
      model(w(field(5, new Uint8Array(8)))),
      'R1180',
      'w of F32 has its numbers in field 5',
    ],
    ['numbers that are not packed', model(w(field(7, 3))), 'R1180', 'not packed'],
    ['a data type that nobody knows', model(tensor(field(2, 99), field(8, 'w'))), 'R0106', 'data type 99'],
    ['a name that is no UTF-8', model(tensor(field(8, Uint8Array.of(0xff)))), 'R1180', 'no UTF-8'],
    [
      'a graph that is a number',
      Uint8Array.from([...field(1, 8), ...field(2, 'x'), ...field(7, 3)]),
      'R1180',
      'field 7 is no message',
    ],
    ['graphs in graphs', model(nested(40)), 'R1180', 'nest more than 16'],
    ['external data that is named nowhere', external({}), 'R1187', 'that names nothing'],
    [
      'external data past the end of its file',
      external({ location: 'external.data', offset: '4904' }),
      'R1187',
      'would end at byte 4912 of 4907',
    ],
    [
      'external data of another length',
      external({ location: 'external.data', length: '4' }),
      'R1187',
      'its length is 4 and its shape asks for 8',
    ],
    ['external data at -1', external({ location: 'external.data', offset: '-1' }), 'R1187', 'its offset is -1'],
  ] as const)('%s', async (_, bytes, code, message) => {
    expect(await provokes(code, () => openBytes(bytes, 'file', BESIDE))).toContain(message);
  });

  it('a list of integers with fewer, or more, or a number without end', async () => {
    const i64 = (bytes: number[]) =>
      model(tensor(field(1, 2), field(2, 7), field(8, 'w'), field(7, Uint8Array.from(bytes))));
    for (const [bytes, message] of [
      [[0x81, 0x82, 0x03], 'ends early'],
      [[1, 2, 3], 'has more'],
      [new Array(12).fill(0xff), 'more than 64 bits'],
    ] as const)
      expect(await provokes('R1180', async () => listing(await openBytes(i64([...bytes]))))).toContain(message);
  });

  it('when it is cut short anywhere', async () => {
    const whole = weightsFixture('onnx/model.onnx');
    for (let end = 4; end < whole.length - 20; end += 211)
      await expect(openBytes(whole.subarray(0, end)), String(end)).rejects.toMatchObject({ code: 'R1180' });
  });

  it('external data outside of its folder', async () => {
    const folder = folderWith();
    const write = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    for (const location of ['../secret', '/etc/passwd'])
      await provokes('R0113', () => openCheckpoint(write('a.onnx', external({ location }))));
    symlinkSync('/etc/passwd', join(folder, 'link'));
    await provokes('R0113', () => openCheckpoint(write('b.onnx', external({ location: 'link' }))));
    await provokes('R0118', () => openCheckpoint(write('c.onnx', external({ location: 'absent' }))));
    write('data', new Uint8Array(8));
    const checkpoint = await openCheckpoint(write('d.onnx', external({ location: 'data' })));
    expect([...(await checkpoint.read('w')).data]).toEqual([0, 0]);
    await checkpoint.close();
  });

  it('names of files that are not there, __proto__ too', async () => {
    const beside: Beside = {};
    for (const location of ['absent', '__proto__'])
      await expect(openBytes(external({ location }), 'file', beside)).rejects.toThrow(`no file ${location}`);
  });
});
