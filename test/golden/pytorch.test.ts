/**
 * model.py of TinyGPT-V nano and of a model of the zoo, as text: test/golden/pytorch. `UPDATE_GOLDENS=1 npx vitest run
 * test/golden` writes them anew; read the difference before committing it. That they run is test/pytorch's business.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { compileOk, repository } from '../support/project.ts';
import { firstDifference, goldenText } from './support.ts';

const folder = fileURLToPath(new URL('./pytorch/', import.meta.url));
const update = process.env.UPDATE_GOLDENS === '1';

const GOLDENS = [
  ['tinygpt-v.py', 'models/tinygpt-v.mdl', 'nano'],
  ['smollm2.py', 'models/llama.mdl', 'smollm2_135m'],
] as const;

it.each(GOLDENS)('%s is its golden', (file, source, config) => {
  const graphs = graphsOf(compileOk(source, repository, { config }))!;
  const text = new TextDecoder().decode(TARGETS.pytorch.compile(graphs).files(null).get('model.py'));
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}${file}`, text);
  }
  expect(firstDifference(file, goldenText(`${folder}${file}`), text)).toBeUndefined();
});

it('there is no other', () => {
  expect(readdirSync(folder).sort()).toEqual(GOLDENS.map(([file]) => file).sort());
});
