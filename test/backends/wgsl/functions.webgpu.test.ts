/** Functions and modules of the language on WebGPU: torch's numbers and gradients. The kernels for GPUs are in functions.slow.test.ts. */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { functionGraphs, loadFunctionCases } from '../../ops/function-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { difference } from '../../support/compare.ts';
import { gpuOf } from '../../support/webgpu.ts';
import { differences, runGraph } from './support.ts';

describe.skipIf(unavailable)('on a device', () => {
  describe.each(loadFunctionCases())('$name', (one) => {
    const { inputs, parameters, output, cotangent, gradients } = one;
    test('matches torch', async () => {
      const results = await runGraph(await gpuOf('software'), functionGraphs(one).forward, inputs, parameters);
      expect(differences(results, new Map([['out', output]]))).toBeUndefined();
    });

    if (!cotangent) return;
    // the gradient of attention as one op, as training on this target has it
    test('has the gradients of torch', async () => {
      const wanted = new Set([...inputs.keys()].filter((name) => gradients.has(name)));
      const request = { output: 'loss', parameters: new Set(parameters.keys()), inputs: wanted, fusedAttention: true };
      const graph = runPipeline(differentiate(functionGraphs(one).loss, request));
      const tensors = new Map([...inputs, ['cotangent.out', cotangent]]);
      const results = await runGraph(await gpuOf('software'), graph, tensors, parameters);
      for (const [name, gradient] of gradients)
        expect(difference(results[`gradient.${name}`]!, gradient), `gradient of ${name}`).toBeUndefined();
    });
  });
});
