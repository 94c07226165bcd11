/** The folder of a run (`--out`): made or gone on with, and held by one process at a time. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CheckpointFolder,
  checkpointFolder,
  checkSettings,
  type RunSettings,
  type TrainingCheckpoint,
} from '../../../runtime/train/index.ts';
import { cliError, reasonOf } from '../errors.ts';
import type { Notes } from '../notes.ts';
import { LOCK, lockFolder } from './lock.ts';

export interface RunFolder {
  readonly checkpoints: CheckpointFolder;
  /** gives the folder back */
  release(): void;
}

export interface RunFolderOptions {
  readonly out: string;
  readonly resume: boolean;
  /** checkpoints to keep */
  readonly keep: number;
  /** names of the run's stages, in order */
  readonly stages: readonly string[];
}

/** @throws CliError C0206 when a run is there and `resume` is not set, C0630 when other files are, C0105, C0313 */
export async function openRunFolder(
  { out, resume, keep, stages }: RunFolderOptions,
  output: Notes,
): Promise<RunFolder> {
  await makeRunFolder(out);
  const release = lockFolder(out, output);
  try {
    if (!resume) checkFree(out);
    return { checkpoints: await checkpointFolder(join(out, 'checkpoints'), stages, Math.max(keep, 1)), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** @throws CliError C0105 when it cannot be one */
export async function makeRunFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found && !found.isDirectory())
    throw cliError('file_not_written', { file: folder, reason: 'it is a file, and a folder is expected' });
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cliError('file_not_written', { file: folder, reason: reasonOf(error) }, [], error);
  });
}

/** What a run leaves before its first checkpoint: such a one is begun anew. */
const NOTHING_LOST: readonly string[] = ['checkpoints', 'log.jsonl'];

/** @throws CliError C0206, C0630 when there is anything to lose */
function checkFree(folder: string): void {
  if (namesIn(join(folder, 'checkpoints')).some((name) => !name.endsWith('.part')))
    throw cliError('folder_holds_run', { folder });
  const files = namesIn(folder).filter((name) => !NOTHING_LOST.includes(name));
  if (files.length > 0) throw cliError('folder_holds_files', { folder, files });
}

/** What lies in a folder, sorted: not the run's lock, and not what systems put into each. */
export const namesIn = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => !name.startsWith('.') && !name.startsWith(LOCK))
    .sort();

/**
 * The newest checkpoint that is whole, of this run. One that is damaged is set aside, which is said.
 * @throws RuntimeError R0803, R0804, R0805 and what reading throws when none is whole
 */
export async function latestOf(
  { checkpoints }: RunFolder,
  settings: RunSettings,
  output: Notes,
): Promise<TrainingCheckpoint> {
  const { file, checkpoint, damaged } = await checkpoints.latest();
  for (const { file: name, reason } of damaged)
    output.note(`warning: the checkpoint ${name} is damaged (${reason}); going on from ${file}, the one before it`);
  checkSettings(file, checkpoint.settings, settings);
  return checkpoint;
}
