/** Gradients of torch's cases on a device, for the tests of both tiers. */
import { expect } from 'vitest';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { Profile } from '../../../src/runtime/webgpu/gpu.ts';
import { buildCase } from '../../ops/reference-cases.ts';
import { type GradientCase, type LossOptions, loadGradientCases, withLoss } from '../../passes/autodiff/support.ts';
import { relativeError } from '../../support/reference.ts';
import { gpuOf } from '../../support/webgpu.ts';
import { runGraph } from './support.ts';

/** float32: torch's own is off by up to 1.8e-6. */
const TOLERANCE = 1e-5;

export const gradientCases = loadGradientCases().map((gradientCase) => ({
  name: gradientCase.reference.name,
  gradientCase,
}));

export function backward(graph: Graph, wanted: Iterable<string>, options?: LossOptions): Graph {
  const fusedAttention = options?.midGraph !== true;
  const request = { output: 'loss', parameters: new Set<string>(), inputs: new Set(wanted), fusedAttention };
  return runPipeline(differentiate(withLoss(graph, options), request));
}

/** @param batch the symbol of the first axis; static when absent */
export async function expectGradients(
  { reference, tensors, gradients }: GradientCase,
  profile: Profile,
  batch?: string,
): Promise<void> {
  const graph = backward(buildCase(reference, batch === undefined ? {} : { batch }), gradients.keys());
  const results = await runGraph(await gpuOf(profile), graph, tensors);
  for (const [name, expected] of gradients) {
    const gradient = results[`gradient.${name}`]!;
    expect(gradient.shape).toEqual(expected.shape);
    expect(relativeError(gradient.data, expected.data), `gradient of ${name}`).toBeLessThan(TOLERANCE);
  }
}
