/**
 * Files of other formats where weights are expected, by their first bytes as the formats' own documents give them:
 * torch/serialization.py (MAGIC_NUMBER), PKWARE's APPNOTE 4.3.7, the GGUF and HDF5 specifications, NumPy's NEP 1,
 * git-lfs/docs/spec.md, RFC 1952.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { Checkpoint, fileSource, openCheckpoint } from '../../../src/runtime/index.ts';
import { folderWith } from '../../support/folder.ts';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
/** An archive with one empty member, readme.txt. */
const ZIP = zipSync({ 'readme.txt': new Uint8Array(0) });
const folder = (): string => folderWith();

/** The first member of a zip archive, stored: its header, its name, and some bytes. */
const zip = (name: string): Uint8Array =>
  latin1(
    `PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00${'\0'.repeat(12)}${String.fromCharCode(name.length)}\0\0\0${name}\x80\x02}q`,
  );

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** What a page reads, safetensors alone; in Node what no reader knows is refused the same way. */
const openInPage = async (path: string): Promise<Checkpoint> => Checkpoint.ofFiles(path, [await fileSource(path)]);

async function refusal(path: string, open: (path: string) => Promise<Checkpoint> = openCheckpoint): Promise<string> {
  const error = await open(path).then(
    () => undefined,
    (reason: unknown) => reason as Error & { code: string },
  );
  return `${error?.code} ${error?.message}`;
}

describe('a file of another format is named, whatever it is called', () => {
  it.each<[string, Uint8Array, RegExp]>([
    [
      'torch.save, old',
      latin1('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'),
      /is a PyTorch pickle, .*torch\.load/,
    ],
    ['a pickle of protocol 4', latin1('\x80\x04\x95\x15\0\0\0\0\0\0\0}'), /is a PyTorch pickle/],
    ['torch.save', zip('archive/data.pkl'), /is a PyTorch pickle in a zip archive, .*torch\.load/],
    ['torch.save of another name', zip('pytorch_model/data.pkl'), /is a PyTorch pickle in a zip archive/],
    ['numpy.savez', zip('arr_0.npy'), /is a NumPy archive \(\.npz\)/],
    ['another zip', zip('readme.txt'), /is a zip archive/],
    ['numpy.save', latin1('\x93NUMPY\x01\0v\0{'), /is a NumPy array/],
    ['GGUF', latin1('GGUF\x03\0\0\0\x05\0\0\0'), /is a GGUF file/],
    ['HDF5', latin1('\x89HDF\r\n\x1a\n\0\0\0\0'), /is an HDF5 file/],
    [
      'a Git LFS pointer',
      latin1('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'),
      /Git LFS pointer.* git lfs pull/,
    ],
    ['a page', latin1('\n<!-- x -->\n<!DOCTYPE html><html>'), /is an HTML page/],
    ['a page with a byte order mark', latin1('\xef\xbb\xbf<html lang="en">'), /is an HTML page/],
    ['gzip', gzipSync('weights'), /is a gzip archive/],
    ['an answer in words', latin1('Entry not found'), /is text that begins with "Entry not found"/],
  ])('%s', async (_, bytes, expected) => {
    const message = await refusal(written('model.safetensors', bytes), openInPage);
    expect(message).toMatch(/^R0123 /);
    expect(message).toMatch(expected);
  });

  it('an index that is a pointer, and a folder that has weights of another format only', async () => {
    const pointer = latin1('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n');
    expect(await refusal(written('model.safetensors.index.json', pointer))).toMatch(/^R0123 .*Git LFS pointer/);
    const only = folder();
    writeFileSync(join(only, 'model.h5'), latin1('\x89HDF\r\n\x1a\n\0\0\0\0'));
    expect(await refusal(only)).toMatch(/^R0123 .*model\.h5 is an HDF5 file/);
    expect(await refusal(written('model.safetensors', Uint8Array.from(ZIP)))).toMatch(/^R0123 .* is a zip archive/);
  });

  it('a header whose length looks like a pickle is a header', async () => {
    // 640 = 80 02 in bytes, little-endian, as a pickle of protocol 2 begins
    const json = '{}'.padEnd(640, ' ');
    const bytes = new Uint8Array(8 + 640);
    new DataView(bytes.buffer).setBigUint64(0, 640n, true);
    bytes.set(latin1(json), 8);
    const checkpoint = await openCheckpoint(written('model.safetensors', bytes));
    expect(checkpoint.tensors.size).toBe(0);
    await checkpoint.close();
  });
});
