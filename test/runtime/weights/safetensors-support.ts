/** Safetensors files, byte by byte. */
import type { HostTensor } from '../../../src/shared/tensor.ts';

export const f32 = (shape: number[], values: number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});
