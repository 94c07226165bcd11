/**
 * Gradients on WebGPU: every case of torch's, and once more in the middle of a graph, where what flows into it is neither 1 nor
 * uniform; and those made by hand. Kernels for GPUs take a second each to compile on a software adapter, so those of torch's
 * cases are in gradients.slow.test.ts, and so is a symbolic batch.
 * Attention's gradients are one node first, as the trainer has them, and plain ops in the middle of a graph.
 */
import { describe, expect, test } from 'vitest';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildCase } from '../../ops/reference-cases.ts';
import { buildHandMade, differentiable, HAND_MADE } from '../../passes/autodiff/cases.ts';
import { noise, run } from '../../passes/autodiff/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { backward, expectGradients, gradientCases } from './gradients.ts';
import { disagreement } from './support.ts';

test('torch gave gradients of 171 cases', () => {
  expect(gradientCases).toHaveLength(171);
});

describe.skipIf(unavailable)('on a device', () => {
  describe.each(gradientCases)('$name', ({ gradientCase: { reference, tensors, gradients } }) => {
    test('at its sizes', () => expectGradients({ reference, tensors, gradients }, 'software'));

    test('in the middle of a graph', async () => {
      const graph = backward(buildCase(reference), gradients.keys(), { midGraph: true });
      // scores near 1000, scaled: rounding them to float32 alone moves results by 1e-4
      const limit = reference.name === 'softmax_shifted' ? 1e-4 : undefined;
      expect(await disagreement(await gpuOf('software'), graph, tensors, new Map(), limit)).toBeUndefined();
    });
  });

  describe.each(HAND_MADE)('$name', (handMade) => {
    const graph = buildHandMade(handMade);
    const tensors = new Map<string, WideTensor>(handMade.inputs.map(({ name, tensor }) => [name, tensor]));
    for (const [i, [name, { dtype, shape }]] of [...run(graph, tensors)].entries()) {
      if (dtype === 'f32') tensors.set(`cotangent.${name}`, noise(shape, i + 5));
    }
    test.each(PROFILES)('agrees with the interpreter, profile %s', async (profile) => {
      expect(
        await disagreement(await gpuOf(profile), backward(graph, differentiable(handMade)), tensors),
      ).toBeUndefined();
    });
  });
});
