/** Where tensors lie in a safetensors file. Matrices as halves are F16 there, so that the runtime uploads what it reads. */
import type { DType } from '../../shared/dtype.ts';
import { safetensorsHead } from '../../shared/safetensors.ts';
import type { StoredFile } from './target.ts';

const STORED = {
  f32: { stored: 'F32', itemBytes: 4 },
  i64: { stored: 'I64', itemBytes: 8 },
  bool: { stored: 'BOOL', itemBytes: 1 },
};
const HALF = { stored: 'F16', itemBytes: 2 };

export interface StoredParameter {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly half: boolean;
}

export function safetensorsFile(file: string, parameters: readonly StoredParameter[]): StoredFile {
  const tensors = parameters.map(({ key, dtype, shape, half }) => ({
    name: key,
    dtype,
    shape,
    ...(half ? HALF : STORED[dtype]),
  }));
  const { head, order } = safetensorsHead(tensors, { format: 'pt' });
  let offset = head.length;
  const records = order.map(({ name: key, dtype, shape, byteLength: length }) => {
    const record = { key, dtype, shape, offset, length };
    offset += length;
    return record;
  });
  const halves = new Set(parameters.flatMap(({ key, half }) => (half ? [key] : [])));
  return { file, head, records, bytes: offset, halves };
}
