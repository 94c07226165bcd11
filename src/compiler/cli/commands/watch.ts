/** `mdl watch`: `mdl check` again whenever a file of a program changes, until it is interrupted. */
import { unwatchFile, watchFile } from 'node:fs';
import { resolve } from 'node:path';
import { loadProgram } from '../../check/program.ts';
import { DiagnosticBag } from '../../diagnostics/diagnostic.ts';
import { CliError } from '../../workbench/errors.ts';
import { type Located, locate } from '../../workbench/host.ts';
import type { SettingsOptions } from '../../workbench/model.ts';
import { fail, type Output } from '../output.ts';
import { report } from './check.ts';

/** Milliseconds between two looks at a file: its time is asked for, which works on every file system. */
const INTERVAL = 200;

/** @throws CliError C0104 where a file is not there from the start */
export default async function watch(output: Output, files: readonly string[], options: SettingsOptions): Promise<void> {
  for (const file of files) locate(file);
  const watched = new Set<string>();
  const again = (): void => {
    try {
      report(output, files, options);
    } catch (error) {
      fail(output, error); // a file that is away while an editor or git writes it comes back
    }
    for (const file of files.flatMap(programOf)) {
      if (watched.has(file)) continue;
      watched.add(file);
      watchFile(file, { interval: INTERVAL }, again);
    }
  };
  again();
  output.note('watching; Ctrl-C ends it');
  await new Promise<void>((ended) => process.once('SIGINT', () => ended()));
  for (const file of watched) unwatchFile(file);
  process.exitCode = 0;
}

/**
 * A file and all that it imports, by absolute path, those that are not there too; not what is inside of the compiler. A file
 * that is away has been watched since it was there, and its imports are known when it is back.
 */
function programOf(file: string): string[] {
  const located = locatedNow(file);
  if (!located) return [];
  const { path, host } = located;
  const base = resolve(file).slice(0, -path.length);
  const read: string[] = [];
  const noting = {
    read: (name: string): string | undefined => {
      read.push(base + name);
      try {
        return host.read(name);
      } catch (error) {
        if (error instanceof CliError) return undefined; // no UTF-8: the check has said so
        throw error;
      }
    },
  };
  loadProgram(path, noting, new DiagnosticBag());
  return read;
}

function locatedNow(file: string): Located | undefined {
  try {
    return locate(file);
  } catch (error) {
    if (error instanceof CliError) return undefined; // the check has said so
    throw error;
  }
}
