/**
 * The rows of a PNG, one by one as they are inflated: what is in memory is two rows and a piece of the stream, however much
 * a small file claims to inflate to.
 */
import { Unzlib } from 'fflate';
import { reasonOf, runtimeError } from '../../errors.ts';
import type { PngFile } from './chunks.ts';

/** Which pixels a row holds: y, and x from `x0` in steps of `step`. */
export interface RowPlace {
  readonly y: number;
  readonly x0: number;
  readonly step: number;
  readonly count: number;
}

interface Pass {
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
}

/** Adam7: seven pictures of growing fineness, each with rows of its own. */
const ADAM7: readonly Pass[] = [
  { x0: 0, y0: 0, dx: 8, dy: 8 },
  { x0: 4, y0: 0, dx: 8, dy: 8 },
  { x0: 0, y0: 4, dx: 4, dy: 8 },
  { x0: 2, y0: 0, dx: 4, dy: 4 },
  { x0: 0, y0: 2, dx: 2, dy: 4 },
  { x0: 1, y0: 0, dx: 2, dy: 2 },
  { x0: 0, y0: 1, dx: 1, dy: 2 },
];
const WHOLE: readonly Pass[] = [{ x0: 0, y0: 0, dx: 1, dy: 1 }];

/** Bytes of the stream at a time: deflate packs at most 1032 to 1, so a piece inflates to 16 MiB at most. */
const PIECE = 1 << 14;

/** Rows in the order of the file. */
function* placesOf({ width, height, interlaced }: PngFile): Generator<RowPlace> {
  for (const { x0, y0, dx, dy } of interlaced ? ADAM7 : WHOLE) {
    const count = Math.ceil((width - x0) / dx);
    if (count <= 0) continue;
    for (let y = y0; y < height; y += dy) yield { y, x0, step: dx, count };
  }
}

/** Calls `paint` with each row's samples, unfiltered, as packed in the file. @throws RuntimeError R0403 */
export function eachRow(file: PngFile, paint: (samples: Uint8Array, place: RowPlace) => void): void {
  const bits = file.channels * file.depth;
  const pixelBytes = Math.max(1, bits >> 3);
  const longest = Math.ceil((file.width * bits) / 8);
  const places = placesOf(file);
  let place = places.next().value as RowPlace | undefined;
  let [row, above] = [new Uint8Array(1 + longest), new Uint8Array(1 + longest)]; // the filter's type comes first
  let length = 0;
  let filled = 0;
  const begin = (): void => {
    length = place ? 1 + Math.ceil((place.count * bits) / 8) : 0;
    filled = 0;
  };
  const take = (bytes: Uint8Array): void => {
    for (let at = 0; place && at < bytes.length; ) {
      const end = Math.min(bytes.length, at + length - filled);
      row.set(bytes.subarray(at, end), filled);
      filled += end - at;
      at = end;
      if (filled < length) return;
      unfilter(row, above, length, pixelBytes);
      paint(row.subarray(1, length), place);
      const next = places.next().value as RowPlace | undefined;
      [row, above] = [above, row];
      // each pass is filtered as a picture of its own
      if (next && (next.step !== place.step || next.x0 !== place.x0)) above.fill(0);
      place = next;
      begin();
    }
  };
  begin();
  inflate(file.data, take, () => place === undefined);
  if (place) throw runtimeError('image_damaged', { format: 'PNG', reason: 'it has fewer rows than its header says' });
}

/** Feeds a zlib stream until it is done; what follows the last row is not inflated. */
function inflate(data: readonly Uint8Array[], take: (bytes: Uint8Array) => void, isDone: () => boolean): void {
  const stream = new Unzlib(take);
  try {
    for (const part of data) {
      for (let at = 0; at < part.length && !isDone(); at += PIECE) stream.push(part.subarray(at, at + PIECE));
    }
  } catch (error) {
    throw runtimeError('image_damaged', { format: 'PNG', reason: reasonOf(error) }, error);
  }
}

/** Undoes a row's filter in place: byte 0 is its type, a = left, b = above, c = above left. */
function unfilter(row: Uint8Array, above: Uint8Array, length: number, pixelBytes: number): void {
  const first = 1 + pixelBytes;
  switch (row[0]) {
    case 0:
      return;
    case 1:
      for (let i = first; i < length; i++) row[i] = row[i]! + row[i - pixelBytes]!;
      return;
    case 2:
      for (let i = 1; i < length; i++) row[i] = row[i]! + above[i]!;
      return;
    case 3:
      for (let i = 1; i < length; i++) {
        const left = i < first ? 0 : row[i - pixelBytes]!;
        row[i] = row[i]! + ((left + above[i]!) >> 1);
      }
      return;
    case 4:
      for (let i = 1; i < length; i++) {
        if (i < first) row[i] = row[i]! + above[i]!;
        else row[i] = row[i]! + paeth(row[i - pixelBytes]!, above[i]!, above[i - pixelBytes]!);
      }
      return;
    default:
      throw new Error(`it has a row with the filter ${row[0]}`);
  }
}

/** Whichever of the three is nearest to a + b − c. */
function paeth(a: number, b: number, c: number): number {
  const toA = Math.abs(b - c);
  const toB = Math.abs(a - c);
  const toC = Math.abs(a + b - 2 * c);
  if (toA <= toB && toA <= toC) return a;
  return toB <= toC ? b : c;
}
