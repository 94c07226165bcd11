/** Ops that fold or scan axes. */
import { type Lowering, type Lowerings, reduce } from './rule.ts';

function fold(opType: string): Lowering<'sum' | 'mean' | 'max' | 'min'> {
  return (emit, { inputs, attributes: { axes, keepdims } }) => [reduce(emit, opType, inputs[0]!.name, axes, keepdims)];
}

export const REDUCTIONS: Lowerings<'sum' | 'mean' | 'max' | 'min' | 'argmax' | 'cumsum' | 'softmax' | 'log_softmax'> = {
  sum: fold('ReduceSum'),
  mean: fold('ReduceMean'),
  max: fold('ReduceMax'),
  min: fold('ReduceMin'),
  argmax: (emit, { inputs, attributes: { axis } }) => [
    emit.op('ArgMax', [inputs[0]!.name], { axis, keepdims: 0, select_last_index: 0 }),
  ],
  cumsum: (emit, { inputs, attributes: { axis } }) => [emit.op('CumSum', [inputs[0]!.name, emit.index(axis)])],
  softmax: (emit, { inputs, attributes: { axis } }) => [emit.op('Softmax', [inputs[0]!.name], { axis })],
  log_softmax: (emit, { inputs, attributes: { axis } }) => [emit.op('LogSoftmax', [inputs[0]!.name], { axis })],
};
