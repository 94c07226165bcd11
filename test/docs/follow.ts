/**
 * Follows a page as a reader does, in a package that was just built. Marks before its code blocks: `file: NAME` is written to
 * NAME, `edit: NAME` takes up a file that is there, `replace: A => B` changes that file first, `run` must succeed and `fails`
 * exit with 1, `prints` follows one of these and its lines must be in the output (`…` stands for anything), `prints all`: they are all of stdout. A folder that a
 * block has changed to is that of the blocks after it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Built } from './built.ts';
import type { CodeBlock } from './markdown.ts';

export const MARKS = /^(file: [\w.-]+|edit: [\w.-]+|replace: .+ => .+|run|fails|prints|prints all)$/;

/** Whether the lines of `wanted` are in `output`, in their order. */
function missingLines(wanted: string, output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim());
  let at = 0;
  return wanted.split('\n').filter((line) => {
    if (line.trim() === '') return false;
    const words = line
      .trim()
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    // diagnostics number their lines, the pages do not
    const pattern = new RegExp(`^(\\d+ )?${words.join('.*')}$`);
    const found = lines.findIndex((candidate, i) => i >= at && pattern.test(candidate));
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

const markOf = (marks: readonly string[], name: string): string | undefined =>
  marks.find((mark) => mark.startsWith(`${name}: `))?.slice(`${name}: `.length);

function replaceIn(file: string, change: string, line: number): void {
  const [before, after] = change.split(' => ') as [string, string];
  const old = readFileSync(file, 'utf8');
  expect(old, `line ${line}`).toContain(before);
  writeFileSync(file, old.replace(before, after));
}

export async function follow(blocks: readonly CodeBlock[], built: Built): Promise<void> {
  let folder = built.folder;
  let file = '';
  let [output, printed] = ['', ''];
  const where = join(built.folder, 'where');
  for (const { marks, text, line } of blocks) {
    const [made, taken, change] = ['file', 'edit', 'replace'].map((name) => markOf(marks, name));
    const named = made ?? taken;
    if (named !== undefined) file = join(folder, named);
    if (made !== undefined) writeFileSync(file, text);
    if (change !== undefined) replaceIn(file, change, line);
    if (marks.includes('run') || marks.includes('fails')) {
      const { code, stdout, stderr } = await built.run(`set -e\ncd '${folder}'\n${text}\npwd > '${where}'`);
      printed = stdout;
      output = stdout + stderr;
      expect(code, `line ${line}: ${output}`).toBe(marks.includes('fails') ? 1 : 0);
      if (code === 0) folder = readFileSync(where, 'utf8').trim();
    }
    if (marks.includes('prints all')) expect(printed.trim(), `line ${line}`).toBe(text.trim());
    if (marks.includes('prints')) expect(missingLines(text, output), `line ${line}: ${output}`).toEqual([]);
  }
}

/** Makes `mdl` a command of the package's folder, as installing it would. */
export function installCommand(built: Built): void {
  mkdirSync(join(built.folder, 'bin'));
  const program = join(built.folder, 'dist/mdl.js');
  writeFileSync(join(built.folder, 'bin/mdl'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
    mode: 0o755,
  });
}
