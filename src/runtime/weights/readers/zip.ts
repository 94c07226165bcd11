/**
 * The directory of a zip archive (PKWARE's APPNOTE 6.3.10, with zip64), checked before anything is read by it: members lie in the
 * file, do not overlap and are stored or deflated.
 *
 *     [local header, data] …   [central header] …   [zip64 end] [zip64 locator]   end
 */
import { runtimeError } from '../../errors.ts';
import type { RandomAccess } from '../source.ts';
import { Cursor, OutOfBytes } from './cursor.ts';
import { BEST_RATIO, inflatedSource, rangeOf } from './inflate.ts';

export interface ZipMember {
  readonly name: string;
  readonly deflated: boolean;
  readonly packedSize: number;
  readonly size: number;
  /** of its local header */
  readonly offset: number;
  /** where the next member or the directory begins: its data ends before */
  readonly limit: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
/** The end may be followed by a comment of so many bytes. */
const LONGEST_COMMENT = 0xffff;
/** Bytes of a directory, at most: some hundred thousand members. */
const LARGEST_DIRECTORY = 1 << 24;

/** @throws RuntimeError R1180, and R0104 for a name that occurs twice */
export async function readZip(source: RandomAccess): Promise<ReadonlyMap<string, ZipMember>> {
  const refuse = refusal(source.name);
  try {
    const { offset, size, count } = await findDirectory(source, refuse);
    const cursor = new Cursor(await source.read(offset, size));
    const found: Omit<ZipMember, 'limit'>[] = [];
    for (let i = 0; i < count; i++) found.push(readCentral(cursor, refuse));
    return withLimits(found, offset, source.name, refuse);
  } catch (error) {
    if (error instanceof OutOfBytes || error instanceof TypeError || error instanceof RangeError)
      throw refuse(error instanceof TypeError ? 'a name is no UTF-8' : error.message);
    throw error;
  }
}

type Refuse = (reason: string) => Error;
const refusal =
  (file: string): Refuse =>
  (reason) =>
    runtimeError('file_damaged', { file, format: 'a zip archive', reason });

/** Where the central directory lies. */
async function findDirectory(
  source: RandomAccess,
  refuse: Refuse,
): Promise<{ readonly offset: number; readonly size: number; readonly count: number }> {
  const tail = Math.min(source.size, END_BYTES + LONGEST_COMMENT);
  const bytes = await source.read(source.size - tail, tail);
  const cursor = new Cursor(bytes);
  let at = bytes.length - END_BYTES;
  const isEnd = (place: number): boolean => {
    cursor.at = place;
    if (cursor.u32() !== END) return false;
    cursor.at = place + 20;
    return cursor.u16() === bytes.length - place - END_BYTES;
  };
  while (at >= 0 && !isEnd(at)) at--;
  if (at < 0) throw refuse('it has no directory at its end');
  cursor.at = at + 4;
  const [disk, directoryDisk, here, count] = [cursor.u16(), cursor.u16(), cursor.u16(), cursor.u16()];
  const [size, offset] = [cursor.u32(), cursor.u32()];
  let found = { offset, size, count };
  const end = source.size - tail + at;
  if (at >= 20) {
    cursor.at = at - 20;
    if (cursor.u32() === LOCATOR) found = await readEnd64(source, cursor, refuse);
  }
  if (disk !== directoryDisk || here !== count) throw refuse('it is one part of several');
  if (found.size > LARGEST_DIRECTORY) throw refuse(`its directory claims ${found.size} bytes`);
  if (found.offset + found.size > end) throw refuse('its directory lies past its end');
  return found;
}

/** @param cursor after the locator's signature */
async function readEnd64(source: RandomAccess, cursor: Cursor, refuse: Refuse) {
  cursor.u32();
  const at = cursor.size();
  if (at + 56 > source.size) throw refuse('its zip64 end lies past the end of the file');
  const end = new Cursor(await source.read(at, 56));
  if (end.u32() !== END64) throw refuse('its zip64 end has another signature');
  end.at = 32;
  const count = end.size();
  return { count, size: end.size(), offset: end.size() };
}

function readCentral(cursor: Cursor, refuse: Refuse): Omit<ZipMember, 'limit'> {
  if (cursor.u32() !== CENTRAL) throw refuse('an entry of its directory has another signature');
  cursor.take(4);
  const [flags, method] = [cursor.u16(), cursor.u16()];
  cursor.take(8); // time, date, CRC
  let [packedSize, size] = [cursor.u32(), cursor.u32()];
  const [nameBytes, extraBytes, commentBytes] = [cursor.u16(), cursor.u16(), cursor.u16()];
  cursor.take(8); // disk, attributes
  let offset = cursor.u32();
  const name = cursor.text(nameBytes);
  const extra = new Cursor(cursor.take(extraBytes));
  cursor.take(commentBytes);
  while (extra.left >= 4) {
    const [tag, length] = [extra.u16(), extra.u16()];
    const field = new Cursor(extra.take(length));
    if (tag !== 1) continue;
    // what did not fit in 32 bits, in this order
    if (size === 0xffffffff) size = field.size();
    if (packedSize === 0xffffffff) packedSize = field.size();
    if (offset === 0xffffffff) offset = field.size();
  }
  if ((flags & 1) === 1) throw refuse(`${name} is encrypted`);
  if (method !== 0 && method !== 8) throw refuse(`${name} is packed by method ${method}, and only deflate is read`);
  if (method === 0 && size !== packedSize)
    throw refuse(`${name} is stored and has two sizes, ${packedSize} and ${size}`);
  if (size > packedSize * BEST_RATIO)
    throw refuse(`${name} claims ${size} bytes of ${packedSize}, more than deflate can`);
  return { name, deflated: method === 8, packedSize, size, offset };
}

/** Each member ends before the next begins. */
function withLimits(
  found: readonly Omit<ZipMember, 'limit'>[],
  directory: number,
  file: string,
  refuse: Refuse,
): ReadonlyMap<string, ZipMember> {
  const members = new Map<string, ZipMember>();
  const inOrder = [...found].sort((a, b) => a.offset - b.offset);
  for (const [index, member] of inOrder.entries()) {
    const limit = Math.min(inOrder[index + 1]?.offset ?? directory, directory);
    if (member.offset + LOCAL_BYTES + member.packedSize > limit)
      throw refuse(`${member.name} overlaps what follows it`);
    if (members.has(member.name)) throw runtimeError('header_key_twice', { file, key: member.name });
    members.set(member.name, { ...member, limit });
  }
  return members;
}

/** A member's content. @throws RuntimeError R1180 when its local header is another's */
export async function openMember(source: RandomAccess, member: ZipMember): Promise<RandomAccess> {
  const refuse = refusal(source.name);
  const header = new Cursor(await source.read(member.offset, LOCAL_BYTES));
  if (header.u32() !== LOCAL) throw refuse(`${member.name} has no header where the directory says`);
  header.at = 26;
  const begin = member.offset + LOCAL_BYTES + header.u16() + header.u16();
  if (begin + member.packedSize > member.limit) throw refuse(`${member.name} overlaps what follows it`);
  const packed = rangeOf(source, begin, member.packedSize);
  return member.deflated ? inflatedSource(packed, member.size) : packed;
}
