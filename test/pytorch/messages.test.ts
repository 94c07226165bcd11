/** What train.py and generate.py say has a code that is explained: 'R1220', 'R1221', 'R1222' and 'R1223' are its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CLI_CATALOGUE } from '../../src/compiler/workbench/errors.ts';
import { CATALOGUE } from '../../src/runtime/catalogue.ts';
import { ROOT } from '../cli/support.ts';

const FOLDERS = ['training', 'inference'].map((name) => join(ROOT, 'src/compiler/backends/pytorch', name));

it('every code in the files of Python is one of the catalogues', () => {
  const files = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))).filter((file) =>
    file.endsWith('.py'),
  );
  const found = files.flatMap((file) => readFileSync(file, 'utf8').match(/(?<=")[RC]\d{4}(?=")/g) ?? []);
  const known = new Set([...Object.keys(CATALOGUE), ...Object.values(CLI_CATALOGUE).map(({ code }) => code as string)]);
  expect(found.filter((code) => !known.has(code))).toEqual([]);
  expect(found).toEqual(expect.arrayContaining(['R1220', 'R1221', 'R1222', 'R1223', 'R0801']));
});
