/**
 * One writer for a run's folder: `run.lock` holds who it is. The lock of a process that is gone (killed, a power cut) is
 * taken over; that of another machine is left alone, because nobody here can know.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cliError, reasonOf } from '../errors.ts';
import type { Notes } from '../notes.ts';

export const LOCK = 'run.lock';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601 */
  readonly since: string;
}

/** Folders that this process holds: its own id in a file may also be that of a process before it. */
const held = new Set<string>();

/** @returns what gives the folder back. @throws CliError C0313 when another process has it, C0105 */
export function lockFolder(folder: string, output: Notes): () => void {
  const file = join(folder, LOCK);
  const own = `${JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() } satisfies Holder)}\n`;
  while (!create(file, own)) {
    const text = readText(file);
    if (text === undefined) continue; // given back meanwhile
    const holder = parse(text);
    if (held.has(file) || holder === undefined || isAlive(holder)) throw taken(folder, file, holder);
    if (takeAway(file, text)) output.note(`${file} was left by process ${holder.pid}, which is gone: taken over`);
  }
  held.add(file);
  const release = (): void => {
    if (!held.delete(file)) return;
    process.off('exit', release);
    rmSync(file, { force: true });
  };
  process.on('exit', release);
  return release;
}

/** @throws CliError C0313 when a process has the folder */
export function refuseLocked(folder: string): void {
  const file = join(folder, LOCK);
  const text = readText(file);
  if (text === undefined) return;
  const holder = parse(text);
  if (held.has(file) || holder === undefined || isAlive(holder)) throw taken(folder, file, holder);
}

function taken(folder: string, file: string, holder: Holder | undefined): Error {
  const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : 'an unknown process';
  return cliError('folder_in_use', { folder, who, file });
}

/** Whether the file was not there and now is, as a whole. */
function create(file: string, text: string): boolean {
  const aside = `${file}.${process.pid}`;
  try {
    writeFileSync(aside, text);
    linkSync(aside, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS')
      throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
    return createWithoutLinks(file, text);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Some file systems have no hard links. */
function createWithoutLinks(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cliError('file_not_read', { what: 'the lock', file, reason: reasonOf(error) }, [], error);
  }
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host, since } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || typeof since !== 'string') return undefined;
    return { pid: pid!, host, since };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false; // an earlier process with our id: our own are in `held`
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes a stale lock, unless somebody else was quicker and this is theirs by now: then it is put back. */
function takeAway(file: string, stale: string): boolean {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, [], error);
  }
  const ours = readText(aside) === stale;
  if (!ours) create(file, readText(aside) ?? stale);
  rmSync(aside, { force: true });
  return ours;
}
