/**
 * Writes every generated file (`npm run generate`). With `--check` it writes nothing, names the files that differ from
 * what the sources give, and exits with 1; `npm run check` runs it so.
 */
import { fileURLToPath } from 'node:url';
import { api } from './generate/api.ts';
import { builtins } from './generate/builtins.ts';
import { codecs } from './generate/codecs.ts';
import { cst } from './generate/cst.ts';
import { diagnostics } from './generate/diagnostics.ts';
import { runGenerators } from './generate/files.ts';
import { folders } from './generate/folders.ts';
import { grammar } from './generate/grammar.ts';
import { mutants } from './generate/mutants.ts';
import { ops } from './generate/ops.ts';
import { pytorch } from './generate/pytorch.ts';
import { recipes } from './generate/recipes.ts';
import { selfTest } from './generate/self-test.ts';
import { std } from './generate/std.ts';
import { stdPage } from './generate/std-page.ts';
import { textmate } from './generate/textmate.ts';
import { words } from './generate/words.ts';

const check = process.argv.includes('--check');
const root = fileURLToPath(new URL('..', import.meta.url));
const { written, stale, problems } = await runGenerators(
  root,
  [
    std,
    stdPage,
    cst,
    grammar,
    diagnostics,
    ops,
    builtins,
    codecs,
    mutants,
    api,
    recipes,
    folders,
    textmate,
    words,
    pytorch,
    selfTest,
  ],
  check,
);

for (const problem of problems) console.error(problem);
if (check) {
  for (const path of stale) console.error(`${path} is stale`);
  if (stale.length > 0) console.error('run `npm run generate` and commit what it writes');
} else {
  for (const path of written) console.log(`wrote ${path}`);
  const left = stale.filter((path) => !written.includes(path));
  for (const path of left) console.log(`removed ${path}`);
  if (stale.length === 0) console.log('everything generated is current');
}
process.exitCode = problems.length > 0 || (check && stale.length > 0) ? 1 : 0;
