/** `x[0]`, `x[:, 1:]`, `x[..., -1]`: indexing as in NumPy, with ints and ranges of step 1. */
import { addDims, type Dim, equalDims, isSymbolic, printDim, printShape, subDims } from '../../shared/dim.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ValueId } from '../ir/graph.ts';
import type { Evaluator } from './evaluator.ts';
import type { Value } from './values.ts';

export type IndexItem =
  | { readonly kind: 'at'; readonly index: Dim }
  | { readonly kind: 'range'; readonly from: Dim | undefined; readonly to: Dim | undefined }
  | { readonly kind: 'rest' };

export function indexTensor(
  e: Evaluator,
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
  const full: IndexItem = { kind: 'range', from: undefined, to: undefined };
  const fill = new Array<IndexItem>(shape.length - given).fill(full);
  const complete = rests ? items.flatMap((item) => (item.kind === 'rest' ? fill : [item])) : [...items, ...fill];

  const starts: Dim[] = [];
  const ends: Dim[] = [];
  const kept: Dim[] = [];
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
    kept.push(subDims(end, start));
  });
  const value: Value = { kind: 'tensor', id: x.id, span: x.span };
  const whole = starts.every((start, axis) => start === 0 && equalDims(ends[axis]!, shape[axis]!));
  const sliced = whole
    ? value
    : e.emission.emit('slice', [e.emission.operand(value, at)], { starts, ends, steps: shape.map(() => 1) }, at)[0]!;
  if (kept.length === shape.length) return sliced;
  return e.emission.emit('reshape', [e.emission.operand(sliced, at)], { shape: kept }, at)[0]!;
}
