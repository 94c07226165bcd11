/**
 * The graphs of models/tinygpt-v.mdl at config nano after the passes, as text: test/golden/tinygpt-v/<entry>.ir.
 * `UPDATE_GOLDENS=1 npx vitest run test/golden` writes them anew; read the difference before committing it.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { compileOk, repository } from '../support/project.ts';
import { firstDifference, goldenText } from './support.ts';

const folder = fileURLToPath(new URL('./tinygpt-v/', import.meta.url));
const update = process.env.UPDATE_GOLDENS === '1';
const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' });

it.each(model.entries)('%s prints as its golden', (entry) => {
  const graph = runPipeline(model.entry(entry)!.graph);
  verifyGraph(graph);
  const printed = printGraph(graph);
  expect(printGraph(readGraph(printed))).toBe(printed);
  // files without lines: a comment in the standard library is no change of the graph
  const text = printed.replace(/(\.mdl):\d+:\d+$/gm, '$1');
  const path = `${folder}${entry}.ir`;
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  }
  expect(firstDifference(`${entry}.ir`, goldenText(path), text)).toBeUndefined();
});

it('has a golden for each entry and no other', () => {
  expect(readdirSync(folder).sort()).toEqual(model.entries.map((entry) => `${entry}.ir`).sort());
});

it('a difference names the line and both texts', () => {
  expect(firstDifference('x.ir', 'a\nb\nc', 'a\nb\nc')).toBeUndefined();
  expect(firstDifference('x.ir', 'a\nb\nc', 'a\nB\nc')).toBe(
    'x.ir line 2 differs (UPDATE_GOLDENS=1 writes the new text)\n  golden: b\n  now:    B',
  );
  expect(firstDifference('x.ir', 'a', 'a\nb')).toContain('line 2 differs');
  expect(firstDifference('x.ir', 'a\nb', 'a')).toContain('now:    (ends here)');
});
