/**
 * Training TinyGPT-V on WebGPU: the gradients of both stages' sets (those of every parameter and
 * the kernels for GPUs: webgpu-gradients.slow.test.ts),
 * and five steps of AdamW, against the authors' code; the update in place on the device.
 */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { AnyTensors } from '../../src/runtime/device-tensor.ts';
import { WebGpuProgram } from '../../src/runtime/webgpu/program.ts';
import type { GpuTensor } from '../../src/runtime/webgpu/tensors.ts';
import { ModelBuffers } from '../../src/runtime/webgpu/weights.ts';
import { type HostTensor, narrow, type WideTensor, widen } from '../../src/shared/tensor.ts';
import { PORTS } from '../../src/shared/training.ts';
import { unavailable } from '../support/adapter.ts';
import { buildStage, planOf, STAGE_ON_DEVICE } from '../support/build.ts';
import { relativeError } from '../support/reference.ts';
import { gpuOf } from '../support/webgpu.ts';
import { noise, tinyModel } from './support.ts';
import { expectGradients } from './webgpu-gradients.ts';
import { expectSteps } from './webgpu-steps.ts';

/** In milliseconds: unrolled kernels for real GPUs take a software adapter minutes to compile on a busy machine. */
const SLOW = { timeout: 900_000 };

describe.skipIf(unavailable)('gradients', SLOW, () => {
  test.each([
    ['stage1', 'software'],
    ['stage2', 'software'],
  ] as const)('of %s, profile %s', expectGradients);
});

describe.skipIf(unavailable)('five steps of AdamW', SLOW, () => {
  test.each([
    ['stage1', 'software', STAGE_ON_DEVICE.arenas!],
    ['stage2', 'software', 4096], // elements of an arena: several are needed
  ] as const)('of %s, profile %s', expectSteps);
});

test.skipIf(unavailable)('parameters and state are updated in place, step after step', async () => {
  const model = tinyModel(false);
  const stage = model.stages.find(({ name }) => name === 'stage1')!;
  const { plan, graphs } = buildStage(model, stage)!;
  const update = graphs.entries.filter(({ name }) => name === 'update');
  const { graph } = update[0]!.guarded;
  const donated = plan.trained.flatMap(({ key }) => [
    PORTS.parameter(key),
    ...plan.slots.map((slot) => PORTS.state(slot, key)),
  ]);
  const device = planOf({ model, entries: update, quantised: new Map() });
  const taken = device.entries.update!.buffers.filter(
    (buffer) => buffer.kind === 'output' && buffer.donated !== undefined,
  );
  expect(taken).toHaveLength(donated.length);

  const gpu = await gpuOf('gpu');
  const unused = new ModelBuffers(gpu, device, async (key) => {
    throw new Error(`the update has no parameter ${key}`);
  });
  const program = await WebGpuProgram.open(gpu, device, 'update', unused);
  const shapeOf = new Map(plan.trained.map(({ key, shape }) => [key, shape]));
  const keyOf = (port: string): string => plan.trained.find(({ key }) => port.endsWith(`.${key}`))!.key;
  const filled = (port: string, seed: number, scale: number): HostTensor => {
    const shape = shapeOf.get(keyOf(port))!;
    const count = shape.reduce((a, b) => a * b, 1);
    return { dtype: 'f32', shape, data: noise(count, seed).map((x) => x * scale) as Float32Array<ArrayBuffer> };
  };
  let wide = new Map<string, WideTensor>(
    donated.map((port, i) => [port, widen(filled(port, i, port.startsWith('parameter') ? 1 : 0))]),
  );
  let tensors: AnyTensors = Object.fromEntries(donated.map((port) => [port, narrow(wide.get(port)!)]));
  for (let step = 1; step <= 3; step++) {
    const scalar = (value: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
    const feeds: Record<string, HostTensor> = {
      ...Object.fromEntries(
        plan.trained.map(({ key }, i) => [PORTS.gradient(key), filled(PORTS.gradient(key), i + step, 3)]),
      ),
      [PORTS.learningRate]: scalar(1e-2),
      [PORTS.step]: scalar(step),
      [PORTS.gradientScale]: scalar(0.5),
    };
    const wanted = interpret(graph, {
      inputs: new Map([...wide, ...Object.entries(feeds).map(([name, tensor]) => [name, widen(tensor)] as const)]),
      parameters: (key) => {
        throw new Error(key);
      },
    });
    wide = new Map(donated.map((port) => [port, wanted.get(PORTS.next(port))!]));
    const results = await program.run({ ...feeds, ...tensors }, undefined, { keep: 'all' });
    tensors = Object.fromEntries(donated.map((port) => [port, results[PORTS.next(port)]!]));
    for (const [port, expected] of wide) {
      const { data } = await (tensors[port] as GpuTensor).read();
      expect(relativeError(data, expected.data), `step ${step} ${port}`).toBeLessThan(1e-5);
    }
  }
  for (const tensor of Object.values(tensors)) (tensor as GpuTensor).destroy();
  await program.dispose();
});
