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
    // the gradient of attention as plain ops, and as one op of its own
    const ways = one.program.includes('attention(') ? [false, true] : [false];
    test.each(ways)('has the gradients of torch, fused %s', async (fusedAttention) => {
      const parameterKeys = new Set(parameters.keys());
      const request = { output: 'loss', parameters: parameterKeys, inputs: wantedInputs(one), fusedAttention };
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
