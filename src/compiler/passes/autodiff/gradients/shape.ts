/** Gradients of ops that move elements: dy moves back, and what they dropped gets 0. */
import type { Dim } from '../../../../shared/dim.ts';
import { addDims, equalDims, mulDims, subDims } from '../../../../shared/dim.ts';
import type { ValueId } from '../../../ir/graph.ts';
import type { Emit } from '../emit.ts';
import type { Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

type ShapeOp =
  | ('reshape' | 'transpose' | 'expand' | 'concat' | 'split' | 'slice' | 'flip' | 'pad' | 'iota' | 'dim_size')
  | ('barrier' | 'stop_gradient' | 'random_uniform' | 'upstream_gradient' | 'with_gradient');

const source = notDifferentiable('it has no operands');

/** Puts zeros around an axis; amounts may be symbolic. */
function surround(emit: Emit, x: ValueId, axis: number, before: Dim, after: Dim): ValueId {
  const shape = emit.shapeOf(x);
  if (typeof before === 'number' && typeof after === 'number') {
    if (before === 0 && after === 0) return x;
    const only = (amount: number) => shape.map((_, other) => (other === axis ? amount : 0));
    return emit.node('pad', [x], { before: only(before), after: only(after), value: 0 });
  }
  const block = (size: Dim) => (equalDims(size, 0) ? [] : [emit.zeros(shape.with(axis, size))]);
  return emit.node('concat', [...block(before), x, ...block(after)], { axis });
}

/** Puts step − 1 zeros after each element of an axis: [n] → [n · step]. */
function spread(emit: Emit, x: ValueId, axis: number, step: number): ValueId {
  if (step === 1) return x;
  const shape = emit.shapeOf(x);
  const apart = emit.reshape(x, shape.toSpliced(axis + 1, 0, 1));
  const wide = surround(emit, apart, axis + 1, 0, step - 1);
  return emit.reshape(wide, shape.with(axis, mulDims(shape[axis]!, step)));
}

export const SHAPE: Gradients<ShapeOp> = {
  reshape: ({ emit, inputs: [x], upstream }) => [() => emit.reshape(upstream(), emit.shapeOf(x))],
  // the inverse permutation
  transpose: ({ emit, attributes: { permutation }, upstream }) => [
    () => {
      const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
      return emit.node('transpose', [upstream()], { permutation: inverse });
    },
  ],
  // dy, summed over what was stretched: by the driver
  expand: ({ upstream }) => [() => upstream()],
  // each operand's part of dy
  concat({ emit, inputs, attributes: { axis }, upstream }) {
    let start: Dim = 0;
    return inputs.map((x) => {
      const from = start;
      const to = addDims(from, emit.shapeOf(x)[axis]!);
      start = to;
      return () => emit.cut(upstream(), axis, from, to);
    });
  },
  // the parts' gradients side by side
  split: ({ emit, outputs, attributes: { axis }, upstream }) => [
    () => {
      const parts = outputs.map((_, part) => upstream(part));
      return parts.length === 1 ? parts[0]! : emit.node('concat', parts, { axis });
    },
  ],
  // dy at the places it was read from, 0 elsewhere
  slice: ({ emit, inputs: [x], attributes: { starts, ends, steps }, upstream }) => [
    () =>
      emit.shapeOf(x).reduce<ValueId>((gradient, size, axis) => {
        const [start, end, step] = [starts[axis]!, ends[axis]!, steps[axis]!];
        const apart = spread(emit, gradient, axis, step);
        // a last step may reach past `end`; there are only zeros
        const covered = subDims(end, start);
        const back = step === 1 ? apart : emit.cut(apart, axis, 0, covered);
        return surround(emit, back, axis, start, subDims(size, end));
      }, upstream()),
  ],
  flip: ({ emit, attributes, upstream }) => [() => emit.node('flip', [upstream()], attributes)],
  // dy without what was put around x
  pad: ({ emit, inputs: [x], attributes: { before }, upstream }) => [
    () =>
      emit
        .shapeOf(x)
        .reduce<ValueId>(
          (dy, size, axis) => emit.cut(dy, axis, before[axis]!, addDims(size, before[axis]!)),
          upstream(),
        ),
  ],
  iota: source,
  dim_size: source,
  random_uniform: notDifferentiable('its operand is a seed'),
  upstream_gradient: source,
  // what the clause says for each x; y and the clause's own values get nothing
  with_gradient: ({ inputs, written }) => {
    const count = (inputs.length - 1) / 2;
    return inputs.map((_, operand) => (operand >= 1 && operand <= count ? () => written(operand + count) : null));
  },
  // never asked for: no path to the loss goes through it
  stop_gradient: notDifferentiable('no gradient goes through it'),
  // dy to x, 0 to what it waits for
  barrier: ({ emit, inputs: [, after], upstream }) => [() => upstream(), () => emit.zeros(emit.shapeOf(after))],
};
