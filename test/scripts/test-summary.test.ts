/** The line that closes a CI run, and its exit status. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/test-summary.mjs', import.meta.url));

function summary(report: string): { readonly line: string | undefined; readonly status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'mdl-summary-'));
  try {
    writeFileSync(join(folder, 'report.json'), report);
    const { stdout, status } = spawnSync(process.execPath, [script, join(folder, 'report.json')], { encoding: 'utf8' });
    return { line: stdout.trimEnd().split('\n').at(-1), status };
  } finally {
    rmSync(folder, { recursive: true });
  }
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
