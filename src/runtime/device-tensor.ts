/**
 * Tensors that stay where the backend computes: a key/value cache between two tokens, parameters between two steps.
 *
 * Backends without a device (ONNX Runtime, the interpreter) return HostTensors where a caller asks to keep an output, in
 * memory that may be lent (lent.ts), so callers are written once.
 */
import type { DType } from '../shared/dtype.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import { LentTensor } from './lent.ts';
import { allocate } from './weights/dtypes.ts';

export interface DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A copy on the host. @throws RuntimeError R1008 when it was used up or destroyed */
  read(): Promise<HostTensor>;
  /** Rows of axis 0 in the order of `rows`, as a new tensor; this one stays. */
  takeRows(rows: readonly number[]): DeviceTensor;
  /** Frees its memory; a second time does nothing. */
  destroy(): void;
}

/** A tensor on either side. */
export type AnyTensor = HostTensor | DeviceTensor;
export type AnyTensors = Readonly<Record<string, AnyTensor>>;

/** Whether a tensor stays where the backend computes; a HostTensor has its `data` here. */
export function isOnDevice(tensor: { readonly dtype: string }): tensor is DeviceTensor {
  return !('data' in tensor);
}

/** The tensor on the host: itself, or a copy of what is on the device or in lent memory. */
export async function toHost(tensor: AnyTensor): Promise<HostTensor> {
  if (isOnDevice(tensor)) return tensor.read();
  return tensor instanceof LentTensor ? tensor.copy() : tensor;
}

/** Frees a tensor that is on the device, and gives lent memory back; it is used up then. */
export function release(tensor: AnyTensor | undefined): void {
  if (tensor === undefined) return;
  if (isOnDevice(tensor)) tensor.destroy();
  else if (tensor instanceof LentTensor) tensor.release();
}

/** Rows of axis 0, in the order of `rows`, on the side where the tensor is. */
export function takeRows(tensor: AnyTensor, rows: readonly number[]): AnyTensor {
  if (isOnDevice(tensor)) return tensor.takeRows(rows);
  const { dtype, shape, data } = tensor;
  const size = sizeOf(shape.slice(1));
  const taken = allocate(dtype, rows.length * size);
  rows.forEach((source, row) => {
    (taken as Float32Array).set((data as Float32Array).subarray(source * size, (source + 1) * size), row * size);
  });
  return { dtype, shape: [rows.length, ...shape.slice(1)], data: taken };
}
