/** Gradients of indexed reads and writes: a read becomes an adding write and the other way round. Indices get none. */
import { productOf } from '../../../../shared/dim.ts';
import type { Gradients } from '../rule.ts';

export const GATHER: Gradients<'gather' | 'gather_elements' | 'scatter_add' | 'scatter_elements_add'> = {
  // d data[indices[i]] += dy[i]
  gather: ({ emit, inputs: [data, indices], attributes: { axis }, upstream }) => [
    () => {
      const shape = emit.shapeOf(data);
      const count = productOf(emit.shapeOf(indices));
      const updates = emit.reshape(upstream(), shape.with(axis, count));
      return emit.node('scatter_add', [emit.zeros(shape), emit.reshape(indices, [count]), updates], { axis });
    },
    null,
  ],
  // d data[i][indices[i][j]] += dy[i][j]
  gather_elements: ({ emit, inputs: [data, indices], attributes, upstream }) => [
    () => emit.node('scatter_elements_add', [emit.zeros(emit.shapeOf(data)), indices, upstream()], attributes),
    null,
  ],
  // d data = dy, d updates[i] = dy[indices[i]]
  scatter_add: ({ emit, inputs: [, indices], attributes, upstream }) => [
    () => upstream(),
    null,
    () => emit.node('gather', [upstream(), indices], attributes),
  ],
  // d data = dy, d updates[i][j] = dy[i][indices[i][j]]
  scatter_elements_add: ({ emit, inputs: [, indices], attributes, upstream }) => [
    () => upstream(),
    null,
    () => emit.node('gather_elements', [upstream(), indices], attributes),
  ],
};
