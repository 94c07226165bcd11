/** `x[0]`, `x[:, 1:]`, `x[..., ::2]`: indexing as in NumPy, with ints and ranges, whose steps are positive; lists by one of them. */
import { addDims, type Dim, equalDims, isSymbolic, printDim, printShape } from '../../shared/dim.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ValueId } from '../ir/graph.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { NEW_AXIS } from './habits.ts';
import { describe, list, type Value } from './values.ts';

export type IndexItem =
  | { readonly kind: 'at'; readonly index: Dim }
  | { readonly kind: 'range'; readonly from: Dim | undefined; readonly to: Dim | undefined; readonly step: number }
  | { readonly kind: 'rest' };

export function indexTensor(
  e: Evaluation,
  x: { readonly id: ValueId; readonly span: Span },
  items: readonly IndexItem[],
  at: Span,
): Value {
  const { shape } = e.emission.typeOf(x.id);
  const clash = (text: string): never => e.fail(diagnose('shape_clash', { text }, at, e.here()));
  const rests = items.filter((item) => item.kind === 'rest').length;
  if (rests > 1) clash('an index may have one ...');
  const given = items.length - rests;
  if (given > shape.length) clash(`${given} indices are too many for ${printShape(shape)}`);
  const full: IndexItem = { kind: 'range', from: undefined, to: undefined, step: 1 };
  const fill = new Array<IndexItem>(shape.length - given).fill(full);
  const complete = rests ? items.flatMap((item) => (item.kind === 'rest' ? fill : [item])) : [...items, ...fill];

  const starts: Dim[] = [];
  const ends: Dim[] = [];
  const steps: number[] = [];
  const ranges: number[] = [];
  complete.forEach((item, axis) => {
    const size = shape[axis]!;
    // negative counts from the end; a dynamic size cannot be checked here
    const resolve = (bound: Dim): Dim => (!isSymbolic(bound) && bound < 0 ? addDims(size, bound) : bound);
    if (item.kind === 'at') {
      const index = resolve(item.index);
      if (!isSymbolic(index) && (index < 0 || (!isSymbolic(size) && index >= size))) {
        clash(`index ${printDim(item.index)} is outside of axis ${axis} of ${printShape(shape)}`);
      }
      starts.push(index);
      ends.push(addDims(index, 1));
      steps.push(1);
      return;
    }
    if (item.kind === 'rest') return;
    const start = resolve(item.from ?? 0);
    const end = resolve(item.to ?? size);
    if (!isSymbolic(start) && !isSymbolic(end) && (start < 0 || end < start || (!isSymbolic(size) && end > size))) {
      clash(`the range ${printDim(start)}:${printDim(end)} is outside of axis ${axis} of ${printShape(shape)}`);
    }
    starts.push(start);
    ends.push(end);
    steps.push(item.step);
    ranges.push(axis);
  });
  const value: Value = { kind: 'tensor', id: x.id, span: x.span };
  const whole = starts.every((start, axis) => start === 0 && steps[axis] === 1 && equalDims(ends[axis]!, shape[axis]!));
  const sliced = whole
    ? value
    : e.emission.emit('slice', [e.emission.operand(value, at)], { starts, ends, steps }, at)[0]!;
  if (ranges.length === shape.length) return sliced;
  const operand = e.emission.operand(sliced, at);
  return e.emission.emit('reshape', [operand], { shape: ranges.map((axis) => operand.type.shape[axis]!) }, at)[0]!;
}

/** An index of a tensor or of a list. */
export function indexed(e: Evaluation, expression: ast.IndexExpression, frame: Frame): Value {
  const object = e.expression(expression.object, frame);
  const place = (index: ast.Expression): Dim => {
    const value = e.expression(index, frame);
    if (value.kind === 'tensor' || value.kind === 'parameter') refuseTensor(e, value, index.span, object);
    if (value.kind === 'none') {
      const details = { what: 'an index', expected: 'an int or a range', found: 'none' };
      return e.fail(diagnose('wrong_type', details, index.span, { ...e.here(), notes: [NEW_AXIS] }));
    }
    return e.dimOf(value, index.span, 'an index');
  };
  const items = expression.items.map((item): IndexItem => {
    if (item.kind === 'rest') return item;
    if (item.kind === 'at') return { kind: 'at', index: place(item.index) };
    const bound = (end: ast.Expression | undefined): Dim | undefined => end && place(end);
    const step = item.step ? stepOf(e, e.expression(item.step, frame), item.step.span) : 1;
    return { kind: 'range', from: bound(item.from), to: bound(item.to), step };
  });
  if (object.kind === 'list') return indexList(e, object.items, items, expression);
  const id = e.emission.tensorOf(object, expression.object.span, undefined, 'what is indexed');
  return indexTensor(e, { id, span: expression.object.span }, items, expression.span);
}

/** An index is known at compile time; a tensor of indices is an operand of `gather`, one of bools of `where`. */
function refuseTensor(
  e: Evaluation,
  index: Extract<Value, { readonly kind: 'tensor' | 'parameter' }>,
  at: Span,
  object: Value,
): never {
  const bools = index.kind === 'tensor' && e.emission.typeOf(index.id).dtype === 'bool';
  const ofInts =
    object.kind === 'list'
      ? '`gather(stack(items, axis = 0), i)` takes items of a list of tensors at the indices i'
      : '`gather(x, i, axis = 0)` takes slices of x at the indices i, `gather_elements(x, i, axis = 1)` an element of each row';
  const notes = [bools ? 'sizes are fixed: `where(mask, x, 0.0)` keeps the elements where a mask is true' : ofInts];
  const details = { what: 'an index', expected: 'an int that is known at compile time', found: describe(index) };
  return e.fail(diagnose('wrong_type', details, at, { ...e.here(), notes }));
}

function indexList(
  e: Evaluation,
  values: readonly Value[],
  items: readonly IndexItem[],
  { object, items: [syntax], span }: ast.IndexExpression,
): Value {
  const refuse = (expected: string, found: string): never =>
    e.fail(diagnose('wrong_type', { what: 'the index of a list', expected, found }, span, e.here()));
  const dynamic = (): never => refuse('known at compile time', 'a dynamic dimension');
  const [only] = items;
  if (items.length !== 1 || only?.kind === 'rest' || !only) return refuse('one int or range', 'several');
  if (only.kind === 'range') {
    const [from, to] = [only.from ?? 0, only.to ?? values.length];
    if (isSymbolic(from) || isSymbolic(to)) return dynamic();
    const part = values.slice(from, to).filter((_, index) => index % only.step === 0);
    e.effort.step(span, part.length);
    return list(part);
  }
  if (isSymbolic(only.index)) return dynamic();
  const found = values.at(only.index);
  if (found) return found;
  const at = syntax?.kind === 'at' ? syntax.index.span : span;
  const secondary = [{ span: object.span, message: `this is a list of ${values.length}` }];
  const details = { index: only.index, size: values.length };
  return e.fail(diagnose('index_out_of_range', details, at, { ...e.here(), secondary }));
}

function stepOf(e: Evaluation, value: Value, at: Span): number {
  const what = 'the step of a range';
  const step = e.intOf(value, at, what);
  if (step >= 1) return step;
  const details = { what, expected: 'an int of at least 1', found: String(step) };
  const notes = ['`flip(x, [axis])` turns an axis round'];
  return e.fail(diagnose('wrong_type', details, at, { ...e.here(), notes }));
}
