/** Errors of the command line and of what it stands on: codes, messages and their long forms, as the other catalogues have. */
import { CLI_DATA } from './errors/data.ts';
import type { Entry } from './errors/entry.ts';
import { CLI_FILES } from './errors/files.ts';
import { CLI_FOLDERS } from './errors/folders.ts';
import { CLI_QUANTISE } from './errors/quantise.ts';
import { CLI_RUN } from './errors/run.ts';
import { CLI_TOOLS } from './errors/tools.ts';
import { CLI_TORCH } from './errors/torch.ts';
import { CLI_TRAINING } from './errors/training.ts';
import { CLI_VIEW } from './errors/view.ts';

export const CLI_CATALOGUE = {
  ...CLI_FILES,
  ...CLI_TRAINING,
  ...CLI_DATA,
  ...CLI_FOLDERS,
  ...CLI_TOOLS,
  ...CLI_RUN,
  ...CLI_TORCH,
  ...CLI_QUANTISE,
  ...CLI_VIEW,
} as const;

export type CliErrorName = keyof typeof CLI_CATALOGUE;
export type CliErrorCode = (typeof CLI_CATALOGUE)[CliErrorName]['code'];
type Details<N extends CliErrorName> = Parameters<(typeof CLI_CATALOGUE)[N]['message']>[0];

export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly notes: readonly string[];

  constructor(code: CliErrorCode, message: string, notes: readonly string[], cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'CliError';
    this.code = code;
    this.notes = notes;
  }
}

export function cliError<N extends CliErrorName>(
  name: N,
  details: Details<N>,
  notes: readonly string[] = [],
  cause?: unknown,
): CliError {
  const { code, message } = CLI_CATALOGUE[name] as unknown as Entry<CliErrorCode, Details<N>>;
  return new CliError(code, message(details), notes, cause);
}

/**
 * The first line of what went wrong; of the operating system's errors only the words: `no such file or directory`
 * for `ENOENT: no such file or directory, open 'x'`, since our messages name the file themselves.
 */
export function reasonOf(error: unknown): string {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
  return /^E[A-Z0-9]+: (.+?), [a-z]+( '.*)?$/.exec(line)?.[1] ?? line;
}
