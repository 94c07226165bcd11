/**
 * Rows of a table of int8 that is stored for MatMulNBits (nbits.ts): the codes are looked up, and only they become f32.
 *
 *   value = scale · (code − zero), where halves are put together as 16 · high + low
 */
import type { TensorType } from '../../ir/graph.ts';
import type { Emitter, PackedNames } from './emitter.ts';
import { asSingle } from './nbits.ts';

export function unsignedRows(emit: Emitter, table: PackedNames, indices: string, { shape }: TensorType): string {
  const { quantisation, unsigned } = table;
  const { groups, low } = unsigned!;
  const columns = shape.at(-1) as number;
  const shaped = (name: string, ...last: readonly number[]): string => {
    // 0 in a Reshape keeps the axis
    const kept = shape.slice(0, -1).map(() => 0);
    return emit.op('Reshape', [name, emit.indices([...kept, ...last])]);
  };
  const rows = (name: string): string => asSingle(emit, emit.op('Gather', [name, indices], { axis: 0 }));
  const unpacked = (name: string): string => shaped(nibbles(emit, rows(name)), -1);
  /** f32 [..., count] of codes or zeros */
  const joined = (high: string, lower: string): string =>
    emit.op('Add', [emit.op('Mul', [unpacked(high), emit.scalar(16)]), unpacked(lower)]);
  const codes = shaped(low ? joined(table.codes, low.codes) : rows(table.codes), groups, quantisation.group);
  const values = emit.op('Mul', [
    emit.op('Sub', [codes, zeros()]),
    emit.op('Unsqueeze', [rows(table.scales), emit.indices([-1])]),
  ]);
  return shaped(values, columns);

  /** Broadcast to [..., groups, group]. */
  function zeros(): string {
    if (table.zeros === undefined) return emit.scalar(128);
    return emit.op('Unsqueeze', [zeroRows(table.zeros), emit.indices([-1])]);
  }

  function zeroRows(name: string): string {
    if (quantisation.method === 'hqq') return emit.op('Add', [rows(name), emit.scalar(128)]);
    if (!low) return rows(name);
    const whole = joined(name, low.zeros!);
    if (groups % 2 === 0) return whole;
    // an odd number of zeros fills half of the last byte
    return emit.op('Slice', [whole, emit.indices([0]), emit.indices([groups]), emit.indices([-1])]);
  }
}

/** Bytes as f32 [..., n] → both halves of each, the low one first: [..., n, 2]. */
function nibbles(emit: Emitter, bytes: string): string {
  const high = emit.op('Floor', [emit.op('Mul', [bytes, emit.scalar(1 / 16)])]);
  const low = emit.op('Sub', [bytes, emit.op('Mul', [high, emit.scalar(16)])]);
  const last = emit.indices([-1]);
  return emit.op('Concat', [emit.op('Unsqueeze', [low, last]), emit.op('Unsqueeze', [high, last])], { axis: -1 });
}
