/** The gradients of the hand-made cases (empty shapes, symbolic bounds, ties, blind queries) through ONNX Runtime. */
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildHandMade, differentiable, HAND_MADE } from '../../passes/autodiff/cases.ts';
import { noise, run, withLoss } from '../../passes/autodiff/support.ts';
import { disagreement, OPSETS } from './support.ts';

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(HAND_MADE)('$name', (handMade) => {
    const graph = buildHandMade(handMade);
    const tensors = new Map<string, WideTensor>(handMade.inputs.map(({ name, tensor }) => [name, tensor]));
    for (const [i, [name, { dtype, shape }]] of [...run(graph, tensors)].entries()) {
      if (dtype === 'f32') tensors.set(`cotangent.${name}`, noise(shape, i + 5));
    }
    const request = { output: 'loss', parameters: new Set<string>(), inputs: new Set(differentiable(handMade)) };
    const backward = runPipeline(differentiate(withLoss(graph), request));
    test.each(['disabled', 'all'] as const)('agrees with the interpreter, optimisation %s', async (optimization) => {
      expect(await disagreement(backward, Object.fromEntries(tensors), { opset, optimization })).toBeUndefined();
    });
  });
});
