/** The ablation of a user's own flag on WebGPU: the losses that ONNX Runtime has. */
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { ablated, KINDS } from './ablate-kinds.ts';

test.skipIf(unavailable).each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
  'compares a flag of the model by %s',
  { timeout: 600_000 },
  async (kind) => {
    const [onnx, webgpu] = [await ablated(kind, 'onnx'), await ablated(kind, 'webgpu')];
    expect([...webgpu.keys()]).toEqual([...onnx.keys()]);
    for (const [variant, loss] of webgpu)
      expect(Math.abs(loss - onnx.get(variant)!)).toBeLessThan(1e-4 * onnx.get(variant)!);
  },
);
