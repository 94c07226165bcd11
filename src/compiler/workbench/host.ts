/** Source files of a project on disk: nothing outside the project's folder is read, symbolic links included. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { nearest } from '../../shared/nearest.ts';
import type { SourceHost } from '../check/program.ts';
import { MAX_SOURCE_LENGTH } from '../syntax/parse.ts';
import { CliError, cliError, reasonOf } from './errors.ts';
import { type FolderRequest, folderProgram, isModelFolder } from './folder/program.ts';
import { textOf } from './utf8.ts';

export interface Located {
  readonly host: SourceHost;
  /** project-relative, with forward slashes */
  readonly path: string;
}

/**
 * The project is the working directory, or the file's own folder when it lies outside. A folder of transformers is the program
 * that it stands for. Its host throws C0483 for a file that is not UTF-8, C0557 for a
 * link that leads out of the project.
 * @param request of a folder
 * @throws CliError C0104 when there is no such file, C0465, C0466 and C0641 for a folder
 */
export function locate(file: string, request: FolderRequest = {}): Located {
  if (isModelFolder(file)) return folderProgram(file, request);
  const absolute = resolve(file);
  checkReadable(file, absolute);
  const inside = relative(process.cwd(), absolute);
  const outside = inside.startsWith('..') || resolve(inside) !== absolute || inside === '';
  const root = outside ? dirname(absolute) : process.cwd();
  const path = (outside ? basename(absolute) : inside).split(sep).join('/');
  return { path, host: { read: (name) => readInside(root, name) } };
}

/** `HEAD~1:models/a.mdl`: not a path of Windows, which has one letter before its colon. */
const REVISION = /^([^:]{2,}):(.+)$/;

/**
 * A file of the working directory, or of a revision of its git repository. Its host throws C0483 for a file that is not UTF-8.
 * @throws CliError C0104 when there is no such file, C0482 when git does not give it
 */
export function locateRevision(file: string, request: FolderRequest = {}): Located {
  const [, revision, path] = REVISION.exec(file) ?? [];
  if (revision === undefined || path === undefined || existsSync(file)) return locate(file, request);
  const read = (name: string): Buffer =>
    execFileSync('git', ['show', `${revision}:./${name}`], { stdio: 'pipe', maxBuffer: 1 << 26 });
  try {
    read(path);
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    const reason = (stderr?.toString() ?? '').replace(/^fatal: /, '').split('\n')[0] || reasonOf(error);
    throw cliError('git_revision', { file, reason }, [], error);
  }
  const host: SourceHost = {
    read: (name) => {
      let bytes: Buffer;
      try {
        bytes = read(name);
      } catch {
        return undefined;
      }
      return textOf(bytes, `${revision}:${name}`);
    },
  };
  return { path, host };
}

function checkReadable(file: string, absolute: string): void {
  const refuse = (reason: string, notes: readonly string[] = []): CliError =>
    cliError('file_not_read', { what: 'the model', file, reason }, notes);
  let isFile: boolean;
  try {
    isFile = statSync(absolute).isFile();
  } catch (error) {
    const near = nearest(basename(absolute), modelsIn(dirname(absolute)));
    throw refuse(reasonOf(error), near ? [`did you mean ${join(dirname(file), near)}?`] : []);
  }
  if (isFile) return;
  const models = modelsIn(absolute);
  throw refuse(
    'it is a folder, and a .mdl file was expected',
    models.length > 0 ? [`it has ${models.slice(0, 8).join(', ')}`] : [],
  );
}

function modelsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.mdl'));
  } catch {
    return [];
  }
}

/** @throws CliError C0483; C0557 for a file that a link of the project leads out of it to */
function readInside(root: string, name: string): string | undefined {
  let bytes: Buffer;
  try {
    const real = realpathSync(resolve(root, name));
    const home = realpathSync(root);
    if (real !== home && !real.startsWith(home + sep)) throw cliError('link_leads_out', { file: name, to: real, root });
    bytes = readCapped(real);
  } catch (error) {
    if (error instanceof CliError) throw error;
    return undefined;
  }
  // what is cut off may end within a character; the parser refuses it for its length
  return bytes.length === MOST_BYTES ? bytes.toString('utf8') : textOf(bytes, name);
}

/** A little more than the parser takes. */
const MOST_BYTES = 4 * MAX_SOURCE_LENGTH + 4;

/** At most so much that a huge file is refused without being read. */
function readCapped(path: string): Buffer {
  const handle = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (;;) {
      const read = readSync(handle, buffer, length, Math.min(1 << 16, buffer.length - length), null);
      length += read;
      if (read === 0 || length === buffer.length) break;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}
