/**
 * A headless Chromium from npm alone: `@sparticuz/chromium` carries one, packed, with the shared libraries that a bare
 * machine lacks. Unpacked once into node_modules/.cache (about 220 MB, 3 seconds).
 *
 * `CHROMIUM=/path/to/chrome` takes another browser instead. The packed one runs on Linux x64 only; elsewhere, and
 * without CHROMIUM, `unavailable` says why, and the tests count as skipped. A browser that is there and does not
 * start is a failure.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import { cacheFolder, packed, packedRunsHere, place, untar } from '../support/unpack.ts';

const OWN = process.env.CHROMIUM;

const ARGUMENTS = [
  '--no-sandbox', // tests run as root in containers, where Chromium's sandbox does not start
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/** WebGPU on the software adapter that Chromium brings along; without them a headless one has no adapter. */
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

export interface LaunchOptions {
  readonly webgpu?: boolean;
}

/** Why there is no browser to test in on this machine; undefined where there is one. */
export const unavailable: string | undefined =
  OWN !== undefined || packedRunsHere
    ? undefined
    : `the packed Chromium is for linux x64 and this is ${process.platform} ${process.arch}: set CHROMIUM to a browser's path`;

/** @throws Error, with what the browser printed, when it does not start */
export async function launch({ webgpu = false }: LaunchOptions = {}): Promise<Browser> {
  const args = webgpu ? [...ARGUMENTS, ...WEBGPU] : ARGUMENTS;
  if (OWN !== undefined) return chromium.launch({ executablePath: OWN, args });
  const folder = await unpacked();
  const libraries = [folder, join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter((path) => path);
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args,
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) } as Record<string, string>,
  });
}

/** The folder of this version's Chromium, made under another name first: a run that is cut off leaves no half of one. */
async function unpacked(): Promise<string> {
  const folder = cacheFolder('chromium');
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  untar(draft, ['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br']);
  await pipeline(
    createReadStream(packed('chromium.br')),
    createBrotliDecompress(),
    createWriteStream(join(draft, 'chromium'), { mode: 0o755 }),
  );
  place(draft, folder);
  return folder;
}
