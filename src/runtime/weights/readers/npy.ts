/**
 * NumPy's arrays (.npy, format 1.0 to 3.0; numpy/lib/format.py).
 *
 *     "\x93NUMPY", version (2 bytes), length of the header (u16, from 2.0 on u32)
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     Python's literal, padded with blanks
 *     elements
 */
import { runtimeError } from '../../errors.ts';
import { ITEM_BYTES, STORED_DTYPES, type StoredDType } from '../dtypes.ts';
import type { WeightsFile } from '../file.ts';
import type { RandomAccess } from '../source.ts';
import { OutOfBytes, withHead } from './cursor.ts';
import { rowMajor } from './strided.ts';
import { productOf, type StoredView, viewsFile } from './views.ts';
import { openMember, type ZipMember } from './zip.ts';

const FORMAT = 'a NumPy array';
const LARGEST_HEADER = 1 << 20;
const HEADER =
  /^\{\s*'descr'\s*:\s*'([^']*)'\s*,\s*'fortran_order'\s*:\s*(True|False)\s*,\s*'shape'\s*:\s*\(([\d\s,L]*)\)\s*,?\s*\}\s*$/;

/** By NumPy's descr without its byte order. */
const DTYPES: Readonly<Record<string, StoredDType>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  i4: 'I32',
  i2: 'I16',
  i1: 'I8',
  u1: 'U8',
  b1: 'BOOL',
};

/** One array, whose key is the file's name without its folder and ending. @throws as `openNpz` */
export async function openNpy(source: RandomAccess): Promise<WeightsFile> {
  const key = source.name.replace(/^.*[/\\]/, '').replace(/\.npy$/, '');
  const view = await readArray(source, source.name, key, () => source);
  return viewsFile({ name: source.name, format: 'NumPy', metadata: new Map() }, new Map([[key, view]]), async () =>
    source.close?.(),
  );
}

/** The arrays of an archive. @throws RuntimeError R0104, R0106, R0107, R1180, R1183, R1189 */
export async function openNpz(source: RandomAccess, members: ReadonlyMap<string, ZipMember>): Promise<WeightsFile> {
  const views = new Map<string, StoredView>();
  for (const member of members.values()) {
    const key = member.name.replace(/\.npy$/, '');
    if (key === member.name)
      throw runtimeError('file_damaged', {
        file: source.name,
        format: 'a NumPy archive',
        reason: `${key} in it is no array`,
      });
    const open = (): Promise<RandomAccess> => openMember(source, member);
    views.set(key, await readArray(await open(), source.name, key, open));
  }
  return viewsFile({ name: source.name, format: 'NumPy', metadata: new Map() }, views, async () => source.close?.());
}

async function readArray(
  content: RandomAccess,
  file: string,
  key: string,
  storage: StoredView['storage'],
): Promise<StoredView> {
  const refuse = (reason: string): Error =>
    runtimeError('file_damaged', { file, format: FORMAT, reason: `${key} ${reason}` });
  const { text, begin } = await headerOf(content, file, refuse);
  const [, descr, order, dims] = HEADER.exec(text) ?? [];
  if (descr === undefined || dims === undefined)
    throw refuse(`has the header ${JSON.stringify(text.trim().slice(0, 80))}`);
  if (/^>/.test(descr)) throw runtimeError('byte_order', { file, order: 'big' });
  const dtype = /^[<|=]/.test(descr) && Object.hasOwn(DTYPES, descr.slice(1)) ? DTYPES[descr.slice(1)] : undefined;
  if (dtype === undefined)
    throw runtimeError('tensor_dtype_unread', { file, tensor: key, dtype: descr, known: STORED_DTYPES });
  const shape = dims
    .split(',')
    .filter((size) => size.trim() !== '')
    .map((size) => Number(size.replace('L', '')));
  if (!shape.every(Number.isSafeInteger)) throw refuse('has a size past 2^53');
  const byteLength = productOf(shape) * ITEM_BYTES[dtype];
  if (content.size - begin !== byteLength)
    throw runtimeError('tensor_bytes', {
      file,
      tensor: key,
      found: content.size - begin,
      expected: String(byteLength),
    });
  const strides = order === 'True' ? rowMajor([...shape].reverse()).reverse() : rowMajor(shape);
  return { dtype, shape, strides, byteOffset: begin, byteLength, storage };
}

function headerOf(content: RandomAccess, file: string, refuse: (reason: string) => Error) {
  return withHead(content, 0, LARGEST_HEADER, (cursor) => {
    const magic = String.fromCharCode(...cursor.take(6));
    if (magic !== '\x93NUMPY') throw refuse('does not begin as an array');
    const [major, minor] = [cursor.u8(), cursor.u8()];
    if (major < 1 || major > 3 || minor !== 0)
      throw runtimeError('format_version', {
        file,
        format: '.npy',
        version: `${major}.${minor}`,
        known: '1.0, 2.0 and 3.0',
      });
    const length = major === 1 ? cursor.u16() : cursor.u32();
    const text = String.fromCharCode(...cursor.take(Math.min(length, LARGEST_HEADER)).subarray(0, 1 << 14));
    return { text, begin: cursor.at };
  }).catch((error: unknown) => {
    throw error instanceof OutOfBytes ? refuse('ends in its header') : error;
  });
}
