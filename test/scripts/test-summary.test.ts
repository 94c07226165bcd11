/** The line that closes a CI run, and its exit status. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folderWith } from '../support/folder.ts';

const script = fileURLToPath(new URL('../../scripts/test-summary.mjs', import.meta.url));

function summary(...reports: string[]): { readonly line: string | undefined; readonly status: number | null } {
  const folder = folderWith();
  const paths = reports.map((report, i) => {
    const path = join(folder, `${i}.json`);
    writeFileSync(path, report);
    return path;
  });
  const { stdout, status } = spawnSync(process.execPath, [script, ...paths], { encoding: 'utf8' });
  return { line: stdout.trimEnd().split('\n').at(-1), status };
}

const file = (status: string, ...tests: string[]): object => ({
  status,
  assertionResults: tests.map((test) => ({ status: test })),
});

it.each([
  ['all pass', [file('passed', 'passed', 'passed', 'skipped')], '2 passed, 0 failed, 1 skipped', 0],
  ['one fails', [file('failed', 'passed', 'failed', 'todo', 'pending')], '1 passed, 1 failed, 2 skipped', 1],
  ['a file does not load', [file('passed', 'passed'), file('failed')], '1 passed, 1 failed, 0 skipped', 1],
  ['nothing ran', [], '0 passed, 0 failed, 0 skipped', 1],
])('%s', (_, testResults, line, status) => {
  expect(summary(JSON.stringify({ testResults }))).toEqual({ line, status });
});

it('a run that ended early has no report', () => {
  expect(summary('{"testResults": [')).toEqual({ line: '0 passed, 0 failed, 0 skipped', status: 1 });
});

it('adds several runs up, and takes none of them for granted', () => {
  const run = (...testResults: object[]): string => JSON.stringify({ testResults });
  const [good, other] = [run(file('passed', 'passed', 'skipped')), run(file('passed', 'passed'))];
  expect(summary(good, other)).toEqual({ line: '2 passed, 0 failed, 1 skipped', status: 0 });
  expect(summary(good, run())).toEqual({ line: '1 passed, 0 failed, 1 skipped', status: 1 });
});
