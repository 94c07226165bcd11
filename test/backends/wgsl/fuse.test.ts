/** What fusion makes of small graphs, as text; and that it computes the same. */
import { describe, expect, test } from 'vitest';
import { decompose } from '../../../src/compiler/backends/wgsl/decompose.ts';
import { fuse } from '../../../src/compiler/backends/wgsl/fusion/fuse.ts';
import type { CacheAppend } from '../../../src/compiler/backends/wgsl/fusion/options.ts';
import { factsOf } from '../../../src/compiler/backends/wgsl/text/evaluator.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import type { Launch } from '../../../src/shared/webgpu.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { type Sample, tensorsOf } from './fusion-sample.ts';
import { SAMPLES } from './fusions.ts';
import { differences, planOfGraphs, runPlan } from './support.ts';

/** A plan's steps as text: their ops, folds and columns, and what they read and write by name; and what else they may be. */
function stepsOf(sample: Sample): string[] {
  const { graph, options = {} } = sample;
  const plan = planOfGraphs({ main: { graph, options } });
  const { steps, buffers, inputs, outputs } = plan.entries.main!;
  const nameOf = (index: number): string => {
    const buffer = buffers[index]!;
    switch (buffer.kind) {
      case 'input':
        return inputs[buffer.port]!.name;
      case 'output':
        return outputs[buffer.port]!.name;
      case 'parameter':
        return plan.parameters[buffer.parameter]!.key;
      case 'cache':
        return `cache ${buffer.cache}`;
      default:
        return `${buffer.kind} ${index}`;
    }
  };
  const { kernels } = fuse(factsOf(decompose(graph).graph), {
    caches: cachesOf(sample),
    forced: new Set(),
    alone: new Set(),
  });
  // splitting by the number of buffers is the plan's; without it each step is one of fusion's kernels
  const folds = (step: number): string => {
    const { reductions, columns } = kernels[step]!;
    return reductions.length === 0 ? '' : ` [folds ${reductions.map(({ op }) => op).join(', ')}; columns ${columns}]`;
  };
  const launchText = ({ kernel, buffers: bound }: Launch, form: string): string => {
    const { label, bindings } = plan.kernels[kernel]!;
    const names = (access: string): string =>
      bound.flatMap((index, at) => (bindings[at] === access ? [nameOf(index)] : [])).join(', ');
    return `${label}${form}: ${names('read')} → ${names('read_write')}`;
  };
  return steps.flatMap((step, index) => {
    const others = (step.alternatives ?? []).flatMap((other) => {
      if (!other.when || other.profile) return [];
      const what = other.groups[0].of === 0 ? 'nothing' : launchText(other, '');
      return [`  ${other.when.size} ≤ ${other.when.atMost}: ${what}`];
    });
    return [launchText(step, kernels.length === steps.length ? folds(index) : ''), ...others];
  });
}

function cachesOf({ graph, options }: Sample): CacheAppend[] {
  return (options?.cache ?? []).map(({ past, present, axis }) => ({
    past: graph.inputs.find(({ name }) => name === past)!.value,
    present: graph.outputs.find(({ name }) => name === present)!.value,
    axis,
  }));
}

test.each(SAMPLES)('$name', (sample) => {
  expect(stepsOf(sample)).toEqual(sample.kernels);
  for (const { bindings } of planOfGraphs({ main: sample }).kernels) expect(bindings.length).toBeLessThanOrEqual(8);
});

describe.skipIf(unavailable).each(PROFILES)('computes the same, profile %s', (profile) => {
  test.each(SAMPLES)('$name', async ({ graph, options = {}, sizes }) => {
    const plan = planOfGraphs({ main: { graph, options } });
    for (const at of sizes) {
      const { feeds, parameters } = tensorsOf(graph, at);
      const expected = interpret(graph, { inputs: feeds, parameters: (key) => parameters.get(key)! });
      const results = await runPlan(await gpuOf(profile), plan, feeds, parameters);
      expect(differences(results, expected), JSON.stringify(at)).toBeUndefined();
    }
  });
});
