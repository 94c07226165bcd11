import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/runtime/catalogue.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(folder, name), 'utf8'))
  .join('\n');

describe('the catalogue', () => {
  it.each(Object.keys(CATALOGUE))('%s has a test that provokes it', (code) => {
    expect(tests).toMatch(new RegExp(`['/^]${code}\\b`)); // provokes('R0101', …), a row of a table, a pattern
  });
  it.each(Object.entries(CATALOGUE))('%s has a long form', (code, { explanation }) => {
    expect(code).toMatch(/^R(0[1-9]|1[0-2])\d\d$/);
    expect(explanation).toMatch(/^[A-Za-z\d].*\.$/s);
  });
  it('is in order', () => {
    const codes = Object.keys(CATALOGUE);
    expect([...codes].sort()).toEqual(codes);
  });
});
