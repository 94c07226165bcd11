/** Bytes of a program as text: what is no UTF-8 is refused with its place, since a character put in for it would be lost. */
import { isUtf8 } from 'node:buffer';
import { cliError } from './errors.ts';

const NEWLINE = 10;

/**
 * @param file stands in the message
 * @throws CliError C0483
 */
export function textOf(bytes: Buffer, file: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const offset = firstInvalid(bytes);
  const line = bytes.subarray(0, offset).filter((byte) => byte === NEWLINE).length + 1;
  throw cliError('not_utf8', { file, line, offset, byte: bytes[offset]! });
}

/** Offset of the first byte that begins no character: decoded and encoded again, the bytes before it are the same. */
function firstInvalid(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString('utf8'));
  let offset = again.findIndex((byte, index) => byte !== bytes[index]);
  while ((again[offset]! & 0xc0) === 0x80) offset--;
  return offset;
}
