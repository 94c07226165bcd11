/**
 * Cross entropy: log_softmax, pick the target's entry, mean over the targets that count.
 *
 * Plain operators at both opsets. SoftmaxCrossEntropyLoss wants the classes on axis 1, so it would need a
 * transpose of the largest tensor of a language model. With no target counted the mean is 0/0 = NaN, as in torch.
 */
import { cast, type Lowerings, reduce } from './rule.ts';

export const LOSS: Lowerings<'cross_entropy'> = {
  cross_entropy: (emit, { inputs, attributes: { ignore_index } }) => {
    const [logits, target] = [inputs[0], inputs[1]];
    const axes = [...target.type.shape.keys()];
    const last = emit.indices([axes.length]);
    const ignored = emit.op('Equal', [target.name, emit.index(ignore_index)]);
    const counted = cast(emit, emit.op('Not', [ignored]), 'f32');
    // any class will do for an ignored target: its loss is not taken
    const wanted = emit.op('Where', [ignored, emit.index(0), target.name]);
    const log = emit.op('LogSoftmax', [logits.name], { axis: axes.length });
    const picked = emit.op('GatherElements', [log, emit.op('Unsqueeze', [wanted, last])], { axis: axes.length });
    const loss = emit.op('Neg', [emit.op('Squeeze', [picked, last])]);
    const kept = emit.op('Where', [ignored, emit.scalar(0), loss]);
    const [sum, count] = [
      reduce(emit, 'ReduceSum', kept, axes, false),
      reduce(emit, 'ReduceSum', counted, axes, false),
    ];
    return [emit.op('Div', [sum, count])];
  },
};
