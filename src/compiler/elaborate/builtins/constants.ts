/** Tensors of numbers that stand in the program. */
import { sizeOf, type WideTensor } from '../../../shared/tensor.ts';
import { diagnose } from '../../diagnostics/catalogue.ts';
import { MAX_RANK } from '../../ir/graph.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import { describe, type Value } from '../values.ts';

/** Elements of a tensor that is written out: every graph that uses it holds them. */
const MOST = 65_536;

type Scalar = Extract<Value, { kind: 'int' | 'float' | 'bool' }>;

const isScalar = (value: Value): value is Scalar =>
  value.kind === 'int' || value.kind === 'float' || value.kind === 'bool';

export const tensor: Builtin = {
  name: 'tensor',
  doc: 'A constant of numbers that are known at compile time, by nested lists: `tensor([[1, 0], [0, 1]])` is int [2, 2], with a float among them it is of floats; `tensor([true, false])` is bool. At most 65,536 elements.',
  parameters: ['values'],
  call(c) {
    const { trace } = c.evaluator;
    if (!trace)
      return c.evaluator.fail(diagnose('tensor_at_compile_time', { name: c.name }, c.span, c.evaluator.here()));
    return { kind: 'tensor', id: trace.builder.constant(constantOf(c)), span: c.span };
  },
};

function constantOf(c: BoundCall): WideTensor {
  const refuse = (problem: string): never =>
    c.evaluator.fail(diagnose('tensor_values', { problem }, c.argument('values').span, c.evaluator.here()));
  const value = c.value('values');
  const shape = shapeOf(value);
  if (shape.length > MAX_RANK) refuse(`lists are nested ${shape.length} deep, and a tensor may have ${MAX_RANK} axes`);
  if (sizeOf(shape) > MOST)
    refuse(
      `it has ${sizeOf(shape)} elements, and at most ${MOST} are written in a program: make it a parameter or an input`,
    );
  const scalars: Scalar[] = [];
  const collect = (item: Value, axis: number): void => {
    if (item.kind !== 'list' && axis < shape.length) refuse(`a list of ${shape[axis]} stands beside ${describe(item)}`);
    if (item.kind === 'list') {
      if (item.items.length !== shape[axis]) refuse(unequal(shape, axis, item.items.length));
      for (const one of item.items) collect(one, axis + 1);
    } else if (isScalar(item)) scalars.push(item);
    else refuse(`its elements are numbers or bools, and ${describe(item)} is among them`);
  };
  collect(value, 0);
  if (scalars.length === 0) refuse('an empty list has no element type');
  const kinds = new Set(scalars.map(({ kind }) => kind));
  if (kinds.has('bool') && kinds.size > 1) refuse('numbers and bools are in one list');
  const dtype = kinds.has('bool') ? 'bool' : kinds.has('float') ? 'f32' : 'i64';
  return { dtype, shape, data: Float64Array.from(scalars, ({ value: number }) => Number(number)) };
}

const unequal = (shape: readonly number[], axis: number, found: number): string =>
  shape[axis] === undefined
    ? `a list stands beside a number`
    : `a list has ${found} items and the first beside it ${shape[axis]}`;

/** By the first item of each list. */
function shapeOf(value: Value): number[] {
  const shape: number[] = [];
  for (let at: Value | undefined = value; at?.kind === 'list'; at = at.items[0]) shape.push(at.items.length);
  return shape;
}
