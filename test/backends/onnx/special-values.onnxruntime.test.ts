/** What ops and their gradients give for NaN, infinities, −0, ties, and sizes 0 and 1, in ONNX Runtime: torch's numbers. */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { buildSpecial, loadSpecialCases, sizesOf } from '../../ops/special-cases.ts';
import { withLoss } from '../../passes/autodiff/support.ts';
import { difference, OPSETS, runOnnx } from './support.ts';

const OPTIMIZATION = ['disabled', 'all'] as const;

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(loadSpecialCases())('$name', (special) => {
    const { inputs, output, cotangent, gradients } = special;
    const variants = sizesOf(special).flatMap((sizes) => OPTIMIZATION.map((optimization) => ({ sizes, optimization })));
    const feeds = Object.fromEntries(inputs);

    test.each(variants)('matches torch, $sizes sizes, optimisation $optimization', async ({ sizes, optimization }) => {
      const results = await runOnnx(buildSpecial(special, sizes), feeds, { opset, optimization });
      expect(difference(results.out!, output)).toBeUndefined();
    });

    if (!cotangent) return;
    // the gradient of attention as plain ops, and as one op of its own
    const ways = special.op === 'attention' ? [false, true] : [false];
    test.each(variants)('has the gradients of torch, $sizes sizes, $optimization', async ({ sizes, optimization }) => {
      for (const fusedAttention of ways) {
        const request = {
          output: 'loss',
          parameters: new Set<string>(),
          inputs: new Set(gradients.keys()),
          fusedAttention,
        };
        const graph = runPipeline(differentiate(withLoss(buildSpecial(special, sizes)), request));
        const results = await runOnnx(graph, { ...feeds, 'cotangent.out': cotangent }, { opset, optimization });
        for (const [name, gradient] of gradients)
          expect(difference(results[`gradient.${name}`]!, gradient), `gradient of ${name}`).toBeUndefined();
      }
    });
  });
});
