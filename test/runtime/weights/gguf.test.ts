/** GGUF files against ggml's own Python package (test/fixtures/weights/gguf_files.py), bit for bit; and malformed ones. */
import { describe, expect, it } from 'vitest';
import { bytesFrom, listing, openBytes, weightsFixture } from '../../support/weights-files.ts';
import { provokes } from '../support.ts';

const open = (name: string) => openBytes(weightsFixture(`gguf/${name}`), name);
const expected = await listing(await open('expected.safetensors'));

/** A file of these parts: numbers are u32, bigints u64, texts a length (u64) and their bytes. */
function gguf(parts: readonly (number | bigint | string | Uint8Array)[], version = 3): Uint8Array {
  const bytes: number[] = [...Buffer.from('GGUF'), version & 255, 0, 0, 0];
  for (const part of parts) {
    if (typeof part === 'number') bytes.push(...new Uint8Array(Uint32Array.of(part).buffer));
    else if (typeof part === 'bigint') bytes.push(...new Uint8Array(BigUint64Array.of(part).buffer));
    else {
      const text = typeof part === 'string' ? new TextEncoder().encode(part) : part;
      bytes.push(...new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer), ...text);
    }
  }
  while (bytes.length % 32 !== 0) bytes.push(0);
  return Uint8Array.from([...bytes, ...new Uint8Array(64)]);
}
const F32 = 0;
const tensor = (name: string | Uint8Array, size: bigint, offset: bigint, type = F32) =>
  [name, 1, size, type, offset] as const;

it('has the numbers that ggml makes of its blocks, and of plain types', async () => {
  const file = await open('model.gguf');
  expect(file.format).toBe('GGUF');
  expect(await listing(file)).toEqual(expected);
  expect(file.tensors.get('q4_k.weight')).toMatchObject({ dtype: 'F32', shape: [2, 512], encoding: 'Q4_K' });
  expect(file.tensors.get('f16.weight')?.encoding).toBeUndefined();
});

it('version 2 has the same layout', async () => {
  const bytes = weightsFixture('gguf/model.gguf');
  bytes[4] = 2;
  expect(await listing(await openBytes(bytes))).toEqual(expected);
});

it('BF16 stays as it is stored', async () => {
  const bytes = weightsFixture('gguf/bf16.gguf');
  const file = await open('bf16.gguf');
  expect(file.tensors.get('w')).toMatchObject({ dtype: 'BF16', shape: [2, 3], byteLength: 12 });
  expect(Buffer.from(bytes).includes(Buffer.from(await bytesFrom(file, 'w')))).toBe(true);
});

it('streams from any element, in chunks of any size', async () => {
  const file = await open('model.gguf');
  for (const key of ['q8_0.weight', 'q6_k.weight', 'f16.weight']) {
    const whole = await bytesFrom(file, key);
    for (const [byte, chunk] of [
      [0, 4],
      [4, 128],
      [132, 4096],
      [whole.length - 4, 12],
      [whole.length, 4],
    ] as const)
      if (byte <= whole.length) expect(await bytesFrom(file, key, byte, chunk), key).toEqual(whole.subarray(byte));
  }
});

it('its metadata is text; lists are counted', async () => {
  const { metadata } = await open('model.gguf');
  expect(Object.fromEntries(metadata)).toMatchObject({
    'general.architecture': 'llama',
    'general.name': 'tiny é',
    'llama.block_count': '2',
    'x.float': '0.5',
    'x.int64': String(-(2 ** 40)),
    'tokenizer.ggml.tokens': '[3 × text]',
  });
});

describe('is refused', () => {
  it.each([
    ['q5_k.gguf', 'R0106', 'has dtype Q5_K and the runtime reads F32, F16, Q4_0'],
    ['big-endian.gguf', 'R1183', '"big"'],
  ] as const)('%s: %s', async (name, code, message) => {
    expect(await provokes(code, () => open(name))).toContain(message);
  });

  const twice = [...tensor('w', 2n, 0n), ...tensor('w', 2n, 32n)];
  it.each([
    ['a version that is not read', gguf([0n, 0n], 1), 'R1189', 'version 1 of GGUF and 2 and 3 are read'],
    ['two tensors of a name', gguf([2n, 0n, ...twice]), 'R0104', 'the key w twice'],
    ['a key twice', gguf([0n, 2n, 'a', 4, 1, 'a', 4, 1]), 'R0104', 'the key a twice'],
    [
      'tensors that overlap',
      gguf([2n, 0n, ...tensor('a', 9n, 0n), ...tensor('b', 2n, 32n)]),
      'R0108',
      'b in file starts at',
    ],
    ['a tensor past the end', gguf([1n, 0n, ...tensor('a', 99n, 0n)]), 'R1180', 'a ends at byte'],
    ['a size of 2^63', gguf([1n, 0n, ...tensor('a', 1n << 63n, 0n)]), 'R1180', 'claims a size of 9223372036854775808'],
    [
      'sizes whose product is past 2^53',
      gguf([1n, 0n, 'a', 2, 1n << 40n, 1n << 40n, F32, 0n]),
      'R1180',
      'more than 2^50',
    ],
    ['99 dimensions', gguf([1n, 0n, 'a', 99]), 'R1180', 'a has 99 dimensions'],
    ['a row that is no whole block', gguf([1n, 0n, ...tensor('a', 33n, 0n, 8)]), 'R1180', 'Q8_0 has blocks of 32'],
    ['an offset that is not aligned', gguf([1n, 0n, ...tensor('a', 2n, 4n)]), 'R1180', 'not aligned to 32'],
    ['a type that nobody knows', gguf([1n, 0n, ...tensor('a', 2n, 0n, 77)]), 'R0106', 'ggml type 77'],
    ['2^60 tensors', gguf([1n << 60n, 0n]), 'R1180', 'claims a size of'],
    ['2^40 tensors', gguf([1n << 40n, 0n]), 'R1180', 'claims 1099511627776 tensors'],
    ['more tensors than there are', gguf([99n, 0n]), 'R1180', 'its header has no end'],
    ['a list of 2^50 numbers', gguf([0n, 1n, 'a', 9, 0, 1n << 50n]), 'R1180', 'its header has no end'],
    [
      'lists in lists',
      gguf([0n, 1n, 'a', 9, 9, 1n, 9, 1n, 9, 1n, 9, 1n, 9, 1n, 9, 1n, 4, 0n]),
      'R1180',
      'nests more than 4',
    ],
    ['a value of no type', gguf([0n, 1n, 'a', 55]), 'R1180', 'a value of type 55'],
    ['a name that is no UTF-8', gguf([1n, 0n, ...tensor(Uint8Array.of(0xff, 0xfe), 2n, 0n)]), 'R1180', 'no UTF-8'],
    ['an alignment of 0', gguf([0n, 1n, 'general.alignment', 4, 0]), 'R1180', 'its alignment is 0'],
  ] as const)('%s', async (_, bytes, code, message) => {
    expect(await provokes(code, () => openBytes(bytes))).toContain(message);
  });

  it('when it is cut short anywhere', async () => {
    const whole = weightsFixture('gguf/model.gguf');
    for (let end = 5; end < whole.length - 32; end += 97)
      await provokes('R1180', async () => openBytes(whole.subarray(0, end)));
  });

  it('__proto__ is a name', async () => {
    const file = await openBytes(gguf([1n, 0n, ...tensor('__proto__', 2n, 0n)]));
    expect([...file.tensors.keys()]).toEqual(['__proto__']);
  });
});
