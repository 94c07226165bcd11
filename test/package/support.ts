/**
 * The package as users get it: packed by `npm pack`, installed from the tarball, used by the tools of
 * `consumers/package.json`. Needs the npm registry and nothing else.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderWith, newFolder } from '../support/folder.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const CONSUMERS = join(REPOSITORY, 'test/package/consumers');

export interface Run {
  readonly code: number;
  /** stdout and stderr as they came */
  readonly text: string;
}

/** Runs a command to its end, whatever its exit code. */
export function run(folder: string, command: string, ...args: string[]): Promise<Run> {
  const options = {
    cwd: folder,
    maxBuffer: 1 << 26,
    env: { ...process.env, NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1' },
  };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, text: `${stdout}${stderr}` });
    });
  });
}

/** Packs a copy of what git has, so that the project's own `dist` stays; the tarball's path. The caller removes its folder. */
export function pack(): string {
  const folder = newFolder();
  const git = (...args: string[]): string[] =>
    execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8' }).split('\0').filter(Boolean);
  const files = [...git('ls-files', '-z'), ...git('ls-files', '-z', '--others', '--exclude-standard')];
  for (const file of files) if (existsSync(join(REPOSITORY, file))) cpSync(join(REPOSITORY, file), join(folder, file));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'), 'dir');
  const printed = execFileSync('npm', ['pack', '--json', '--loglevel=error'], { cwd: folder, encoding: 'utf8' });
  // the build prints before npm's JSON
  const [{ filename }] = JSON.parse(printed.slice(printed.indexOf('[\n'))) as [{ filename: string }];
  return join(folder, filename);
}

/** The folder of a user's project, which is empty but for these files. */
export const project = (files: Readonly<Record<string, string>> = {}): string =>
  folderWith({ 'package.json': '{ "name": "user", "private": true, "type": "module" }', ...files });

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** node_modules with the consumers' tools, installed once per lockfile. */
export function consumers(): string {
  const lock = readFileSync(join(CONSUMERS, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const folder = join(REPOSITORY, 'node_modules/.cache', `consumers-${hash}`);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const draft = mkdtempSync(`${folder}-`);
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(CONSUMERS, file), join(draft, file));
  const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    execFileSync('npm', npm, { cwd: draft, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    // npm prints its whole usage after the reason
    const said = (error as { stderr?: string }).stderr ?? String(error);
    throw new Error(`the consumers' tools cannot be installed: ${said.split('\n').slice(0, 8).join('\n')}`);
  }
  renameSync(draft, folder);
  return folder;
}

/** Puts the packed files and the consumers' tools into a user's node_modules; the backends where they are asked for. */
export function provide(
  folder: string,
  tarball: string,
  tools: readonly string[],
  backends: readonly string[] = [],
): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'mdl-compiler'), { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', join(modules, 'mdl-compiler'), '--strip-components=1']);
  const link = (from: string, name: string): void => {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(from, name), join(modules, name), 'dir');
  };
  const installed = join(consumers(), 'node_modules');
  for (const name of tools) link(installed, name);
  for (const name of backends) link(join(REPOSITORY, 'node_modules'), name);
}
