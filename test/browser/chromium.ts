/**
 * A headless Chromium from npm alone: `@sparticuz/chromium` carries one, packed, with the shared libraries that a bare
 * machine lacks. Unpacked once into node_modules/.cache (about 220 MB, 3 seconds).
 *
 * `CHROMIUM=/path/to/chrome` takes another browser instead. The packed one runs on Linux x64 only; elsewhere, and
 * without CHROMIUM, `unavailable` says why, and the tests count as skipped. A browser that is there and does not
 * start is a failure.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';

const MODULES = new URL('../../node_modules/', import.meta.url);
const PACKAGE = fileURLToPath(new URL('@sparticuz/chromium/', MODULES));
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

/** Why there is no browser to test in on this machine; undefined where there is one. */
export const unavailable: string | undefined =
  OWN !== undefined || (process.platform === 'linux' && process.arch === 'x64')
    ? undefined
    : `the packed Chromium is for linux x64 and this is ${process.platform} ${process.arch}: set CHROMIUM to a browser's path`;

/** @throws Error, with what the browser printed, when it does not start */
export async function launch(): Promise<Browser> {
  if (OWN !== undefined) return chromium.launch({ executablePath: OWN, args: ARGUMENTS });
  const folder = await unpacked();
  const libraries = [folder, join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter((path) => path);
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ARGUMENTS,
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) } as Record<string, string>,
  });
}

/** The folder of this version's Chromium, made under another name first: a run that is cut off leaves no half of one. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const folder = fileURLToPath(new URL(`.cache/chromium-${version}`, MODULES));
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const packed = (name: string): string => join(PACKAGE, 'bin', name);
  for (const archive of ['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br']) {
    execFileSync('tar', ['-x', '-C', draft], { input: brotliDecompressSync(readFileSync(packed(archive))) });
  }
  await pipeline(
    createReadStream(packed('chromium.br')),
    createBrotliDecompress(),
    createWriteStream(join(draft, 'chromium'), { mode: 0o755 }),
  );
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(folder)) throw error; // else another run was faster
  }
  return folder;
}
