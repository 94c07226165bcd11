/** Training losses that deserve an op of their own. */
import { mulDims, productOf } from '../../shared/dim.ts';
import type { Op, Operand } from './declare.ts';
import { axisRef, expectAxes, expectDType, expectSameDim, F32, I64 } from './rules.ts';
import type { Family } from './spec.ts';
import { IndexRangeError, TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface LossOps {
  /** (logits [..., C], target i64 [...]): mean of −log softmax(logits)[target] over targets ≠ ignore_index; scalar */
  cross_entropy: Op<readonly [logits: Operand, target: Operand], { readonly ignore_index: number }>;
}

export const LOSS: Family<LossOps> = {
  cross_entropy: {
    name: 'cross_entropy',
    doc: 'Mean of −log softmax(logits)[target] over the targets that are not ignore_index; NaN when all are ignored, as torch; scalar.',
    operands: [{ name: 'logits' }, { name: 'target' }],
    traits: { reduction: true, loss: true },
    flops: ([{ shape }]) => mulDims(5, productOf(shape)),
    indices: ([{ shape }], { ignore_index }) => ({ operand: 1, size: shape.at(-1)!, also: ignore_index }),
    infer(inputs) {
      expectDType('cross_entropy', inputs, 0, 'logits', F32);
      const { shape } = expectAxes('cross_entropy', inputs, 0, 'logits');
      const target = expectDType('cross_entropy', inputs, 1, 'target', I64);
      if (target.shape.length !== shape.length - 1) {
        throw new TypeRuleError(
          `cross_entropy takes one target per row of logits, and logits has ${shape.length} axes and target has ${target.shape.length}`,
          [
            { operand: 0, label: `has ${shape.length} axes` },
            { operand: 1, label: `has ${target.shape.length} axes` },
          ],
        );
      }
      for (let axis = 0; axis < target.shape.length; axis++) {
        expectSameDim(
          axisRef(inputs, 0, axis, `axis ${axis}`),
          axisRef(inputs, 1, axis, `axis ${axis}`),
          (a, b) =>
            `cross_entropy takes one target per row of logits, and axis ${axis} is ${a} in logits and ${b} in target`,
        );
      }
      return [{ dtype: 'f32', shape: [] }];
    },
    evaluate([logits, target], { ignore_index }) {
      const classes = logits.shape.at(-1)!;
      let total = 0;
      let counted = 0;
      for (const [row, wanted] of target.data.entries()) {
        if (wanted === ignore_index) continue;
        if (wanted < 0 || wanted >= classes) {
          const what = `${classes} classes and ignore_index ${ignore_index}`;
          throw new IndexRangeError(`cross_entropy got target ${wanted} for ${what}`, wanted, classes);
        }
        const scores = logits.data.subarray(row * classes, (row + 1) * classes);
        let largest = Number.NEGATIVE_INFINITY;
        for (const score of scores) largest = Math.max(largest, score);
        let sum = 0;
        for (const score of scores) sum += Math.exp(score - largest);
        total += Math.log(sum) + largest - scores[wanted]!;
        counted++;
      }
      return [wide('f32', [], Float64Array.of(total / counted))];
    },
  },
};
