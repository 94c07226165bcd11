/** The ablation of a user's own flag on WebGPU: the losses that ONNX Runtime has. Training on texts: data.webgpu.test.ts. */
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { ablated } from './ablate-kinds.ts';

test.skipIf(unavailable)('compares a flag of the model by pictures', { timeout: 600_000 }, async () => {
  const [onnx, webgpu] = [await ablated('pictures', 'onnx'), await ablated('pictures', 'webgpu')];
  expect([...webgpu.keys()]).toEqual([...onnx.keys()]);
  for (const [variant, loss] of webgpu)
    expect(Math.abs(loss - onnx.get(variant)!)).toBeLessThan(1e-4 * onnx.get(variant)!);
});
