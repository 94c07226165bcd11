/** The gradient of every reference case through ONNX Runtime, at both opsets, static and symbolic, against torch. */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { batchInputs, buildCase } from '../../ops/reference-cases.ts';
import { loadGradientCases, withLoss } from '../../passes/autodiff/support.ts';
import { relativeError } from '../../support/reference.ts';
import { OPSETS, runOnnx } from './support.ts';

/** float32: torch's own is off by up to 1.8e-6. */
const TOLERANCE = 1e-5;

const cases = loadGradientCases().map((gradientCase) => ({ name: gradientCase.reference.name, gradientCase }));

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(cases)('$name', ({ gradientCase: { reference, tensors, gradients } }) => {
    for (const batch of [undefined, ...(batchInputs(reference).length > 0 ? ['B'] : [])]) {
      test(batch === undefined ? 'static' : 'symbolic batch', async () => {
        const graph = withLoss(buildCase(reference, batch === undefined ? {} : { batch }));
        const request = { output: 'loss', parameters: new Set<string>(), inputs: new Set(gradients.keys()) };
        const backward = runPipeline(differentiate(graph, request));
        const results = await runOnnx(backward, Object.fromEntries(tensors), { opset });
        for (const [name, expected] of gradients) {
          const gradient = results[`gradient.${name}`]!;
          expect(gradient.shape).toEqual(expected.shape);
          expect(relativeError(gradient.data, expected.data), `gradient of ${name}`).toBeLessThan(TOLERANCE);
        }
      });
    }
  });
});
