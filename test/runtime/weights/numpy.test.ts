/** NumPy's files against NumPy (test/fixtures/weights/numpy_files.py), bit for bit; malformed ones; and archives that mislead. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { ITEM_BYTES } from '../../../src/runtime/weights/dtypes.ts';
import { bytesFrom, listing, openBytes, weightsFixture } from '../../support/weights-files.ts';
import { provokes } from '../support.ts';

const open = (name: string) => openBytes(weightsFixture(`numpy/${name}`), name);
const expected = await listing(await open('expected.safetensors'));

describe.each(['stored.npz', 'deflated.npz'])('%s', (name) => {
  it('has the arrays that NumPy has, in C and in Fortran order', async () => {
    expect(await listing(await open(name))).toEqual(expected);
  });

  it('streams from any element, in chunks of any size', async () => {
    const file = await open(name);
    for (const key of ['fortran', 'transposed', 'dtypes.int16']) {
      const whole = await bytesFrom(file, key);
      const item = ITEM_BYTES[file.tensors.get(key)!.dtype];
      for (let byte = 0; byte <= whole.length; byte += 3 * item)
        expect(await bytesFrom(file, key, byte, 5 * item), key).toEqual(whole.subarray(byte));
    }
  });
});

it.each(['fortran.npy', 'version3.npy'])('%s is one array by the name of the file', async (name) => {
  const [listed] = Object.entries(await listing(await open(name)));
  expect(listed).toEqual([name.replace('.npy', ''), expected.fortran]);
});

/** An array's file with this header. */
function npy(header: string, data = 0, version: readonly number[] = [1, 0]): Uint8Array {
  const text = Buffer.from(`${header}\n`, 'latin1');
  return Uint8Array.from([
    0x93,
    ...Buffer.from('NUMPY'),
    ...version,
    text.length & 255,
    text.length >> 8,
    ...text,
    ...new Uint8Array(data),
  ]);
}
const header = (descr: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;

describe('is refused', () => {
  it.each([
    ['big-endian.npz', 'R1183', '"big"'],
    ['uint32.npz', 'R0106', 'w in uint32.npz has dtype <u4'],
    ['objects.npz', 'R0106', 'has dtype |O'],
    ['records.npz', 'R1180', 'w has the header'],
  ] as const)('%s: %s', async (name, code, message) => {
    expect(await provokes(code, () => open(name))).toContain(message);
  });

  it.each([
    [
      'less data than its shape asks for',
      npy(header('<f4', '2, 3'), 20),
      'R0107',
      'has 20 bytes of data and its shape and dtype ask for 24',
    ],
    ['more', npy(header('<f4', '2,'), 9), 'R0107', 'has 9 bytes'],
    ['a size of 2^63', npy(header('<f4', '9223372036854775808,')), 'R1180', 'a size past 2^53'],
    ['sizes whose product is past 2^53', npy(header('<f4', '4294967296, 4294967296'), 4), 'R0107', 'ask for Infinity'],
    ['a header with code', npy("{'descr': __import__('os').system('true')}"), 'R1180', 'has the header'],
    ['a negative size', npy(header('<f4', '-1,'), 4), 'R1180', 'has the header'],
    ['a header that does not end', npy(header('<f4', '1,')).subarray(0, 40), 'R1180', 'ends in its header'],
    [
      'a version that is not read',
      npy(header('<f4', '1,'), 4, [9, 0]),
      'R1189',
      'version 9.0 of .npy and 1.0, 2.0 and 3.0 are read',
    ],
    ['a dtype called constructor', npy(header('<constructor', '1,'), 4), 'R0106', '<constructor'],
  ] as const)('an array with %s', async (_, bytes, code, message) => {
    expect(await provokes(code, () => openBytes(bytes, 'w.npy'))).toContain(message);
  });
});

describe('an archive', () => {
  const ones = npy(header('<f4', '2,'), 8);
  const zipped = (level: 0 | 9 = 0) => zipSync({ 'w.npy': ones }, { level });
  /** The archive with a number of 4 bytes changed, `at` bytes behind the last signature. */
  function patched(bytes: Uint8Array, signature: number, at: number, value: number): Uint8Array {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    let place = copy.length - 4;
    while (view.getUint32(place, true) !== signature) place--;
    view.setUint32(place + at, value, true);
    return copy;
  }
  const CENTRAL = 0x02014b50;
  const END = 0x06054b50;

  it.each([
    [
      'a member that is no array',
      zipSync({ 'w.npy': ones, 'notes.txt': new Uint8Array(3) }),
      'notes.txt in it is no array',
    ],
    ['no directory', zipped().subarray(0, -10), 'no directory at its end'],
    ['a directory past its end', patched(zipped(), END, 16, 1 << 20), 'its directory lies past its end'],
    ['a directory of 4 GB', patched(zipped(), END, 12, 0xfffffff0), 'its directory claims 4294967280 bytes'],
    ['a member past the directory', patched(zipped(), CENTRAL, 42, 1 << 20), 'overlaps what follows it'],
    ['a stored member of two sizes', patched(zipped(), CENTRAL, 24, 999), 'is stored and has two sizes'],
    ['a bomb', patched(zipped(9), CENTRAL, 24, 1 << 30), 'more than deflate can'],
    ['a member that is encrypted', patched(zipped(), CENTRAL, 8, 1), 'w.npy is encrypted'],
    ['a member packed by another method', patched(zipped(), CENTRAL, 10, 14), 'packed by method 14'],
    ['another signature in the directory', patched(zipped(), CENTRAL, 0, 7), 'has another signature'],
    ['a local header elsewhere', patched(zipped(), CENTRAL, 42, 4), 'w.npy has no header where the directory says'],
  ])('with %s', async (_, bytes, message) => {
    const said = await openBytes(bytes).then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    expect(said).toContain(message);
  });

  it('with a member that inflates to less, or more, than it claims', async () => {
    for (const size of [ones.length + 1, ones.length - 1]) {
      const bytes = patched(zipped(9), CENTRAL, 24, size);
      await expect(openBytes(bytes).then(listing)).rejects.toMatchObject({
        code: expect.stringMatching(/^R(0107|1180)$/),
      });
    }
  });
});
