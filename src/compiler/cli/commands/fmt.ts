/** `mdl fmt`: writes .mdl files in the one layout there is, or says which are not in it. */
import { readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { diagnosticsToJson } from '../../diagnostics/json.ts';
import { renderDiagnostics } from '../../diagnostics/render.ts';
import { format } from '../../format/index.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { textOf } from '../../workbench/utf8.ts';
import type { Output } from '../output.ts';

interface Options {
  readonly check?: boolean;
  readonly diff?: boolean;
}

/** Folders of other people's files and of what was built. */
const SKIPPED = new Set(['node_modules', 'dist']);
const STDIN = '-';

interface Result {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly problems: readonly Diagnostic[];
}

export default async function fmt(output: Output, paths: readonly string[], options: Options): Promise<void> {
  if (paths.includes(STDIN) && paths.length > 1) throw cliError('stdin_alone', { others: paths.length - 1 });
  const results = paths.flatMap(filesOf).map((file) => formatFile(file));
  const changed = results.filter(({ before, after }) => before !== after);
  const problems = results.flatMap((result) => result.problems);
  const reading = options.check === true || options.diff === true;
  if (!reading) for (const { file, after } of changed) if (file !== STDIN) replace(file, after);
  const text = reading ? listed(changed, results.length, options) : written(results, changed);
  if (!output.json) process.stderr.write(problems.length > 0 ? renderDiagnostics(problems, output) : '');
  output.result(text, {
    version: 1,
    files: results.length,
    changed: changed.map(({ file, after }) => ({ file, text: after })),
    diagnostics: diagnosticsToJson(problems).diagnostics,
  });
  if (problems.length > 0 || (reading && changed.length > 0)) process.exitCode = 1;
}

function formatFile(file: string): Result {
  const before = read(file);
  const shown = file === STDIN ? 'stdin' : file;
  const { text: after, problems } = format(before, shown);
  return { file, before, after, problems };
}

/** What is printed where nothing is written: the difference, or the names of the files that have one. */
function listed(changed: readonly Result[], count: number, { diff }: Options): string {
  if (diff) return changed.map(({ file, before, after }) => patch(file, before, after)).join('');
  if (changed.length === 0) return `${count} ${count === 1 ? 'file is' : 'files are'} formatted`;
  return changed.map(({ file }) => `${file} is not formatted`).join('\n');
}

function patch(file: string, before: string, after: string): string {
  return createTwoFilesPatch(file, file, before, after, undefined, undefined, { context: 3 });
}

function written(results: readonly Result[], changed: readonly Result[]): string {
  const [first] = results;
  if (first?.file === STDIN) return first.after;
  if (changed.length === 0) return `${results.length} ${results.length === 1 ? 'file' : 'files'}, nothing to change`;
  return changed.map(({ file }) => `formatted ${file}`).join('\n');
}

/** @throws CliError C0104, C0483 for bytes that would not be written back as they were */
function read(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === STDIN ? 0 : file);
  } catch (error) {
    throw cliError('file_not_read', { what: 'the file', file, reason: reasonOf(error) }, [], error);
  }
  return textOf(bytes, file === STDIN ? 'stdin' : file);
}

/**
 * A whole file or none: it is written beside the old one and takes its place. Symbolic links stay, and lead to the new text;
 * a file that has other names (hard links) is written in place once the text is safe beside it, so that they stay its names.
 */
function replace(file: string, text: string): void {
  let temporary: string | undefined;
  const notes: string[] = [];
  try {
    const target = realpathSync(file);
    const { mode, nlink } = statSync(target);
    temporary = `${target}.${process.pid}.part`;
    writeFileSync(temporary, text, { mode });
    if (nlink > 1) {
      notes.push(`the whole text is in ${temporary}`);
      writeFileSync(target, text);
      rmSync(temporary);
    } else renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined && notes.length === 0) rmSync(temporary, { force: true });
    throw cliError('file_not_written', { file, reason: reasonOf(error) }, notes, error);
  }
}

/** A file is itself, whatever its name; a folder is every .mdl file in it and below. */
function filesOf(path: string): string[] {
  if (path === STDIN) return [path];
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw cliError('file_not_read', { what: 'the file', file: path, reason: reasonOf(error) }, [], error);
  }
  if (!isFolder) return [path];
  const found = modelsBelow(path);
  if (found.length === 0) throw cliError('no_models', { folder: path });
  return found;
}

function modelsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = relative('', join(folder, entry.name));
      if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : modelsBelow(path);
      return entry.isFile() && entry.name.endsWith('.mdl') ? [path] : [];
    });
}
