/** A model with quantised matrices on ONNX Runtime is the interpreter's function, on the same integers. */
import { describe, expect, it } from 'vitest';
import { sessionOn } from '../support/targets.ts';
import { expectGradients } from './gradients.ts';
import { expectEqual, feeds, program, RULES } from './program.ts';
import { expectGradientsOfPeft, expectStepsOfPeft } from './qlora.ts';

it('gradients flow through frozen matrices', () => expectGradients('onnx'));

describe('QLoRA is that of PEFT over a dequantised base', () => {
  it.each(['reference', 'onnx'] as const)('loss and gradients: %s', expectGradientsOfPeft);
  it.each(['reference', 'onnx 23'])('three steps of AdamW: %s', expectStepsOfPeft);
});

describe.each(RULES)('%s', (_, rules) => {
  it('on opset 23', async () => {
    await expectEqual(await sessionOn('reference', program(...rules)), await sessionOn('onnx 23', program(...rules)));
  });

  it('is refused on opset 17', async () => {
    await expect(sessionOn('onnx 17', program(...rules))).rejects.toMatchObject({ kind: 'quantise_opset' });
  });

  it('is another function than that of f32', async () => {
    const [plain, quantised] = [
      await sessionOn('reference', program()),
      await sessionOn('reference', program(...rules)),
    ];
    const [a, b] = [await plain.run('run', feeds(1, 4)), await quantised.run('run', feeds(1, 4))];
    const [x, y] = [a.logits!.data as Float32Array, b.logits!.data as Float32Array];
    const relative = Math.hypot(...x.map((value, i) => value - y[i]!)) / Math.hypot(...x);
    expect(relative).toBeGreaterThan(1e-4);
    expect(relative).toBeLessThan(0.2);
  });
});
