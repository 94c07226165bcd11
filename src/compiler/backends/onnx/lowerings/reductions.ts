/**
 * Ops that fold or scan axes.
 *
 * ONNX Runtime's ReduceMax, ReduceMin and ArgMax drop NaN (or not, by the length of the row), and its ReduceMean of
 * nothing is 0: the nodes around them make the results torch's. Softmax keeps NaN by itself.
 */
import { printDim, productOf } from '../../../../shared/dim.ts';
import type { Emitter } from '../emitter.ts';
import { UINT8 } from '../proto.ts';
import { dimScalar, dimValue } from '../shapes.ts';
import { neverZero } from '../symbols.ts';
import { cast, type Lowering, type Lowerings, reduce } from './rule.ts';

function fold(opType: string): Lowering<'sum' | 'mean' | 'max' | 'min'> {
  return (emit, { inputs, attributes: { axes, keepdims } }) => [reduce(emit, opType, inputs[0].name, axes, keepdims)];
}

/** y, or NaN where the row of x has one. Bytes, since ONNX Runtime folds no masks and widening them to f32 takes twice the time. */
function extreme(opType: 'ReduceMax' | 'ReduceMin'): Lowering<'max' | 'min'> {
  return (emit, { inputs, attributes: { axes, keepdims } }) => {
    const { name, type } = inputs[0];
    const y = reduce(emit, opType, name, axes, keepdims);
    if (type.dtype !== 'f32' || axes.length === 0) return [y];
    const odd = emit.once(`NaN of ${name}`, () => emit.op('Cast', [emit.op('IsNaN', [name])], { to: UINT8 }));
    const any = cast(emit, reduce(emit, 'ReduceMax', odd, axes, keepdims), 'bool');
    return [emit.op('Where', [any, emit.scalar(Number.NaN), y])];
  };
}

/** In a row with NaN, the first of its NaN is the first 1 among their zeros and ones. */
function nanFirst(emit: Emitter, x: string, axis: number): string {
  const odd = cast(emit, emit.op('IsNaN', [x]), 'f32');
  const any = cast(emit, reduce(emit, 'ReduceMax', odd, [axis], true), 'bool');
  return emit.op('Where', [any, odd, x]);
}

/** The indices of the k largest, by ONNX's TopK, which puts equal elements in the order of their indices. */
function largest(emit: Emitter, x: string, k: string, axis: number): string {
  return emit.outputs('TopK', [x, k], 2, { axis, largest: 1, sorted: 1 })[1]!;
}

type Reduction = 'sum' | 'mean' | 'max' | 'min' | 'argmax' | 'top_k' | 'cumsum' | 'softmax' | 'log_softmax';

export const REDUCTIONS: Lowerings<Reduction> = {
  sum: fold('ReduceSum'),
  // over what may be nothing, a sum divided by the count: 0/0 is NaN
  mean: (emit, call) => {
    const { inputs, attributes } = call;
    const count = productOf(attributes.axes.map((axis) => inputs[0].type.shape[axis]!));
    if (neverZero(count)) return fold('ReduceMean')(emit, call);
    const size = emit.shared(`count ${printDim(count)}`, () => cast(emit, dimScalar(emit, count), 'f32'));
    return [emit.op('Div', [...fold('ReduceSum')(emit, call), size])];
  },
  max: extreme('ReduceMax'),
  min: extreme('ReduceMin'),
  argmax: (emit, { inputs, attributes: { axis } }) => {
    const { name, type } = inputs[0];
    const x = type.dtype === 'f32' ? nanFirst(emit, name, axis) : name;
    return [emit.op('ArgMax', [x], { axis, keepdims: 0, select_last_index: 0 })];
  },
  // TopK says nothing of NaN: all elements are put in order with ∞ in its place, then what was NaN comes first in that order
  top_k: (emit, { inputs, attributes: { axis, k } }) => {
    const { name, type } = inputs[0];
    if (type.dtype !== 'f32') return [largest(emit, name, emit.indices([k]), axis)];
    const isNan = emit.op('IsNaN', [name]);
    const size = dimValue(emit, type.shape[axis]!);
    const order = largest(emit, emit.op('Where', [isNan, emit.scalar(Number.POSITIVE_INFINITY), name]), size, axis);
    const odd = emit.op('GatherElements', [cast(emit, isNan, 'f32'), order], { axis });
    const chosen = largest(emit, odd, emit.indices([k]), axis);
    return [emit.op('GatherElements', [order, chosen], { axis })];
  },
  cumsum: (emit, { inputs, attributes: { axis } }) => [emit.op('CumSum', [inputs[0].name, emit.index(axis)])],
  softmax: (emit, { inputs, attributes: { axis } }) => [emit.op('Softmax', [inputs[0].name], { axis })],
  log_softmax: (emit, { inputs, attributes: { axis } }) => [emit.op('LogSoftmax', [inputs[0].name], { axis })],
};
