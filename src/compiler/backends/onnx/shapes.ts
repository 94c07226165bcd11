/**
 * Dimensions as run-time tensors: i64 vectors computed from the shapes of the graph's inputs.
 *
 * Everything here is shared through the emitter by the printed dim, so a graph computes `P + T` once.
 */
import { type Dim, equalDims, printDim, printShape, type Shape } from '../../../shared/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { Emitter } from './emitter.ts';

/**
 * The value of a dim as i64 [1].
 * @throws Error when no input of the graph determines one of its symbols
 */
export function dimValue(emit: Emitter, dim: Dim): string {
  if (typeof dim === 'number') return emit.indices([dim]);
  return emit.shared(`dim ${printDim(dim)}`, () => {
    const terms = dim.terms.map(({ coefficient, symbols }) => {
      const factors = symbols.map((name) => symbolValue(emit, name));
      if (coefficient !== 1 || factors.length === 0) factors.push(emit.indices([coefficient]));
      return factors.reduce((product, factor) => emit.op('Mul', [product, factor]));
    });
    return terms.reduce((sum, term) => emit.op('Add', [sum, term]));
  });
}

/** The value of a dim as an i64 scalar. */
export function dimScalar(emit: Emitter, dim: Dim): string {
  if (typeof dim === 'number') return emit.index(dim);
  return emit.shared(`scalar ${printDim(dim)}`, () => emit.op('Squeeze', [dimValue(emit, dim), emit.indices([0])]));
}

/** Whether a dim is 0, as a bool scalar. */
export function isNothing(emit: Emitter, dim: Dim): string {
  return emit.shared(`no ${printDim(dim)}`, () => emit.op('Equal', [dimScalar(emit, dim), emit.index(0)]));
}

function symbolValue(emit: Emitter, name: string): string {
  return emit.shared(`symbol ${name}`, () => {
    const source = emit.symbols.get(name);
    if (!source) {
      throw new Error(
        `the size of dimension ${name} is needed and no graph input determines it: give an input an axis ${name} (or an axis such as ${name} + T with T known)`,
      );
    }
    const { input, axis, rest, coefficient } = source;
    const size = emit.op('Shape', [input], { start: axis, end: axis + 1 });
    const left = rest === 0 ? size : emit.op('Sub', [size, dimValue(emit, rest)]);
    return coefficient === 1 ? left : emit.op('Div', [left, emit.indices([coefficient])]);
  });
}

/** A list of dims as i64 [n]: a constant where all are static. */
export function dimVector(emit: Emitter, dims: Shape): string {
  if (dims.every((dim) => typeof dim === 'number')) return emit.indices(dims);
  if (dims.length === 1) return dimValue(emit, dims[0]!);
  return emit.shared(`vector ${printShape(dims)}`, () => {
    const parts: string[] = [];
    let run: number[] = []; // static neighbours go into one constant
    const flush = () => {
      if (run.length > 0) parts.push(emit.indices(run));
      run = [];
    };
    for (const dim of dims) {
      if (typeof dim === 'number') {
        run.push(dim);
      } else {
        flush();
        parts.push(dimValue(emit, dim));
      }
    }
    flush();
    return emit.op('Concat', parts, { axis: 0 });
  });
}

/**
 * Reshapes x from `from` to `to`.
 *
 * A constant shape where that is safe for every size, 0 included: 0 in it copies the axis of the same index, and
 * one −1 is inferred, which needs the product of the others to be a nonzero number. Otherwise the shape is computed.
 */
export function reshape(emit: Emitter, x: string, from: Shape, to: Shape): string {
  const copied = to.map((dim, axis) => axis < from.length && equalDims(dim, from[axis]!));
  const open = to.filter((dim, axis) => typeof dim !== 'number' && !copied[axis]);
  const symbolic = to.filter((dim) => typeof dim !== 'number');
  const zeros = to.some((dim) => dim === 0);
  if (!zeros && open.length === 0) {
    const shape = to.map((dim) => (typeof dim === 'number' ? dim : 0));
    return emit.op('Reshape', [x, emit.indices(shape)]);
  }
  if (!zeros && open.length === 1 && symbolic.length === 1) {
    const shape = to.map((dim) => (typeof dim === 'number' ? dim : -1));
    return emit.op('Reshape', [x, emit.indices(shape)]);
  }
  return emit.op('Reshape', [x, dimVector(emit, to)], { allowzero: 1 });
}

/** Broadcasts x (right-aligned) to `to`; returns x itself when it already has that shape. */
export function expand(emit: Emitter, x: string, from: Shape, to: Shape): string {
  const missing = to.length - from.length;
  // 1 keeps the axis of x, so an equal dynamic axis need not be computed
  const wanted = to.map((dim, axis) => (axis >= missing && equalDims(dim, from[axis - missing]!) ? 1 : dim));
  if (missing === 0 && wanted.every((dim) => dim === 1)) return x;
  return emit.op('Expand', [x, dimVector(emit, wanted)]);
}

/** 0, 1, … size − 1 as i64 [size] */
export function range(emit: Emitter, size: Dim): string {
  return emit.shared(`range ${printDim(size)}`, () =>
    emit.op('Range', [emit.index(0), dimScalar(emit, size), emit.index(1)]),
  );
}

/** A tensor of a shape with a 0 in it. */
export function nothing(emit: Emitter, { dtype, shape }: TensorType): string {
  return expand(emit, emit.wide({ dtype, shape: [], data: Float64Array.of(0) }), [], shape);
}
