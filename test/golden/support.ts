/** What the tests against goldens share. */
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Where two texts part: the line and both versions of it; undefined when they are equal. */
export function firstDifference(file: string, expected: string, actual: string): string | undefined {
  if (expected === actual) return undefined;
  const [wanted, got] = [expected.split('\n'), actual.split('\n')];
  const line = wanted.findIndex((text, index) => text !== got[index]);
  const at = line < 0 ? wanted.length : line;
  return [
    `${file} line ${at + 1} differs (UPDATE_GOLDENS=1 writes the new text)`,
    `  golden: ${wanted[at] ?? '(ends here)'}`,
    `  now:    ${got[at] ?? '(ends here)'}`,
  ].join('\n');
}

export function goldenText(path: string): string {
  expect(existsSync(path), `${path.split('/').at(-1)} is missing: UPDATE_GOLDENS=1 writes it`).toBe(true);
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}
