/** Who sees whom in attention, of a boolean tensor that exporters compute: a triangle, a window, keys that are padding, anything else. */
import { addDims, atLeastZero, type Dim, equalDims, equalShapes, type Shape, subDims } from '../../shared/dim.ts';
import type { AnyNode, ValueId } from '../ir/graph.ts';
import { atMostZero, type IndexForm } from './index-forms.ts';
import type { Matcher } from './matcher.ts';

export interface Visibility {
  readonly causal: boolean;
  readonly window: number | undefined;
  /** [B, S], or [B or 1, H or 1, T, S] */
  readonly mask: ValueId | undefined;
}

/** [B, H, T, S] */
export type ScoreShape = readonly [Dim, Dim, Dim, Dim];

interface Parts {
  causal: boolean;
  window: number | undefined;
  readonly keys: ValueId[];
  readonly others: ValueId[];
}

export function visibilityOf(m: Matcher, seen: ValueId, scores: ScoreShape, node: AnyNode): Visibility | undefined {
  const parts: Parts = { causal: false, window: undefined, keys: [], others: [] };
  for (const one of conjuncts(m, seen)) sort(m, one, scores, parts);
  // a window without a triangle is a mask like any other: both are found or none
  if (parts.window !== undefined && !parts.causal) return undefined;
  const { causal, window, keys, others } = parts;
  const mask = maskOf(m, keys, others, scores, node);
  return mask === 'unfit' ? undefined : { causal, window, mask };
}

/** What has to hold, all of it, for a key to be seen. */
function conjuncts(m: Matcher, value: ValueId): readonly ValueId[] {
  const both = m.made(value, 'and');
  if (both) return both.inputs.flatMap((operand) => conjuncts(m, operand));
  const view = m.made(value, 'reshape') ?? m.made(value, 'expand');
  // an axis more in front is the same where it broadcasts
  if (view && equalShapes(withoutOnes(m.type(view.inputs[0]).shape), withoutOnes(m.type(value).shape)))
    return m.made(view.inputs[0], 'and') ? conjuncts(m, view.inputs[0]) : [value];
  return [value];
}

function withoutOnes(shape: Shape): Shape {
  const first = shape.findIndex((dim) => !equalDims(dim, 1));
  return first < 0 ? [] : shape.slice(first);
}

function sort(m: Matcher, value: ValueId, scores: ScoreShape, parts: Parts): void {
  if (m.filled(value) === 1) return;
  const form = atMostZero(m, bare(m, value));
  const [, , queries, keys] = scores;
  const last = subDims(keys, queries);
  const bySteps = form && kindOf(form);
  // s − t − (S − T) ≤ 0
  if (bySteps === 'causal' && equalDims(addDims(form!.constant, last), 0)) parts.causal = true;
  else if (bySteps === 'window' && windowOf(form!, last) !== undefined) parts.window = windowOf(form!, last);
  else if (bySteps === 'always') return;
  else (isOfKeys(m.type(value).shape, scores) ? parts.keys : parts.others).push(value);
}

/** Without axes of size 1 in front, and without copies. */
function bare(m: Matcher, value: ValueId): ValueId {
  const view = m.made(value, 'reshape') ?? m.made(value, 'expand');
  if (!view) return value;
  const [from, to] = [withoutOnes(m.type(view.inputs[0]).shape), withoutOnes(m.type(value).shape)];
  return view.op === 'expand' || equalShapes(from, to) ? bare(m, view.inputs[0]) : value;
}

function kindOf({ constant, steps }: IndexForm): 'causal' | 'window' | 'always' | undefined {
  const [s = 0, t = 0, ...more] = steps;
  if (more.some((step) => !equalDims(step, 0))) return undefined;
  if (s === 1 && t === -1) return 'causal';
  if (s === -1 && t === 1) return 'window';
  return s === 0 && t === 0 && atLeastZero(subDims(0, constant)) === 'always' ? 'always' : undefined;
}

/** t + (S − T) − s − W + 1 ≤ 0 */
function windowOf({ constant }: IndexForm, last: Dim): number | undefined {
  const window = addDims(subDims(last, constant), 1);
  return typeof window === 'number' && window >= 1 ? window : undefined;
}

/** [B or 1, 1, 1, S] */
function isOfKeys(shape: Shape, [batch, , queries, keys]: ScoreShape): boolean {
  if (shape.length !== 4 || !equalDims(shape[1]!, 1) || !equalDims(shape[2]!, 1)) return false;
  // one query's row of keys and a row for each image's keys are the same
  return equalDims(shape[3]!, keys) && (equalDims(shape[0]!, batch) || (equalDims(shape[0]!, 1) && queries !== 1));
}

function maskOf(
  m: Matcher,
  keys: readonly ValueId[],
  others: readonly ValueId[],
  scores: ScoreShape,
  node: AnyNode,
): ValueId | undefined | 'unfit' {
  const [batch, , , length] = scores;
  if (others.length === 0) {
    if (keys.length === 0) return undefined;
    const rows = keys.map((value) => m.reshape(value, [m.type(value).shape[0]!, length], m.maker(value) ?? node));
    const both = all(m, rows, node);
    return m.expand(both, [batch, length], m.maker(both) ?? node);
  }
  return perQuery(m, all(m, [...keys, ...others], node), scores, node) ?? 'unfit';
}

const all = (m: Matcher, values: readonly ValueId[], node: AnyNode): ValueId =>
  values.reduce((a, b) => m.emit('and', [a, b], {}, node));

/** The value as [B or 1, H or 1, T, S], where it broadcasts to that. */
export function perQuery(m: Matcher, value: ValueId, scores: ScoreShape, node: AnyNode): ValueId | undefined {
  const given = m.type(value).shape;
  if (given.length > 4) return undefined;
  const shape = [...new Array<Dim>(4 - given.length).fill(1), ...given];
  if (shape.some((dim, axis) => !equalDims(dim, 1) && !equalDims(dim, scores[axis]!))) return undefined;
  const place = m.maker(value) ?? node;
  return m.expand(m.reshape(value, shape, place), [shape[0]!, shape[1]!, scores[2], scores[3]], place);
}
