/**
 * The user's own data: a folder of images and .jsonl files.
 *
 * Only the places of the records are kept in memory; lines and images are read when a batch wants them. Each epoch is
 * shuffled by a permutation that is computed, not stored. A folder with train.jsonl and held-out.jsonl is split as they
 * say; otherwise all .jsonl files are read and one image in ten, by a hash of its path, is held out.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve, sep } from 'node:path';
import { reasonOf, runtimeError } from '../../../../runtime/errors.ts';
import { decodeImage } from '../../../../runtime/image/decode.ts';
import type { DecodeOptions } from '../../../../runtime/image/options.ts';
import { resizeBicubic } from '../../../../runtime/image/resize.ts';
import type { RgbImage } from '../../../../runtime/image/rgb.ts';
import { hash32 } from '../../../data/dice.ts';
import { permutation } from '../../../data/permutation.ts';
import type { Sample, SampleSet } from '../example.ts';
import { type ResolvedOptions, tasksOf } from '../options.ts';
import { type DataRecord, exchangesOf, parseRecord } from './records.ts';

/** Resized images are kept up to this, then dropped and read again. */
const CACHE_BYTES = 256 * 2 ** 20;
const CHUNK_BYTES = 1 << 20;

interface TextFile {
  readonly name: string;
  readonly path: string;
}

/** Where each record of a split is. */
interface Index {
  readonly files: readonly TextFile[];
  /** by record: which file, the first byte, the number of bytes, the line's number from 1 */
  readonly places: { file: number; start: number; bytes: number; line: number }[];
}

/**
 * @throws RuntimeError R0903 (no such folder, no .jsonl), R0904 (a line), R0905 (a path), R0907 (an empty split); samples
 * throw R0906 (an image, when told to fail) and R0907 (every image was skipped)
 */
export function folderSet(folder: string, options: ResolvedOptions): SampleSet {
  const { template, seed, split, onBadImage, report } = options;
  const tasks = tasksOf(options);
  const name = basename(resolve(folder));
  const root = openFolder(folder);
  const index = indexFolder(root, folder, options);
  const size = index.places.length;
  if (size === 0) throw runtimeError('empty_split', { name, split, reason: 'it has no records' });
  const load = imageLoader(root, options);
  const bad = new Set<string>();
  let shuffled: { epoch: number; at: (i: number) => number } | undefined;

  /** The record at a place of an epoch; places past its end are those at its beginning. */
  const recordAt = (epoch: number, place: number): number => {
    if (shuffled?.epoch !== epoch) shuffled = { epoch, at: permutation(size, seed, `folder/${split}/${epoch}`) };
    return shuffled.at(place % size);
  };

  return {
    name,
    size,
    contents: () => contentsOf(root, index),
    async sample(position): Promise<Sample> {
      // a record with a bad image is replaced by the one after it in the epoch, so every position has a fixed sample
      const epoch = Math.floor(position / size);
      for (let skipped = 0; skipped < size; skipped++) {
        const place = index.places[recordAt(epoch, position + skipped)]!;
        const file = index.files[place.file]!;
        const record = parseRecord(
          readBytes(file.path, place.start, place.bytes).toString('utf8'),
          file.name,
          place.line,
        );
        // once more: what the path leads to may have changed since the folder was opened
        checkInside(root, record, file.name, place.line);
        let picture: RgbImage;
        try {
          picture = load(record.image);
        } catch (error) {
          // without what to do about it, which R0906 says
          const reason = reasonOf(error).replace(/, so [^,]*$/, '');
          const details = { image: record.image, file: file.name, line: place.line, reason };
          if (onBadImage === 'fail') throw runtimeError('data_image', details, error);
          if (!bad.has(record.image)) report?.(details);
          bad.add(record.image);
          continue;
        }
        const meta = { things: [], source: `${file.name}:${place.line}` };
        return { task: record.task, turns: exchangesOf(record, tasks, template), picture, meta };
      }
      throw runtimeError('empty_split', { name, split, reason: 'every image was skipped' });
    },
  };
}

/** The lines of the split in order, and each image once. */
function* contentsOf(root: string, { files, places }: Index): Generator<Uint8Array> {
  const seen = new Set<string>();
  for (const { file, start, bytes, line } of places) {
    const text = readBytes(files[file]!.path, start, bytes);
    yield text;
    const { image } = parseRecord(text.toString('utf8'), files[file]!.name, line);
    if (seen.has(image)) continue;
    seen.add(image);
    yield Buffer.from(`\0${image}\0`);
    const path = resolve(root, image);
    // a missing image is judged when it is read
    if (existsSync(path) && statSync(path).isFile()) yield readFileSync(path);
  }
}

/** The folder's real path, links resolved. */
function openFolder(folder: string): string {
  try {
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder');
    return realpathSync(folder);
  } catch (error) {
    throw runtimeError('data_not_opened', { name: folder, reason: reasonOf(error) }, error);
  }
}

/** Reads every line once: finds the records of the split and checks them all, so that no bad line stops a long run. */
function indexFolder(root: string, folder: string, { split, onBadImage, report }: ResolvedOptions): Index {
  const names = readdirSync(root)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
  if (names.length === 0) throw runtimeError('data_not_opened', { name: folder, reason: 'it has no .jsonl file' });
  const isSplit = split !== 'all' && names.includes('train.jsonl') && names.includes('held-out.jsonl');
  const chosen = isSplit ? [`${split}.jsonl`] : names;
  const files = chosen.map((name): TextFile => ({ name, path: join(root, name) }));
  const places: Index['places'] = [];
  files.forEach((file, f) => {
    for (const { text, ...place } of linesOf(file)) {
      if (text.trim() === '') continue;
      let record: DataRecord;
      try {
        record = parseRecord(text, file.name, place.line);
      } catch (error) {
        if (onBadImage === 'fail') throw error;
        report?.({ image: undefined, file: file.name, line: place.line, reason: reasonOf(error) });
        continue;
      }
      checkInside(root, record, file.name, place.line);
      const heldOut = hash32(record.image) % 10 === 0;
      if (split === 'all' || isSplit || heldOut === (split === 'held-out')) places.push({ file: f, ...place });
    }
  });
  return { files, places };
}

/** Lines with their places, a chunk of the file at a time. */
function* linesOf({ path }: TextFile): Generator<{ text: string; start: number; bytes: number; line: number }> {
  let rest = Buffer.alloc(0);
  let start = 0; // of `rest`, in the file
  let line = 1;
  for (;;) {
    const chunk = readBytes(path, start + rest.length, CHUNK_BYTES);
    if (chunk.length === 0) break;
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(10, from); end >= 0; end = rest.indexOf(10, from)) {
      yield { text: rest.toString('utf8', from, end), start: start + from, bytes: end - from, line: line++ };
      from = end + 1;
    }
    start += from;
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), start, bytes: rest.length, line };
}

/** Opens the file each time, so that a data set has nothing to close. */
function readBytes(path: string, start: number, bytes: number): Buffer {
  const handle = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readSync(handle, buffer, 0, bytes, start));
  } finally {
    closeSync(handle);
  }
}

/** @throws RuntimeError R0905; an image that does not exist is judged when it is read */
function checkInside(root: string, { image }: DataRecord, file: string, line: number): void {
  const path = resolve(root, image);
  const inside = (target: string): boolean => target.startsWith(root.endsWith(sep) ? root : root + sep);
  if (!inside(path) || (existsSync(path) && !inside(realpathSync(path))))
    throw runtimeError('image_outside_folder', { file, line, image });
}

/** Decodes and resizes; keeps the results. Photographs are turned upright unless the options say otherwise. */
function imageLoader(root: string, options: ResolvedOptions): (image: string) => RgbImage {
  const { imageSize: size, exif_orientation = true, background, max_pixels } = options;
  const decode: DecodeOptions = {
    exif_orientation,
    ...(background ? { background } : {}),
    ...(max_pixels === undefined ? {} : { max_pixels }),
  };
  const cache = new Map<string, RgbImage>();
  const most = Math.max(1, Math.floor(CACHE_BYTES / (3 * size * size)));
  return (image) => {
    let picture = cache.get(image);
    if (!picture) {
      picture = resizeBicubic(decodeImage(readImage(resolve(root, image)), decode), size, size);
      if (cache.size >= most) cache.clear();
      cache.set(image, picture);
    }
    return picture;
  };
}

function readImage(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    // the message of Node holds the whole path, which says nothing here
    throw new Error((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : reasonOf(error));
  }
}
