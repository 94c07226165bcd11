/** Ops that move elements, and those that make values from dims alone. */
import { equalDims } from '../../../../shared/dim.ts';
import { dimScalar, dimVector, expand, range, reshape } from '../shapes.ts';
import type { Lowerings } from './rule.ts';

type ShapeOp = 'reshape' | 'transpose' | 'expand' | 'concat' | 'split' | 'slice' | 'flip' | 'pad' | 'iota' | 'dim_size';

/** Slice clamps its ends, so this reads "to the end of the axis" (and −2⁶³ with a negative step, "to its start"). */
const TO_THE_END = 2n ** 63n - 1n;
const TO_THE_START = -(2n ** 63n);

export const SHAPE: Lowerings<ShapeOp> = {
  reshape: (emit, { inputs, attributes: { shape } }) => [reshape(emit, inputs[0].name, inputs[0].type.shape, shape)],
  transpose: (emit, { inputs, attributes: { permutation } }) => [
    emit.op('Transpose', [inputs[0].name], { perm: permutation }),
  ],
  expand: (emit, { inputs, attributes: { shape } }) => [expand(emit, inputs[0].name, inputs[0].type.shape, shape)],
  concat: (emit, { inputs, attributes: { axis } }) => {
    const names = inputs.map(({ name }) => name);
    return [names.length === 1 ? names[0]! : emit.op('Concat', names, { axis })];
  },
  split: (emit, { inputs, attributes: { axis, sizes } }) => {
    const { name } = inputs[0];
    return sizes.length === 1 ? [name] : emit.outputs('Split', [name, dimVector(emit, sizes)], sizes.length, { axis });
  },
  slice: (emit, { inputs, attributes: { starts, ends, steps } }) => {
    const { name, type } = inputs[0];
    const axes = [...type.shape.keys()];
    const whole = (axis: number) => equalDims(ends[axis]!, type.shape[axis]!);
    const cut = axes.filter((axis) => starts[axis] !== 0 || !whole(axis) || steps[axis] !== 1);
    if (cut.length === 0) return [name];
    const to = cut.every(whole)
      ? emit.indices(cut.map(() => TO_THE_END))
      : dimVector(
          emit,
          cut.map((axis) => ends[axis]!),
        );
    const from = dimVector(
      emit,
      cut.map((axis) => starts[axis]!),
    );
    const operands = [name, from, to, emit.indices(cut)];
    if (cut.some((axis) => steps[axis] !== 1)) operands.push(emit.indices(cut.map((axis) => steps[axis]!)));
    return [emit.op('Slice', operands)];
  },
  flip: (emit, { inputs, attributes: { axes } }) => {
    const { name } = inputs[0];
    if (axes.length === 0) return [name];
    const each = (value: number | bigint) => emit.indices(axes.map(() => value));
    return [emit.op('Slice', [name, each(-1), each(TO_THE_START), emit.indices(axes), each(-1)])];
  },
  pad: (emit, { inputs, attributes: { before, after, value } }) => {
    const { name, type } = inputs[0];
    const fill = emit.wide({ dtype: type.dtype, shape: [], data: Float64Array.of(value) });
    return [emit.op('Pad', [name, emit.indices([...before, ...after]), fill], { mode: 'constant' })];
  },
  iota: (emit, { attributes: { shape, axis } }) => {
    const size = shape[axis]!;
    const column = shape.map((_, other) => (other === axis ? size : 1));
    const index = reshape(emit, range(emit, size), [size], column);
    return [expand(emit, index, column, shape)];
  },
  dim_size: (emit, { attributes: { dim } }) => [dimScalar(emit, dim)],
};
