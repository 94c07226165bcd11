/** A page that compiles and runs has the bytes of a quantised model that `mdl compile` would write. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { compile } from '../../src/compiler/index.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { PAGE } from '../../src/compiler/workbench/host.browser.ts';
import { NODE } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { memory } from '../support/project.ts';
import { program, RULES } from './program.ts';

it.each(RULES)('%s', async (_, rules) => {
  const { model } = compile('main.mdl', memory({ 'main.mdl': program(...rules) }));
  const weights = seededWeights(model!, 0);
  for (const contrib of [false, true]) {
    const artifact = TARGETS.onnx.compile(graphsOf(model!)!, { opset: 23, contrib });
    const [page, written] = [await PAGE.place(artifact, weights), await NODE.place(artifact, weights)];
    try {
      for (const { file, bytes } of artifact.weights) {
        const own = await page.read(file);
        expect(own).toHaveLength(bytes);
        expect(Buffer.compare(own, await readFile(written.locate!(file)))).toBe(0);
      }
    } finally {
      await written.remove();
    }
  }
});
