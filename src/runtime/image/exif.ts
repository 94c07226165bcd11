/** The one entry of EXIF data that changes a picture: its orientation, 1 … 8. */

const ORIENTATION = 0x0112;
/** Integers of TIFF by their types: SHORT, LONG, SBYTE, SSHORT, SLONG. A BYTE is none here, as for Pillow. */
const READERS: { readonly [type: number]: 'getUint16' | 'getUint32' | 'getInt8' | 'getInt16' | 'getInt32' } = {
  3: 'getUint16',
  4: 'getUint32',
  6: 'getInt8',
  8: 'getInt16',
  9: 'getInt32',
};
/** Before the data in JPEG, and in some WebP files. */
const PREFIX = 'Exif\0\0';

export function hasExifPrefix(bytes: Uint8Array): boolean {
  return [...PREFIX].every((character, i) => bytes[i] === character.charCodeAt(0));
}

/**
 * The orientation that EXIF data (a TIFF header and its first directory) says; 1, as it stands, where it says none or
 * nonsense, as viewers read it.
 */
export function exifOrientation(bytes: Uint8Array): number {
  const tiff = hasExifPrefix(bytes) ? bytes.subarray(PREFIX.length) : bytes;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 14) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  if (view.getUint16(2, little) !== 42 || directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    // tag, type, count, value: 2 + 2 + 4 + 4 bytes
    const at = directory + 2 + 12 * i;
    if (at + 12 > tiff.length) return 1;
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const reader = READERS[view.getUint16(at + 2, little)];
    if (reader === undefined || view.getUint32(at + 4, little) === 0) return 1;
    const value = view[reader](at + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
