/**
 * TinyGPT-V's plans at its smallest and its released size, as text: no kernel needs more of a device than every device
 * grants, and no index leaves 32 bits. Exceeding a limit would be silent zeros on some users' machines.
 */
import { describe, expect, test } from 'vitest';
import { gradientGraph } from '../../../src/compiler/training/step.ts';
import { evaluateDim } from '../../../src/shared/dim.ts';
import { parseDim } from '../../../src/shared/dim-text.ts';
import { CAPACITY, type Launch, type Size, type WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { buildWebGpu, planOfGraphs } from '../../support/build.ts';
import { compileOk, repository } from '../../support/project.ts';

/** A whole context of two rows, an image each. */
const SIZES = new Map(Object.entries({ B: 2, N: 2, T: 2048, P: 2048, [CAPACITY]: 4096 }));

const sizeAt = (size: Size): number => evaluateDim(parseDim(size)!, SIZES);

function launchesOf(plan: WebGpuPlan): Launch[] {
  return Object.values(plan.entries).flatMap(({ steps }) =>
    steps.flatMap((step) => [step, ...(step.alternatives ?? [])]),
  );
}

/** Bytes of a kernel's workgroup variables. */
function workgroupBytes(wgsl: string): number {
  const variables = [...wgsl.matchAll(/var<workgroup>\s+\w+\s*:\s*([^;]+);/g)];
  return variables.reduce((sum, [, type]) => sum + bytesOf(type!.trim()), 0);
}

function bytesOf(type: string): number {
  const array = /^array<(.*),\s*(\d+)u?>$/.exec(type);
  if (array) return bytesOf(array[1]!.trim()) * Number(array[2]);
  const vector = /^vec([234])(?:<\w+>|[fiu])$/.exec(type);
  if (vector) return 4 * (vector[1] === '3' ? 4 : Number(vector[1]));
  if (!/^(?:f32|i32|u32|bool)$/.test(type)) throw new Error(`the test does not know the size of ${type}`);
  return 4;
}

test('sizes of workgroup variables are read', () => {
  expect(workgroupBytes('var<workgroup> a: array<vec4<f32>, 64>;\nvar<workgroup> b : array<array<f32, 8>, 2>;')).toBe(
    1088,
  );
});

function expectWithinLimits(plan: WebGpuPlan): void {
  const { needs } = plan;
  for (const { label, bindings, wgsl, workgroup } of plan.kernels) {
    expect(bindings.length, label).toBeLessThanOrEqual(needs.maxStorageBuffersPerShaderStage);
    expect(workgroup[0] * workgroup[1] * workgroup[2], label).toBeLessThanOrEqual(
      needs.maxComputeInvocationsPerWorkgroup,
    );
    expect(
      workgroup.every((count, axis) => count <= [256, 256, 64][axis]!),
      label,
    ).toBe(true);
    expect(workgroupBytes(wgsl), label).toBeLessThanOrEqual(needs.maxComputeWorkgroupStorageSize);
  }
  for (const launch of launchesOf(plan)) {
    const { label, workgroup } = plan.kernels[launch.kernel]!;
    const groups = launch.groups.map(({ of, per }) => Math.ceil(sizeAt(of) / per));
    const invocations = groups.reduce((product, count, axis) => product * count * workgroup[axis]!, 1);
    expect(invocations, `invocations of ${label}`).toBeLessThan(2 ** 32);
    for (const param of launch.params) expect(Math.abs(sizeAt(param)), label).toBeLessThan(2 ** 32);
  }
}

/** Elements of every buffer that a shader indexes. */
function expectSmallBuffers(plan: WebGpuPlan): void {
  for (const [name, { buffers, inputs, outputs, cache, watched }] of Object.entries(plan.entries)) {
    const portSize = (shape: readonly Size[]): number => shape.reduce<number>((sum, dim) => sum * sizeAt(dim), 1);
    for (const buffer of buffers) {
      const elements = (): number => {
        switch (buffer.kind) {
          case 'input':
            return portSize(inputs[buffer.port]!.shape);
          case 'output':
            return portSize(outputs[buffer.port]!.shape);
          case 'cache':
            return portSize(outputs.find((port) => port.name === cache[buffer.cache]!.present)!.shape);
          case 'watch':
            return watched?.length ?? 0;
          case 'scratch':
            return Math.max(...buffer.elements.map(sizeAt));
          case 'parameter': {
            const whole = portSize(plan.parameters[buffer.parameter]!.shape);
            return (buffer.to ?? whole) - (buffer.from ?? 0);
          }
          case 'pack':
            return plan.packs[buffer.pack]!.elements;
          case 'constant': {
            const constant = plan.constants[buffer.constant]!;
            return constant.kind === 'data' ? portSize(constant.shape) : constant.positions * constant.dims;
          }
        }
      };
      expect(elements(), `${buffer.kind} of ${name}`).toBeLessThan(2 ** 32);
      if (buffer.kind !== 'parameter') continue;
      const bytes = elements() * (plan.parameters[buffer.parameter]!.storage === 'f16' ? 2 : 4);
      expect(bytes, `a part of ${plan.parameters[buffer.parameter]!.key}`).toBeLessThanOrEqual(
        plan.needs.maxStorageBufferBindingSize,
      );
    }
  }
}

describe.each(['nano', 'full'])('%s', (config) => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config });
  test.each(['f32', 'f16'] as const)('every entry, weights in %s', (weights) => {
    const plan = buildWebGpu(model, { weights })!;
    for (const { label, wgsl } of plan.kernels) expect(label, wgsl).not.toBe('');
    expectWithinLimits(plan);
    expectSmallBuffers(plan);
  });
});

// pipelines that a device compiles before the first token, both profiles' and all alternatives together
test.each([true, false])('decode at full size has few kernels, adapters merged: %s', (mergeAdapters) => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'full', mergeAdapters });
  expect(buildWebGpu(model, { entries: ['decode'] })!.kernels.length).toBeLessThanOrEqual(30);
});

test('training the full model: what trains is in two bindings, and updated in as many dispatches', () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'full' });
  const stage = model.stages.find(({ name }) => name === 'stage2')!;
  const plan = buildWebGpu(model, { stage, entries: [] })!;
  expectWithinLimits(plan);
  expectSmallBuffers(plan);
  const arenas = plan.training!.arenas!;
  expect(arenas).toHaveLength(2);
  for (const { elements } of arenas) expect(4 * elements).toBeLessThanOrEqual(plan.needs.maxStorageBufferBindingSize);
  expect(plan.entries.update!.steps).toHaveLength(2);
});

test('the gradient of nano', () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' });
  const keys = new Set([...model.parameters].flatMap(([key, { buffer }]) => (buffer ? [] : [key])));
  const { graph } = gradientGraph(model, keys, { dropout: true })!;
  const plan = planOfGraphs(model, [{ name: 'gradient', graph }]);
  expectWithinLimits(plan);
  expectSmallBuffers(plan);
});
