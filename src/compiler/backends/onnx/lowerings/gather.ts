/**
 * Indexed reads and writes. ONNX Runtime checks every index against the axis and fails when one is out of range;
 * negative ones, which count from the end in ONNX, do not occur in the IR.
 */
import type { Shape } from '../../../../shared/dim.ts';
import { gatheredRows } from '../dequantise.ts';
import { unsignedRows } from '../nbits-rows.ts';
import { expand, reshape } from '../shapes.ts';
import type { Lowerings } from './rule.ts';

export const GATHER: Lowerings<'gather' | 'gather_elements' | 'scatter_add' | 'scatter_elements_add'> = {
  gather: (emit, { inputs, attributes: { axis }, outputs }) => {
    const [data, indices] = inputs;
    const table = axis === 0 ? emit.packed.get(data.name) : undefined;
    const rowsOf = table?.unsigned ? unsignedRows : gatheredRows;
    const rows = table && rowsOf(emit, table, indices.name, outputs[0]);
    return [rows ?? emit.op('Gather', [data.name, indices.name], { axis })];
  },
  gather_elements: (emit, { inputs, attributes: { axis } }) => [
    emit.op('GatherElements', [inputs[0].name, inputs[1].name], { axis }),
  ],
  // ScatterElements wants an index for each element of the updates: [n] → [1, n, 1] → the updates' shape
  scatter_add: (emit, { inputs, attributes: { axis } }) => {
    const [data, indices, updates] = [inputs[0], inputs[1], inputs[2]];
    const column: Shape = updates.type.shape.map((dim, other) => (other === axis ? dim : 1));
    const aligned = reshape(emit, indices.name, indices.type.shape, column);
    const each = expand(emit, aligned, column, updates.type.shape);
    return [emit.op('ScatterElements', [data.name, each, updates.name], { axis, reduction: 'add' })];
  },
  scatter_elements_add: (emit, { inputs, attributes: { axis } }) => [
    emit.op(
      'ScatterElements',
      inputs.map(({ name }) => name),
      { axis, reduction: 'add' },
    ),
  ],
};
