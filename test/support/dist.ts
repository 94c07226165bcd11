/**
 * `dist` of the sources as they stand, by the real build script. What is built once serves all test files that want it, until the sources
 * change: it is kept below node_modules, where packages are found, under a hash of what it is made of.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(REPOSITORY, 'node_modules', '.cache');
const FOLDERS = ['src', 'grammar'];
export const BUILD_FILES = ['package.json', 'scripts/build.mjs', 'scripts/notices.mjs'];
/** Milliseconds after which what other sources were built to is thrown away. */
const DAY = 24 * 3600 * 1000;

let built: string | undefined;

/**
 * The folder with what the build writes to `dist`; nobody changes it.
 * @throws Error with the build's output when it fails
 */
export function builtDist(): string {
  built ??= find();
  return built;
}

function find(): string {
  const folder = join(CACHE, `mdl-dist-${hashOfSources()}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  removeOld();
  const draft = mkdtempSync(join(CACHE, 'mdl-dist-draft-'));
  try {
    for (const name of [...FOLDERS, 'node_modules']) symlinkSync(join(REPOSITORY, name), join(draft, name), 'dir');
    mkdirSync(join(draft, 'scripts'));
    for (const file of BUILD_FILES) copyFileSync(join(REPOSITORY, file), join(draft, file));
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: draft, encoding: 'utf8' });
    renameSync(join(draft, 'dist'), folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another worker was faster
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const listed = FOLDERS.flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name)),
  );
  const files = [...listed, ...[...BUILD_FILES, 'package-lock.json'].map((file) => join(REPOSITORY, file))].sort();
  for (const file of files) hash.update(file.slice(REPOSITORY.length)).update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

function removeOld(): void {
  for (const name of readdirSync(CACHE).filter((entry) => entry.startsWith('mdl-dist-'))) {
    const path = join(CACHE, name);
    if (Date.now() - statSync(path).mtimeMs > DAY) rmSync(path, { recursive: true, force: true });
  }
}
