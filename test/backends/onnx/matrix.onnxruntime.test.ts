/**
 * Every reference case through ONNX Runtime: both opsets, static shapes and (where the case allows) a symbolic
 * first axis, as written and after ONNX Runtime's own optimiser, against torch's float64.
 *
 * The optimised run counts as much as the plain one: it folds constants and fuses patterns, and it is what ships.
 */
import { describe, expect, test } from 'vitest';
import { batchInputs, buildCase, loadCases, type ReferenceCase } from '../../ops/reference-cases.ts';
import { difference, OPSETS, type RunOptions, runOnnx } from './support.ts';

const OPTIMIZATION = ['disabled', 'all'] as const;

async function check(reference: ReferenceCase, batch: string | undefined, options: RunOptions): Promise<void> {
  const graph = buildCase(reference, batch === undefined ? {} : { batch });
  const feeds = Object.fromEntries(reference.inputs.map(({ name, tensor }) => [name, tensor]));
  const results = await runOnnx(graph, feeds, options);
  for (const { name, tensor } of reference.outputs) {
    expect(difference(results[name]!, tensor), `output ${name}`).toBeUndefined();
  }
}

const cases = loadCases();

test('the fixtures hold 176 cases', () => {
  expect(cases).toHaveLength(176);
});

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(cases)('$name', (reference) => {
    for (const batch of [undefined, ...(batchInputs(reference).length > 0 ? ['B'] : [])]) {
      for (const optimization of OPTIMIZATION) {
        test(`${batch === undefined ? 'static' : 'symbolic batch'}, optimisation ${optimization}`, async () => {
          await check(reference, batch, { opset, optimization });
        });
      }
    }
  });
});
