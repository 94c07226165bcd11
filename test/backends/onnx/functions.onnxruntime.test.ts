/** Functions and modules of the language in ONNX Runtime, at both opsets: torch's numbers and gradients. */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { functionGraphs, loadFunctionCases } from '../../ops/function-cases.ts';
import { difference, OPSETS, runOnnx } from './support.ts';

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(loadFunctionCases())('$name', (one) => {
    const { inputs, parameters, output, cotangent, gradients } = one;
    const feeds = Object.fromEntries(inputs);
    test('matches torch', async () => {
      const results = await runOnnx(functionGraphs(one).forward, feeds, { opset, parameters });
      expect(difference(results.out!, output)).toBeUndefined();
    });

    if (!cotangent) return;
    test('has the gradients of torch', async () => {
      const request = { output: 'loss', parameters: new Set(parameters.keys()), inputs: wantedInputs(one) };
      const graph = runPipeline(differentiate(functionGraphs(one).loss, request));
      const results = await runOnnx(graph, { ...feeds, 'cotangent.out': cotangent }, { opset, parameters });
      for (const [name, gradient] of gradients)
        expect(difference(results[`gradient.${name}`]!, gradient), `gradient of ${name}`).toBeUndefined();
    });
  });
});

function wantedInputs({ inputs, gradients }: ReturnType<typeof loadFunctionCases>[number]): Set<string> {
  return new Set([...inputs.keys()].filter((name) => gradients.has(name)));
}
