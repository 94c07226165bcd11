/**
 * What ops and their gradients give for NaN, infinities, −0, ties, and sizes 0 and 1, on WebGPU: torch's numbers.
 */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { Profile } from '../../../src/runtime/webgpu/gpu.ts';
import { buildSpecial, loadSpecialCases, type Sizes, sizesOf } from '../../ops/special-cases.ts';
import { withLoss } from '../../passes/autodiff/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { difference } from '../../support/compare.ts';
import { gpuOf } from '../../support/webgpu.ts';
import { differences, runGraph } from './support.ts';

describe.skipIf(unavailable)('on a device', () => {
  describe.each(loadSpecialCases())('$name', (special) => {
    const { inputs, output, cotangent, gradients } = special;
    // as one kind of adapter with its sizes in the text, as the other with symbols where it has some
    const last = sizesOf(special).at(-1)!;
    const variants: readonly { readonly sizes: Sizes; readonly profile: Profile }[] = [
      { sizes: 'static', profile: 'gpu' },
      { sizes: last, profile: 'software' },
    ];

    test.each(variants)('matches torch, $sizes sizes, profile $profile', async ({ sizes, profile }) => {
      const results = await runGraph(await gpuOf(profile), buildSpecial(special, sizes), inputs);
      expect(differences(results, new Map([['out', output]]))).toBeUndefined();
    });

    if (!cotangent) return;
    // the gradient of attention as plain ops, and as one op of its own
    const ways = special.op === 'attention' ? [false, true] : [false];
    test(`has the gradients of torch, ${last} sizes`, async () => {
      const tensors = new Map([...inputs, ['cotangent.out', cotangent]]);
      for (const fusedAttention of ways) {
        const request = {
          output: 'loss',
          parameters: new Set<string>(),
          inputs: new Set(gradients.keys()),
          fusedAttention,
        };
        const graph = runPipeline(differentiate(withLoss(buildSpecial(special, last)), request));
        const results = await runGraph(await gpuOf('software'), graph, tensors);
        for (const [name, gradient] of gradients)
          expect(difference(results[`gradient.${name}`]!, gradient), `gradient of ${name}`).toBeUndefined();
      }
    });
  });
});
