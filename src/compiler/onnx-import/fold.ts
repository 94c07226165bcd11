/**
 * What ONNX files compute of sizes, axes and constants, computed when the file is imported: shapes that PyTorch's exporters write as
 * Shape, Gather, Concat, Reshape. Sizes may be symbols; a rule gives undefined where symbols leave the result open, and the node
 * is imported as one that runs.
 */
import {
  addDims,
  atLeastZero,
  type Dim,
  divideDims,
  equalDims,
  isSymbolic,
  mulDims,
  productOf,
  subDims,
} from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { sizeOf, stridesOf } from '../../shared/tensor.ts';
import type { Call } from './call.ts';
import { asInteger, DTYPE_OF, dtypeName } from './dtypes.ts';
import { FOLD_SHAPES } from './fold-shapes.ts';
import { type Known, known } from './values.ts';

/** Elements of what is computed so. */
export const MOST_FOLDED = 1 << 16;

type Fold = (c: Call, inputs: readonly Known[]) => readonly Known[] | undefined;

/** Whether an operator is computed where all that it takes is known. */
export const folds = (op: string): boolean => Object.hasOwn(FOLDS, op);

/** The node's outputs, when all it takes is known and the result follows from it. */
export function fold(c: Call): readonly Known[] | undefined {
  const rule = folds(c.node.op) ? FOLDS[c.node.op] : undefined;
  if (!rule) return undefined;
  const inputs: Known[] = [];
  for (const input of c.inputs) {
    if (input === undefined) continue;
    if (input.kind !== 'known') return undefined;
    inputs.push(input);
  }
  if (inputs.length !== c.inputs.length || inputs.length === 0) return undefined;
  return rule(c, inputs);
}

type Scalar = (a: Dim, b: Dim, dtype: DType) => Dim | undefined;

/** NumPy's broadcasting of two shapes; undefined where they do not fit. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [a[axis + a.length - rank] ?? 1, b[axis + b.length - rank] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return sizeOf(shape) > MOST_FOLDED ? undefined : shape;
}

/** The elements of `x` at each place of `shape`, which it broadcasts to. */
export function spread(x: Known, shape: readonly number[]): Dim[] {
  const own = stridesOf(x.shape);
  const strides = stridesOf(shape);
  const shift = shape.length - x.shape.length;
  return Array.from({ length: sizeOf(shape) }, (_, place) => {
    let at = 0;
    for (const [axis, size] of x.shape.entries())
      if (size !== 1) at += (Math.floor(place / strides[axis + shift]!) % shape[axis + shift]!) * own[axis]!;
    return x.items[at]!;
  });
}

function pointwise(of: Scalar, result?: DType): Fold {
  return (_, inputs) => {
    let [x, ...rest] = inputs as [Known, ...Known[]];
    for (const y of rest) {
      const shape = broadcast(x.shape, y.shape);
      if (!shape) return undefined;
      const [left, right] = [spread(x, shape), spread(y, shape)];
      const { dtype } = x;
      const items = left.map((item, index) => of(item, right[index]!, dtype));
      if (items.some((item) => item === undefined)) return undefined;
      x = known(
        result ?? dtype,
        shape,
        items.map((item) => rounded(item!, result ?? dtype)),
      );
    }
    return [x];
  };
}

/** Floats are float32 in the file. */
const rounded = (item: Dim, dtype: DType): Dim =>
  dtype === 'f32' && typeof item === 'number' ? Math.fround(item) : item;

function unary(of: (x: number, dtype: DType) => number): Fold {
  return (_, [x]) => {
    const items: number[] = [];
    for (const item of x!.items) {
      if (isSymbolic(item)) return undefined;
      items.push(rounded(of(item, x!.dtype), x!.dtype) as number);
    }
    return [known(x!.dtype, x!.shape, items)];
  };
}

const numbers =
  (of: (a: number, b: number, dtype: DType) => number): Scalar =>
  (a, b, dtype) =>
    isSymbolic(a) || isSymbolic(b) ? undefined : of(a, b, dtype);

/** a < b for all sizes (true), for none (false), or for some. */
function less(a: Dim, b: Dim): boolean | undefined {
  if (!isSymbolic(a) && !isSymbolic(b)) return a < b;
  if (atLeastZero(subDims(subDims(b, a), 1)) === 'always') return true;
  return atLeastZero(subDims(a, b)) === 'always' ? false : undefined;
}

function equal(a: Dim, b: Dim): boolean | undefined {
  if (!isSymbolic(a) && !isSymbolic(b)) return a === b;
  if (equalDims(a, b)) return true;
  return less(a, b) === true || less(b, a) === true ? false : undefined;
}

const asNumber = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : value ? 1 : 0);
const negated = (value: boolean | undefined): boolean | undefined => (value === undefined ? undefined : !value);

/** Integers are divided towards zero. */
function quotient(a: Dim, b: Dim, dtype: DType): Dim | undefined {
  if (isSymbolic(a) || isSymbolic(b)) return divideDims(a, b);
  if (dtype === 'f32') return a / b;
  return b === 0 ? undefined : Math.trunc(a / b);
}

const evenRound = (x: number): number => {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

/** Folds a list into one number. */
function reduced(of: (a: Dim, b: Dim) => Dim | undefined, start: Dim | undefined): Fold {
  return (c, [x]) => {
    c.ignore('axes', 'noop_with_empty_axes');
    if (x!.shape.length > 1 || (c.has(1) && c.known(1).items.length === 0)) return undefined;
    const keeps = c.flag('keepdims', true) && x!.shape.length === 1;
    let total: Dim | undefined = start ?? x!.items[0];
    for (const item of start === undefined ? x!.items.slice(1) : x!.items)
      total = total === undefined ? undefined : of(total, item);
    return total === undefined ? undefined : [known(x!.dtype, keeps ? [1] : [], [total])];
  };
}

const smaller = (a: Dim, b: Dim): Dim | undefined => {
  const first = less(a, b);
  if (first !== undefined) return first ? a : b;
  return less(b, a) === false ? a : undefined;
};
const larger = (a: Dim, b: Dim): Dim | undefined => {
  const first = less(a, b);
  if (first !== undefined) return first ? b : a;
  return less(b, a) === false ? b : undefined;
};

const cast: Fold = (c, [x]) => {
  c.ignore('saturate');
  const type = c.int('to', 0);
  const to = DTYPE_OF.get(type);
  if (!to) return undefined;
  const integer = (item: number): number =>
    asInteger(type, item, x!.dtype) ?? c.fail(`it makes ${dtypeName(type)} of ${item}, which has no such value`);
  const items = x!.items.map((item): Dim | undefined => {
    if (isSymbolic(item)) return to === 'bool' ? undefined : item;
    if (to === 'bool') return item !== 0 ? 1 : 0;
    return to === 'i64' ? integer(item) : Math.fround(item);
  });
  // a size that is a float only to be divided or scaled is not a dimension any more
  if (items.some((item) => item === undefined || (to === 'f32' && isSymbolic(item)))) return undefined;
  return [known(to, x!.shape, items as Dim[])];
};

const where: Fold = (_, [condition, a, b]) => {
  const first = broadcast(condition!.shape, a!.shape);
  const shape = first && broadcast(first, b!.shape);
  if (!shape) return undefined;
  const [left, right] = [spread(a!, shape), spread(b!, shape)];
  const items = spread(condition!, shape).map((item, index) => (item === 0 ? right[index]! : left[index]!));
  return [known(a!.dtype, shape, items)];
};

const FOLDS: Readonly<Record<string, Fold>> = {
  Add: pointwise(addDims),
  Sub: pointwise(subDims),
  Mul: pointwise((a, b) => mulDims(a, b)),
  Div: pointwise(quotient),
  Mod: (c, inputs) => {
    const truncates = c.flag('fmod', false);
    return pointwise(numbers((a, b) => (truncates ? a % b : ((a % b) + b) % b)))(c, inputs);
  },
  Pow: pointwise(numbers((a, b) => a ** b)),
  Min: pointwise(smaller),
  Max: pointwise(larger),
  Equal: pointwise((a, b) => asNumber(equal(a, b)), 'bool'),
  Less: pointwise((a, b) => asNumber(less(a, b)), 'bool'),
  Greater: pointwise((a, b) => asNumber(less(b, a)), 'bool'),
  LessOrEqual: pointwise((a, b) => asNumber(negated(less(b, a))), 'bool'),
  GreaterOrEqual: pointwise((a, b) => asNumber(negated(less(a, b))), 'bool'),
  And: pointwise(
    numbers((a, b) => (a !== 0 && b !== 0 ? 1 : 0)),
    'bool',
  ),
  Or: pointwise(
    numbers((a, b) => (a !== 0 || b !== 0 ? 1 : 0)),
    'bool',
  ),
  Not: unary((x) => (x === 0 ? 1 : 0)),
  Neg: (_, [x]) => [
    known(
      x!.dtype,
      x!.shape,
      x!.items.map((item) => mulDims(item, -1)),
    ),
  ],
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(evenRound),
  Sqrt: unary(Math.sqrt),
  Sign: unary(Math.sign),
  Reciprocal: unary((x) => 1 / x),
  Where: where,
  Cast: cast,
  ReduceProd: reduced((a, b) => productOf([a, b]), 1),
  ReduceSum: reduced(addDims, 0),
  ReduceMin: reduced(smaller, undefined),
  ReduceMax: reduced(larger, undefined),
  ...FOLD_SHAPES,
};
