/**
 * PyTorch checkpoints against what PyTorch says is in them (test/fixtures/weights/torch_files.py): each dtype, views of every kind, both
 * formats; and what is refused, without running any of it.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ITEM_BYTES } from '../../../src/runtime/weights/dtypes.ts';
import { partOf } from '../../../src/runtime/weights/file.ts';
import { bytesFrom, listing, openBytes, weightsFixture } from '../../support/weights-files.ts';
import { provokes } from '../support.ts';

const open = (name: string) => openBytes(weightsFixture(`torch/${name}`), name);
const expected = await listing(await open('expected.safetensors'));

describe.each(['zip.pth', 'legacy.pth', 'protocol4.pth', 'deflated.pth'])('%s', (name) => {
  it('has the tensors that PyTorch has, with their views and dtypes', async () => {
    const file = await open(name);
    expect(file.format).toBe('PyTorch');
    expect(await listing(file)).toEqual(expected);
  });

  it('streams from any element, in chunks of any size', async () => {
    const file = await open(name);
    for (const key of ['views.whole', 'views.transposed', 'views.permuted', 'views.stepped', 'dtypes.int8'].map(
      (key) => `model.${key}`,
    )) {
      const whole = await bytesFrom(file, key);
      const item = ITEM_BYTES[file.tensors.get(key)!.dtype];
      for (let byte = 0; byte <= whole.length; byte += item)
        expect(await bytesFrom(file, key, byte, 3 * item), key).toEqual(whole.subarray(byte));
    }
  });

  it('has what lies beside the tensors as text', async () => {
    const { metadata } = await open(name);
    expect(Object.fromEntries(metadata)).toMatchObject({
      epoch: '3',
      note: 'né\n',
      done: 'true',
      big: String(2n ** 70n),
      'optimizer.param_groups.0.lr': '0.001',
    });
  });
});

it('a level is chosen by name', async () => {
  const module = partOf(await open('zip.pth'), 'module');
  expect([...module.tensors.keys()]).toEqual([
    '0.weight',
    '0.bias',
    '1.weight',
    '1.bias',
    '1.running_mean',
    '1.running_var',
    '1.num_batches_tracked',
  ]);
});

describe('is refused, and nothing in it is run', () => {
  it.each([
    ['evil.pth', 'R1181', 'calls posix.system'],
    ['module.pth', 'R1181', 'calls torch.nn.modules.linear.Linear'],
    ['hung.pth', 'R1181', 'calls argparse.Namespace'],
    ['sparse.pth', 'R1181', 'calls torch.serialization._get_layout'],
    ['float8.pth', 'R0106', 'w in float8.pth has dtype torch.float8_e4m3fn'],
    ['complex.pth', 'R0106', 'torch.ComplexFloatStorage'],
    ['negated.pth', 'R1182', 'w in negated.pth is a conjugate or negated view'],
    ['expanded.pth', 'R1184', 'is a view of 33554432 bytes that repeats a storage of 4'],
    ['big-endian.pth', 'R1183', 'the byte order "big"'],
    ['tensor.pth', 'R1188', 'has a tensor at the whole file'],
    ['tuple-key.pth', 'R1188', 'at the first level, by a key that is no text'],
    ['twice.pth', 'R0104', 'the key a.b twice'],
    ['cycle.pth', 'R1180', 'again contains itself'],
    ['bomb.pth', 'R1180', 'more than 2000000 values'],
  ] as const)('%s: %s', async (name, code, message) => {
    expect(await provokes(code, () => open(name))).toContain(message);
    expect(existsSync('mdl-pickle-was-run')).toBe(false);
  });
});

describe('a pickle by hand', () => {
  /** The legacy format around an object's opcodes. */
  const legacy = (object: string, keys = ']', storages = ''): Uint8Array =>
    Uint8Array.from(
      `\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.\x80\x02${object}.\x80\x02${keys}.${storages}`,
      (c) => c.charCodeAt(0),
    );
  const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const storage = (kind: string, key: string, count: number): string =>
    `(${text('storage')}ctorch\n${kind}\n${text(key)}${text('cpu')}K${String.fromCharCode(count)}NtQ`;
  const tensor = (kind: string, key: string, count: number, rest: string): string =>
    `ctorch._utils\n_rebuild_tensor_v2\n(${storage(kind, key, count)}${rest}\x89N}tR`;
  const count = (n: number): string => `${String.fromCharCode(n)}\0\0\0\0\0\0\0`;
  const one = '\0\0\x80?';

  it('is read when it is right', async () => {
    const bytes = legacy(
      `}${text('w')}${tensor('FloatStorage', '7', 2, 'K\x01(K\x01t(K\x01t')}s`,
      `]${text('7')}a`,
      `${count(2)}${one}${one}`,
    );
    expect(await listing(await openBytes(bytes))).toEqual({ w: 'F32 [1] 0000803f' });
  });

  it.each([
    [
      'a view past its storage',
      `}${text('w')}${tensor('FloatStorage', '7', 2, 'K\x01(K\x02t(K\x01t')}s`,
      'R1182',
      'reaches to byte 12 of a storage of 8',
    ],
    [
      'a negative size',
      `}${text('w')}${tensor('FloatStorage', '7', 2, 'K\x00(J\xff\xff\xff\xfft(K\x01t')}s`,
      'R1182',
      'whole numbers from 0',
    ],
    [
      'a size of 2^63',
      `}${text('w')}${tensor('FloatStorage', '7', 2, 'K\x00(\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ft(K\x01t')}s`,
      'R1182',
      'whole numbers from 0',
    ],
    [
      'sizes whose product is past 2^53',
      `}${text('w')}${tensor('FloatStorage', '7', 2, 'K\x00(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft(K\x00K\x00t')}s`,
      'R1184',
      'Infinity bytes',
    ],
    [
      'a storage that is not there',
      `}${text('w')}${tensor('FloatStorage', '8', 2, 'K\x00(K\x01t(K\x01t')}s`,
      'R1180',
      'no tensor uses',
    ],
    [
      'a storage without a tensor',
      `}${text('w')}${storage('FloatStorage', '7', 2)}s`,
      'R1188',
      'a storage without a tensor at w',
    ],
    ['a value from an empty stack', '0', 'R1180', 'where its stack has none'],
    ['a mark that is not there', 't', 'R1180', 'a mark that it never made'],
    ['a memo that is not there', 'h\x05', 'R1180', 'asks for value 5'],
    ['an opcode of no protocol', '\xff', 'R1180', 'opcode 0xff'],
    ['an integer of 2 GB', '\x8b\xff\xff\xff\x7f', 'R1180', 'an integer of 2147483647 bytes'],
    ['a text of 2^63 bytes', '\x8d\xff\xff\xff\xff\xff\xff\xff\x7f', 'R1180', 'claims a size of 9223372036854775807'],
    ['text that is no UTF-8', 'X\x02\0\0\0\xff\xfe', 'R1180', 'no UTF-8'],
    ['three million empty dicts', `${'}'.repeat(3_000_000)}`, 'R1180', 'more than 2097152 steps'],
    [
      'a key of 5000 characters',
      `}X\x88\x13\0\0${'k'.repeat(5000)}K\x01s`,
      'R1180',
      'a key has more than 4096 characters',
    ],
    ['a dict of a key without a value', '(K\x01d', 'R1180', 'a key without a value'],
  ] as const)('%s', async (_, object, code, message) => {
    const bytes = legacy(object, `]${text('7')}a`, `${count(2)}${one}${one}`);
    expect(await provokes(code, () => openBytes(bytes))).toContain(message);
  });

  it('of big-endian machines, cut short, or with bytes behind it', async () => {
    const whole = weightsFixture('torch/legacy.pth');
    const big = whole.slice();
    const at = Buffer.from(big).indexOf('little_endian') + 'little_endian'.length;
    big[big.indexOf(0x88, at)] = 0x89; // NEWTRUE → NEWFALSE
    expect(await provokes('R1183', () => openBytes(big))).toContain('"big"');
    await provokes('R1180', () => openBytes(whole.subarray(0, 300)));
    await provokes('R0110', () => openBytes(whole.subarray(0, whole.length - 1)));
    expect(await provokes('R0110', () => openBytes(Uint8Array.from([...whole, 0])))).toContain('its header describes');
  });

  it('settings that many objects share are looked at once', async () => {
    // a list of 500,000 numbers, kept as value 0; then 60,000 namespaces whose state is a list that holds it
    const shared = `](${'K\x01'.repeat(500_000)}eq\x00`;
    const namespace = 'cargparse\nNamespace\n)\x81]h\x00ab';
    const bytes = legacy(`}(${text('s')}${shared}${text('n')}](${namespace.repeat(60_000)}eu`);
    expect((await openBytes(bytes)).tensors.size).toBe(0);
  });

  it('keys like __proto__ are names', async () => {
    const bytes = legacy(
      `}${text('__proto__')}${tensor('FloatStorage', '7', 2, 'K\x00(K\x01t(K\x01t')}s`,
      `]${text('7')}a`,
      `${count(2)}${one}${one}`,
    );
    const file = await openBytes(bytes);
    expect([...file.tensors.keys()]).toEqual(['__proto__']);
  });
});
