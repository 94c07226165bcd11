/** Gradients of matrix products. */
import type { Gradients } from '../rule.ts';

export const CONTRACTION: Gradients<'matmul' | 'linear'> = {
  // with A (m×k) and B (k×n) as multiplied: dA = dY Bᵀ, dB = Aᵀ dY; broadcast batches are summed
  matmul: ({ emit, inputs: [a, b], attributes: { transpose_a, transpose_b }, upstream }) => {
    // vectors as matrices: a [1, k], b [k, 1], dY with the axes of 1 that the product drops
    const [shapeA, shapeB] = [emit.shapeOf(a), emit.shapeOf(b)];
    const [rowless, columnless] = [shapeA.length === 1, shapeB.length === 1];
    const left = () => (rowless ? emit.reshape(a, [1, ...shapeA]) : a);
    const right = () => (columnless ? emit.reshape(b, [...shapeB, 1]) : b);
    const outer = () => {
      const dy = upstream();
      const shape = [...emit.shapeOf(dy)];
      if (columnless) shape.push(1);
      if (rowless) shape.splice(-1, 0, 1);
      return emit.reshape(dy, shape);
    };
    return [
      () => {
        const [dY, B] = [outer(), right()];
        const dA = transpose_a
          ? emit.matmul(B, dY, { a: transpose_b, b: true })
          : emit.matmul(dY, B, { b: !transpose_b });
        return rowless ? emit.reshape(emit.sumTo(dA, [1, ...shapeA]), shapeA) : dA;
      },
      () => {
        let [A, dY] = [left(), outer()];
        // one B for a whole batch: the sum over the batch is part of one product over all rows
        if (shapeB.length <= 2 && !transpose_a && !rowless) [A, dY] = [emit.rows(A), emit.rows(dY)];
        const dB = transpose_b
          ? emit.matmul(dY, A, { a: true, b: transpose_a })
          : emit.matmul(A, dY, { a: !transpose_a });
        return columnless ? emit.reshape(emit.sumTo(dB, [...shapeB, 1]), shapeB) : dB;
      },
    ];
  },
  // y = x Wᵀ + b: dx = dy W, dW = dyᵀ x over all rows, db = Σ dy over all rows
  linear: ({ emit, inputs: [x, weight], upstream }) => [
    () => emit.matmul(upstream(), weight),
    () => emit.matmul(emit.rows(upstream()), emit.rows(x), { a: true }),
    () => upstream(),
  ],
};
