/**
 * Gradients on WebGPU: every case of torch's, static as both kinds of adapter and with a symbolic batch as one; every
 * case once more in the middle of a graph, where what flows into it is neither 1 nor uniform; and those made by hand.
 * Kernels for GPUs take a second each to compile on a software adapter, so what is run once is run with the others.
 * Attention's gradients are one node first, as the trainer has them, and plain ops in the middle of a graph.
 */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { batchInputs, buildCase } from '../../ops/reference-cases.ts';
import { buildHandMade, differentiable, HAND_MADE } from '../../passes/autodiff/cases.ts';
import { type LossOptions, loadGradientCases, noise, run, withLoss } from '../../passes/autodiff/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { relativeError } from '../../support/reference.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { disagreement, runGraph } from './support.ts';

/** float32: torch's own is off by up to 1.8e-6. */
const TOLERANCE = 1e-5;

const cases = loadGradientCases().map((gradientCase) => ({ name: gradientCase.reference.name, gradientCase }));

function backward(graph: Graph, wanted: Iterable<string>, options?: LossOptions): Graph {
  const fusedAttention = options?.midGraph !== true;
  const request = { output: 'loss', parameters: new Set<string>(), inputs: new Set(wanted), fusedAttention };
  return runPipeline(differentiate(withLoss(graph, options), request));
}

test('torch gave gradients of 171 cases', () => {
  expect(cases).toHaveLength(171);
});

describe.skipIf(unavailable)('on a device', () => {
  describe.each(cases)('$name', ({ gradientCase: { reference, tensors, gradients } }) => {
    const variants = [
      ...PROFILES.map((profile) => ({ profile, batch: undefined })),
      ...(batchInputs(reference).length > 0 ? [{ profile: 'software', batch: 'B' } as const] : []),
    ];
    test.each(variants)('profile $profile, batch $batch', async ({ profile, batch }) => {
      const graph = backward(buildCase(reference, batch === undefined ? {} : { batch }), gradients.keys());
      const results = await runGraph(await gpuOf(profile), graph, tensors);
      for (const [name, expected] of gradients) {
        const gradient = results[`gradient.${name}`]!;
        expect(gradient.shape).toEqual(expected.shape);
        expect(relativeError(gradient.data, expected.data), `gradient of ${name}`).toBeLessThan(TOLERANCE);
      }
    });

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
