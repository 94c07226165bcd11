/**
 * Unpacks parts of the npm package `@sparticuz/chromium` into node_modules/.cache, once per version: the browser of
 * test/browser, and SwiftShader, the software WebGPU adapter that every linux x64 machine can then run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const MODULES = new URL('../../node_modules/', import.meta.url);
const PACKAGE = fileURLToPath(new URL('@sparticuz/chromium/', MODULES));

/** The packed files are programs for this platform only. */
export const packedRunsHere = process.platform === 'linux' && process.arch === 'x64';

/** The path of a packed file. */
export const packed = (name: string): string => join(PACKAGE, 'bin', name);

/** Where `name` of the installed version is unpacked, whether it is yet or not. */
export function cacheFolder(name: string): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  return fileURLToPath(new URL(`.cache/${name}-${version}`, MODULES));
}

/** Unpacks the tar archives into `folder`. */
export function untar(folder: string, archives: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const archive of archives)
    execFileSync('tar', ['-x', '-C', folder], { input: brotliDecompressSync(readFileSync(packed(archive))) });
}

/** Moves a finished draft to its place; a run that is cut off leaves no half of one, and another may be faster. */
export function place(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

/** The folder with SwiftShader's libraries and its Vulkan driver file (15 MB, under a second the first time). */
export function unpackSwiftShader(): string {
  const folder = cacheFolder('swiftshader');
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  untar(draft, ['swiftshader.tar.br']);
  place(draft, folder);
  return folder;
}
