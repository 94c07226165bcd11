/**
 * Where tensors lie in a safetensors file. Matrices as halves are F16 there, so that the runtime uploads what it reads; quantised
 * ones are three tensors, `KEY.codes`, `KEY.scales` and `KEY.zeros`.
 */
import type { StoredDType } from '../../runtime/weights/dtypes.ts';
import type { DType } from '../../shared/dtype.ts';
import { isQuantised, type PackedStorage, type PartName, partKey, partsOf } from '../../shared/quantisation.ts';
import { type HeadTensor, safetensorsHead } from '../../shared/safetensors.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { PackedRecord } from '../backends/onnx/external-data.ts';
import type { StoredFile } from './target.ts';

export const STORED = {
  f32: { stored: 'F32', itemBytes: 4 },
  i64: { stored: 'I64', itemBytes: 8 },
  bool: { stored: 'BOOL', itemBytes: 1 },
} as const;
const HALF = { stored: 'F16', itemBytes: 2 } as const;
const CODES = { 4: { stored: 'U8', itemBytes: 1 }, 8: { stored: 'I8', itemBytes: 1 } } as const;

export interface StoredParameter {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** absent: by its dtype */
  readonly packed?: PackedStorage;
}

/**
 * Parameters in files that have at most `shardBytes`, but for tensors that alone have more. All in one is `NAME.safetensors`; several
 * are `NAME-00001-of-00002.safetensors` and so on, as hosts of checkpoints call them, and `index` says which has what.
 */
export function safetensorsShards(
  name: string,
  parameters: readonly StoredParameter[],
  shardBytes: number,
): { readonly files: readonly StoredFile[]; readonly index?: { readonly name: string; readonly bytes: Uint8Array } } {
  const groups: StoredParameter[][] = [[]];
  let bytes = 0;
  for (const parameter of parameters) {
    const own = tensorsOf(parameter).reduce((sum, { shape, itemBytes }) => sum + sizeOf(shape) * itemBytes, 0);
    if (bytes > 0 && bytes + own > shardBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(parameter);
    bytes += own;
  }
  if (groups.length === 1) return { files: [safetensorsFile(`${name}.safetensors`, parameters)] };
  const number = (n: number): string => String(n).padStart(5, '0');
  const shards = groups.map((group, i) => ({
    file: `${name}-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
    group,
  }));
  const files = shards.map(({ file, group }) => safetensorsFile(file, group));
  const tensors = shards.flatMap(({ file, group }) =>
    group.flatMap(tensorsOf).map((tensor) => [tensor.name, file] as const),
  );
  const total_size = files.reduce((sum, { bytes, head }) => sum + bytes - (head?.length ?? 0), 0);
  const index = { metadata: { total_size }, weight_map: Object.fromEntries(tensors) };
  const text = `${JSON.stringify(index, null, 2)}\n`;
  return { files, index: { name: `${name}.safetensors.index.json`, bytes: new TextEncoder().encode(text) } };
}

export function safetensorsFile(file: string, parameters: readonly StoredParameter[]): StoredFile {
  const tensors = parameters.flatMap(tensorsOf);
  const { head, order } = safetensorsHead(tensors, { format: 'pt' });
  let offset = head.length;
  const placed = order.map(({ name, key, part, dtype, shape, byteLength: length }) => {
    const record = { name, key, part, dtype, shape, offset, length };
    offset += length;
    return record;
  });
  const records = placed.flatMap(({ name: _, part, ...record }) => (part === undefined ? [record] : []));
  const starts = new Map(placed.map(({ name, offset }) => [name, offset]));
  const packed = parameters.flatMap(({ key, packed }): PackedRecord[] => {
    if (!isQuantised(packed)) return [];
    const [codes, scales, zeros] = PARTS.map((part) => starts.get(partKey(key, part)) ?? 0) as [number, number, number];
    return [{ key, quantisation: packed, offsets: { codes, low: 0, scales, zeros } }];
  });
  const halves = new Set(parameters.flatMap(({ key, packed }) => (packed === 'f16' ? [key] : [])));
  return { file, head, records, bytes: offset, halves, packed };
}

interface PlacedTensor extends HeadTensor {
  readonly stored: StoredDType;
  readonly key: string;
  /** of a quantised one */
  readonly part: PartName | undefined;
  readonly dtype: DType;
}

const PARTS = ['codes', 'scales', 'zeros'] as const;

/** One, or the parts of a quantised matrix [rows, columns]. */
export function tensorsOf({ key, dtype, shape, packed }: StoredParameter): readonly PlacedTensor[] {
  if (!isQuantised(packed)) {
    const own = packed === 'f16' ? HALF : STORED[dtype];
    return [{ name: key, key, part: undefined, dtype, shape, ...own }];
  }
  const { bits, group, zeros, method } = packed;
  const [rows, columns] = [sizeOf(shape.slice(0, -1)), shape.at(-1)!];
  const sizes = partsOf(packed, rows * columns);
  const part = (
    name: PartName,
    form: { readonly stored: StoredDType; readonly itemBytes: number },
    own: readonly number[],
  ) => ({
    name: partKey(key, name),
    key,
    part: name,
    dtype,
    shape: own,
    ...form,
  });
  return [
    part('codes', CODES[bits], [rows, (columns * bits) / 8]),
    part('scales', HALF, [rows, columns / group]),
    ...(zeros
      ? [method === 'hqq' ? part('zeros', HALF, [rows, columns / group]) : part('zeros', CODES[bits], [sizes.zeros])]
      : []),
  ];
}
