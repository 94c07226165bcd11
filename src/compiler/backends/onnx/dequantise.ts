/**
 * Quantised parameters as ONNX: blocks of DequantizeLinear, which any runtime of opset 21 reads.
 *
 *   KEY.codes  int4 or int8 [rows, columns] ─┐
 *   KEY.scales f16 [rows, groups] ─ Cast ────┼─ DequantizeLinear(axis = 1, block_size = group) ─▶ f32 [rows, columns]
 *   KEY.zeros  as the codes [rows, groups] ──┘
 *
 * Zeros of f16 (the method hqq) are no operand of DequantizeLinear: scale · zero is taken away from each block afterwards.
 *
 * Scales become f32 first: the result has the type of the scales, and f16 would round it.
 */
import { partKey, partsOf } from '../../../shared/quantisation.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { Emitter, PackedNames } from './emitter.ts';
import type { PackedLocation } from './external-data.ts';
import { externalTensor, ONNX_DTYPE } from './proto.ts';

/** @returns the name of the f32 matrix */
export function dequantised(emit: Emitter, name: string, shape: readonly number[], source: PackedLocation): string {
  const { quantisation, location, offsets } = source;
  const { bits, group, zeros, method } = quantisation;
  const type = `int${bits}` as const;
  const blocks = [...shape.slice(0, -1), shape.at(-1)! / group];
  const bytes = partsOf(quantisation, sizeOf(shape));
  const codesName = emit.claim(partKey(name, 'codes'));
  const scalesName = emit.claim(partKey(name, 'scales'));
  emit.initializers.push(
    externalTensor(codesName, type, shape, { location, offset: offsets.codes, length: bytes.codes }),
    externalTensor(scalesName, 'f16', blocks, { location, offset: offsets.scales, length: bytes.scales }),
  );
  const zerosName = zeros ? emit.claim(partKey(name, 'zeros')) : undefined;
  if (zerosName !== undefined)
    emit.initializers.push(
      externalTensor(zerosName, method === 'hqq' ? 'f16' : type, blocks, {
        location,
        offset: offsets.zeros,
        length: bytes.zeros,
      }),
    );
  emit.from({ path: name });
  const before = emit.nodes.length;
  const value = blocksOf(
    emit,
    { quantisation, codes: codesName, scales: scalesName, zeros: zerosName },
    shape.length - 1,
    shape.at(-1)!,
  );
  const nodes = emit.nodes.slice(before).map((node) => node.name ?? '');
  emit.packed.set(value, { quantisation, codes: codesName, scales: scalesName, zeros: zerosName, nodes });
  return value;
}

/** f32 of codes with a scale for each block along the axis. */
function blocksOf(
  emit: Emitter,
  { quantisation, codes, scales, zeros }: Omit<PackedNames, 'nodes'>,
  axis: number,
  columns: number,
): string {
  const single = emit.op('Cast', [scales], { to: ONNX_DTYPE.f32 });
  const { group, method } = quantisation;
  const attributes = { axis, block_size: group };
  if (method !== 'hqq' || zeros === undefined)
    return emit.op('DequantizeLinear', [codes, single, ...(zeros === undefined ? [] : [zeros])], attributes);
  const plain = emit.op('DequantizeLinear', [codes, single], attributes);
  const shift = emit.op('Mul', [single, emit.op('Cast', [zeros], { to: ONNX_DTYPE.f32 })]);
  // 0 in a Reshape keeps the axis
  const kept = Array.from({ length: axis }, () => 0);
  const blocks = emit.op('Reshape', [plain, emit.indices([...kept, columns / group, group])]);
  const shifted = emit.op('Sub', [blocks, emit.op('Unsqueeze', [shift, emit.indices([-1])])]);
  return emit.op('Reshape', [shifted, emit.indices([...kept, columns])]);
}

/**
 * Rows of a quantised table: the codes are looked up, and only they become f32. Undefined for int4, which Gather does not
 * take in ONNX.
 */
export function gatheredRows(
  emit: Emitter,
  table: PackedNames,
  indices: string,
  { shape }: TensorType,
): string | undefined {
  if (table.quantisation.bits !== 8) return undefined;
  const rows = (name: string): string => emit.op('Gather', [name, indices], { axis: 0 });
  const zeros = table.zeros === undefined ? undefined : rows(table.zeros);
  const parts = { quantisation: table.quantisation, codes: rows(table.codes), scales: rows(table.scales), zeros };
  return blocksOf(emit, parts, shape.length - 1, shape.at(-1) as number);
}

/** Leaves out what dequantises a whole matrix that nothing reads whole. */
export function dropUnread(emit: Emitter, outputs: readonly string[]): void {
  const read = new Set([...emit.nodes.flatMap(({ input }) => input ?? []), ...outputs]);
  const unread = new Set([...emit.packed].flatMap(([value, { nodes }]) => (read.has(value) ? [] : nodes)));
  if (unread.size > 0) emit.nodes.splice(0, Infinity, ...emit.nodes.filter(({ name }) => !unread.has(name ?? '')));
}
