/**
 * Quantised parameters for ONNX Runtime's own operator MatMulNBits (com.microsoft), which multiplies by the codes as they are
 * stored: no f32 copy of a matrix is made, in the file, when a session loads, or later.
 *
 *   x [..., in] ─────────────────────────────────┐
 *   KEY.codes  uint8 [out, groups, group·bits/8] ─┼─ MatMulNBits(K = in, N = out, bits, block_size = group) ─▶ f32 [..., out]
 *   KEY.scales f16 [out, groups] ─ Cast ──────────┤
 *   KEY.zeros  uint8 [out, ⌈groups·bits/8⌉] ──────┤   (the method hqq: f16 [out, groups] ─ Cast ─ + 2^(bits − 1))
 *   bias [out] ──────────────────────────────────┘
 *
 * The operator counts from 0: codes and zeros are those of DequantizeLinear plus 2^(bits − 1) (`UnsignedRows`).
 */
import type { Quantisation } from '../../../shared/quantisation.ts';
import { partKey } from '../../../shared/quantisation.ts';
import type { AnyNode, Graph, TensorType, ValueId } from '../../ir/graph.ts';
import type { Emitter, PackedNames } from './emitter.ts';
import { type PackedLocation, packedBytes } from './external-data.ts';
import { externalTensor, ONNX_DTYPE } from './proto.ts';

const MICROSOFT = 'com.microsoft';
/** of MatMulNBits: activations stay f32. The fastest level (4) rounds them to int8, which costs 4e-3 of a result. */
const SINGLE = 1;

/**
 * Which quantised parameters can be stored for MatMulNBits: those that all graphs read in no other way than as the right side
 * of a product that sums along their last axis or, int8, as a table of rows.
 */
export function storedUnsigned(
  graphs: readonly Graph[],
  quantised: ReadonlyMap<string, Quantisation>,
): ReadonlySet<string> {
  const keys = new Set(
    [...quantised].flatMap(([key, { bits, method }]) =>
      // of 8 bits, ONNX Runtime takes no zeros of f16
      bits === 8 && method === 'hqq' ? [] : [key],
    ),
  );
  for (const graph of graphs) {
    const outputs = new Set(graph.outputs.map(({ value }) => value));
    const keyOf = new Map(graph.parameters.map(({ key, value }) => [value, key]));
    for (const [value, key] of keyOf) if (outputs.has(value)) keys.delete(key);
    for (const node of graph.nodes)
      for (const value of new Set(node.inputs)) {
        const key = keyOf.get(value);
        if (key !== undefined && keys.has(key) && !readsCodes(node, value, quantised.get(key)!)) keys.delete(key);
      }
  }
  return keys;
}

/** Whether a lowering of this backend takes the parts of the parameter. */
function readsCodes(node: AnyNode, value: ValueId, { bits }: Quantisation): boolean {
  const [first, second, ...rest] = node.inputs;
  if (node.op === 'gather') return bits === 8 && node.attributes.axis === 0 && first === value && second !== value;
  if (second !== value || first === value || rest.includes(value)) return false;
  return node.op === 'linear' || (node.op === 'matmul' && node.attributes.transpose_b && !node.attributes.transpose_a);
}

/** Declares the parts of a parameter [rows, columns]. Nothing makes its value: rules read the parts. */
export function unsignedParameter(emit: Emitter, name: string, shape: readonly number[], source: PackedLocation): void {
  const { quantisation, location, offsets, unsigned } = source;
  const { bits, group, zeros, method } = quantisation;
  const [rows, groups] = [shape[0]!, unsigned!.groups];
  const bytes = packedBytes(quantisation, shape, unsigned);
  const part = (which: 'codes' | 'scales' | 'zeros', type: 'uint8' | 'f16', own: readonly number[]): string => {
    const called = emit.claim(partKey(name, which));
    emit.initializers.push(
      externalTensor(called, type, own, { location, offset: offsets[which], length: bytes[which] }),
    );
    return called;
  };
  const codes = part('codes', 'uint8', [rows, groups, (group * bits) / 8]);
  const scales = part('scales', 'f16', [rows, groups]);
  const given = !zeros
    ? undefined
    : method === 'hqq'
      ? part('zeros', 'f16', [rows, groups])
      : part('zeros', 'uint8', [rows, bytes.zeros / rows]);
  emit.packed.set(name, { quantisation, codes, scales, zeros: given, nodes: [], unsigned: true });
}

/** x · weightᵀ + bias. @param shape [out, in] of the weight */
export function matMulNBits(
  emit: Emitter,
  x: string,
  weight: PackedNames,
  [out, width]: readonly number[],
  bias: string | undefined,
): string {
  const { bits, group } = weight.quantisation;
  const scales = emit.once(`f32 of ${weight.scales}`, () => asSingle(emit, weight.scales));
  const operands = [x, weight.codes, scales, zerosOf(emit, weight) ?? '', '', bias ?? ''];
  const given = operands.slice(0, operands.findLastIndex((operand) => operand !== '') + 1);
  const attributes = { K: width!, N: out!, bits, block_size: group, accuracy_level: SINGLE };
  return emit.op('MatMulNBits', given, attributes, MICROSOFT);
}

function zerosOf(emit: Emitter, { quantisation: { method, bits }, zeros }: PackedNames): string | undefined {
  if (method !== 'hqq' || zeros === undefined) return zeros;
  return emit.once(`from 0 ${zeros}`, () => emit.op('Add', [asSingle(emit, zeros), emit.scalar(2 ** (bits - 1))]));
}

const asSingle = (emit: Emitter, name: string): string => emit.op('Cast', [name], { to: ONNX_DTYPE.f32 });

/** Rows of a table of int8: the codes are looked up, and only they become f32. */
export function unsignedRows(emit: Emitter, table: PackedNames, indices: string, { shape }: TensorType): string {
  const rows = (name: string): string => asSingle(emit, emit.op('Gather', [name, indices], { axis: 0 }));
  const last = emit.indices([-1]);
  const zeros =
    table.zeros === undefined
      ? emit.scalar(2 ** (table.quantisation.bits - 1))
      : emit.op('Unsqueeze', [rows(table.zeros), last]);
  const codes = emit.op('Sub', [rows(table.codes), zeros]);
  const values = emit.op('Mul', [codes, emit.op('Unsqueeze', [rows(table.scales), last])]);
  // 0 in a Reshape keeps the axis
  const kept = shape.slice(0, -1).map(() => 0);
  return emit.op('Reshape', [values, emit.indices([...kept, shape.at(-1) as number])]);
}
