/** Gradients of losses. */
import type { Gradients } from '../rule.ts';

export const LOSS: Gradients<'cross_entropy'> = {
  // d logits = (softmax(logits) − onehot(target)) · dy / n on rows that count, 0 on ignored ones, n the number that count
  cross_entropy: ({ emit, inputs: [logits, target], attributes: { ignore_index }, upstream }) => [
    () => {
      const shape = emit.shapeOf(logits);
      const rows = emit.shapeOf(target);
      const column = [...rows, 1];
      const ignored = emit.plain('equal', target, emit.scalar(ignore_index, 'i64'));
      const counted = emit.cast(emit.plain('not', ignored), 'f32');
      const count = emit.sum(
        counted,
        rows.map((_, axis) => axis),
        false,
      );
      // selected, not multiplied: with nothing to count dy / n is infinite
      const weight = emit.where(ignored, emit.scalar(0), emit.div(upstream(), count));
      const classes = emit.node('iota', [], { shape: [shape.at(-1)!], axis: 0 });
      const hot = emit.plain('equal', emit.reshape(target, column), classes);
      const p = emit.node('softmax', [logits], { axis: rows.length });
      return emit.mul(emit.where(hot, emit.sub(p, emit.scalar(1)), p), emit.reshape(weight, column));
    },
    null,
  ],
};
