/** The records of the mutation gate still fit the sources; `npm run mutants` runs them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { occurrences, readMutants } from './all.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const mutants = await readMutants();

it('each fault is said once', () => {
  const faults = mutants.map(({ fault }) => fault);
  expect(faults.filter((fault, i) => faults.indexOf(fault) !== i)).toEqual([]);
});

it.each(mutants.map((mutant) => [mutant.fault, mutant] as const))('%s', (_, { file, find, replace, test, fails }) => {
  expect(occurrences(readFileSync(join(root, file), 'utf8'), find), `occurrences in ${file}`).toBe(1);
  expect(replace).not.toBe(find);
  expect(existsSync(join(root, test)), test).toBe(true);
  expect(fails.trim()).not.toBe('');
});
