/**
 * Integers of a graph that follow from where they lie: `constant + Σ step · index`. Exporters compute who sees whom in attention by comparing
 * such values, each in its own way.
 */
import { addDims, atLeastZero, type Dim, equalDims, mulDims, type Shape, subDims } from '../../shared/dim.ts';
import type { ValueId } from '../ir/graph.ts';
import type { Matcher } from './matcher.ts';

/** `steps` count axes from the last, as broadcasting does. */
export interface IndexForm {
  readonly constant: Dim;
  readonly steps: readonly Dim[];
}

const DEEPEST = 32;

export function indexForm(m: Matcher, value: ValueId, depth = 0): IndexForm | undefined {
  const { dtype, shape } = m.type(value);
  if (dtype !== 'i64' || depth > DEEPEST) return undefined;
  const number = m.filled(value);
  if (number !== undefined) return { constant: number, steps: [] };
  const of = (operand: ValueId): IndexForm | undefined => indexForm(m, operand, depth + 1);
  const size = m.made(value, 'dim_size');
  if (size) return { constant: size.attributes.dim, steps: [] };
  const iota = m.made(value, 'iota');
  if (iota) {
    const axis = shape.length - 1 - iota.attributes.axis;
    return { constant: 0, steps: Array.from({ length: axis + 1 }, (_, index) => (index === axis ? 1 : 0)) };
  }
  const sum = m.made(value, 'add') ?? m.made(value, 'sub');
  if (sum) return combined(of(sum.inputs[0]), of(sum.inputs[1]), sum.op === 'add' ? 1 : -1);
  const product = m.made(value, 'mul');
  if (product) {
    const [a, b] = product.inputs.map(of);
    const by = [a, b].find((form) => form?.steps.every((step) => equalDims(step, 0)));
    return by && scaled(by === a ? b : a, by.constant);
  }
  const expand = m.made(value, 'expand');
  if (expand) return still(of(expand.inputs[0]), m.type(expand.inputs[0]).shape);
  const looked = m.made(value, 'gather');
  // 0, 1, … looked up is the index itself
  if (looked && m.made(looked.inputs[0], 'iota') && m.type(looked.inputs[0]).shape.length === 1) {
    const form = of(looked.inputs[1]);
    return form && isWithin(form, shape, m.type(looked.inputs[0]).shape[0]!) ? form : undefined;
  }
  const reshape = m.made(value, 'reshape');
  return reshape && moved(of(reshape.inputs[0]), m.type(reshape.inputs[0]).shape, shape);
}

function combined(a: IndexForm | undefined, b: IndexForm | undefined, sign: 1 | -1): IndexForm | undefined {
  if (!a || !b) return undefined;
  const steps = Array.from({ length: Math.max(a.steps.length, b.steps.length) }, (_, axis) =>
    addDims(a.steps[axis] ?? 0, mulDims(b.steps[axis] ?? 0, sign)),
  );
  return { constant: sign === 1 ? addDims(a.constant, b.constant) : subDims(a.constant, b.constant), steps };
}

function scaled(form: IndexForm | undefined, by: Dim): IndexForm | undefined {
  return form && { constant: mulDims(form.constant, by), steps: form.steps.map((step) => mulDims(step, by)) };
}

/** An axis of one element has one index, whatever it is spread over. */
function still(form: IndexForm | undefined, shape: Shape): IndexForm | undefined {
  return (
    form && {
      constant: form.constant,
      steps: form.steps.map((step, axis) => (equalDims(shape.at(-1 - axis)!, 1) ? 0 : step)),
    }
  );
}

/** Through a reshape that only adds and drops axes of size 1. */
function moved(form: IndexForm | undefined, from: Shape, to: Shape): IndexForm | undefined {
  const [before, after] = [wideAxes(from), wideAxes(to)];
  const alike =
    before.length === after.length &&
    before.every((axis, index) => equalDims(from.at(-1 - axis)!, to.at(-1 - after[index]!)!));
  if (!form || !alike) return undefined;
  const steps = new Array<Dim>(to.length).fill(0);
  for (const [index, axis] of before.entries()) steps[after[index]!] = form.steps[axis] ?? 0;
  return { constant: form.constant, steps };
}

/** Axes of more than one element, counted from the last. */
function wideAxes(shape: Shape): readonly number[] {
  return shape.flatMap((_, axis) => (equalDims(shape.at(-1 - axis)!, 1) ? [] : [axis]));
}

/** Whether all that the form gives in a tensor of this shape lies in 0 … size − 1. */
function isWithin({ constant, steps }: IndexForm, shape: Shape, size: Dim): boolean {
  let [least, most]: [Dim, Dim] = [constant, constant];
  for (const [axis, step] of steps.entries()) {
    if (equalDims(step, 0)) continue;
    const end = mulDims(step, subDims(shape.at(-1 - axis)!, 1));
    const rises = atLeastZero(step) === 'always';
    if (!rises && atLeastZero(mulDims(step, -1)) !== 'always') return false;
    if (rises) most = addDims(most, end);
    else least = addDims(least, end);
  }
  return atLeastZero(least) === 'always' && atLeastZero(subDims(subDims(size, 1), most)) === 'always';
}

/**
 * Whether values of this shape count 0, 1, … in row-major order: each step is as many as the axes behind it have elements.
 */
export function counts({ constant, steps }: IndexForm, shape: Shape): boolean {
  if (!equalDims(constant, 0)) return false;
  let each: Dim = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape.at(-1 - axis)!;
    if (!equalDims(size, 1) && !equalDims(steps[axis] ?? 0, each)) return false;
    each = mulDims(each, size);
  }
  return true;
}

/** f where a comparison holds exactly where f ≤ 0. */
export function atMostZero(m: Matcher, value: ValueId): IndexForm | undefined {
  const negated = m.made(value, 'not');
  if (negated) {
    const form = atMostZero(m, negated.inputs[0]);
    // f > 0 is 1 − f ≤ 0
    return combined({ constant: 1, steps: [] }, form, -1);
  }
  const comparison = m.made(value, 'less_equal') ?? m.made(value, 'less');
  if (!comparison) return undefined;
  const difference = combined(indexForm(m, comparison.inputs[0]), indexForm(m, comparison.inputs[1]), -1);
  return comparison.op === 'less' ? combined(difference, { constant: 1, steps: [] }, 1) : difference;
}
