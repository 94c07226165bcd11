/**
 * The package as it stands, built by the real build script, in a folder of its own: tests of what ships neither
 * depend on an old `dist` nor change it under other tests. Sources and packages are links to the repository's.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD_FILES, builtDist } from '../support/dist.ts';
import { folderWith } from '../support/folder.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Built {
  readonly folder: string;
  /** Runs a shell command line there. */
  run(command: string): Promise<Run>;
}

/** @throws Error as `builtDist` */
export function buildPackage(): Built {
  const folder = folderWith();
  for (const name of ['src', 'grammar', 'node_modules']) symlinkSync(join(REPOSITORY, name), join(folder, name), 'dir');
  // the compiler follows no link out of a project
  const made = /browser[/\\](?:dist|model|node_modules)$/; // by the scripts of the example page: large, and not the package's
  for (const name of ['models', 'examples', 'docs'])
    cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true, filter: (path) => !made.test(path) });
  cpSync(builtDist(), join(folder, 'dist'), { recursive: true });
  mkdirSync(join(folder, 'scripts'));
  for (const file of BUILD_FILES) copyFileSync(join(REPOSITORY, file), join(folder, file));
  const PATH = `${join(folder, 'bin')}${delimiter}${process.env.PATH}`; // where follow.ts puts the command
  return {
    folder,
    run: (command) =>
      new Promise((resolve) => {
        const options = { cwd: folder, maxBuffer: 1 << 26, env: { ...process.env, PATH, NO_COLOR: '1' } };
        execFile('/bin/sh', ['-c', command], options, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, stdout, stderr });
        });
      }),
  };
}
