/**
 * softmax(scale · q kᵀ + bias, what is hidden left out) v as attention, as PyTorch's exporters, transformers and MDL write it. A query that
 * sees no key is NaN in a file that does not look at it and 0 in MDL's attention; the import says so.
 */
import { type Dim, divideDims, equalDims, equalShapes } from '../../shared/dim.ts';
import type { AnyNode, ValueId } from '../ir/graph.ts';
import type { Matcher } from './matcher.ts';
import { perQuery, type ScoreShape, type Visibility, visibilityOf } from './patterns-mask.ts';

/** Scores that are filled with less than this are hidden: what is added to it is lost. */
const LOWEST = -1e30;

/** A value without the number that it is multiplied by. */
function unscaled(m: Matcher, value: ValueId): readonly [ValueId, number] {
  const product = m.made(value, 'mul');
  for (const [x, by] of product ? [product.inputs, product.inputs.toReversed()] : []) {
    const scale = by === undefined ? undefined : m.scalar(by);
    if (scale !== undefined) return [x!, scale];
  }
  const quotient = m.made(value, 'div');
  const divisor = quotient && m.scalar(quotient.inputs[1]!);
  return divisor === undefined ? [value, 1] : [quotient!.inputs[0]!, 1 / divisor];
}

interface Scored {
  readonly q: ValueId;
  readonly k: ValueId;
  readonly scale: number;
  readonly cap: number | undefined;
}

interface Shown extends Scored {
  readonly seen: Visibility;
  readonly bias: ValueId | undefined;
  /** whether all scores of a query may be −∞ */
  readonly blind: boolean;
}

const SEES_ALL: Visibility = { causal: false, window: undefined, mask: undefined };

/** Keys [B, G, S, D] of what queries are multiplied by, [B, G or H, D, S], and what they are scaled by. */
function keysOf(m: Matcher, value: ValueId, node: AnyNode): readonly [ValueId, number] | undefined {
  const [product, outer] = unscaled(m, value);
  const turned = m.made(product, 'transpose');
  if (!turned) return undefined;
  const [x, inner] = unscaled(m, turned.inputs[0]);
  const order = turned.attributes.permutation.join();
  if (order === '0,1,3,2') return [shared(m, x), outer * inner];
  if (order !== '0,2,3,1') return undefined;
  return [m.emit('transpose', [x], { permutation: [0, 2, 1, 3] }, node), outer * inner];
}

/** Keys or values before they are repeated for the heads that share them: [B, G, S, D] of [B, G · r, S, D]. */
function shared(m: Matcher, value: ValueId): ValueId {
  const merged = m.made(value, 'reshape');
  const repeated = merged && m.made(merged.inputs[0], 'expand');
  const apart = repeated && m.made(repeated.inputs[0], 'reshape');
  if (!apart) return value;
  const [from, wide, to] = [m.type(apart.inputs[0]).shape, m.type(repeated!.outputs[0]).shape, m.type(value).shape];
  if (from.length !== 4 || wide.length !== 5 || to.length !== 4) return value;
  const [batch, groups, length, width] = from;
  const copies = wide[2]!;
  const fits =
    equalShapes(m.type(repeated!.inputs[0]).shape, [batch!, groups!, 1, length!, width!]) &&
    equalShapes(wide, [batch!, groups!, copies, length!, width!]) &&
    divideDims(to[1]!, groups!) !== undefined &&
    equalDims(divideDims(to[1]!, groups!)!, copies);
  return fits ? apart.inputs[0] : value;
}

/** c · tanh(x / c) as x and c */
function uncapped(m: Matcher, value: ValueId): readonly [ValueId, number | undefined] {
  const [bent, cap] = unscaled(m, value);
  const tanh = m.made(bent, 'tanh');
  if (!tanh) return [value, undefined];
  const [x, by] = unscaled(m, tanh.inputs[0]);
  return Math.abs(by * cap - 1) < 1e-6 ? [x, cap] : [value, undefined];
}

/** The product of queries and keys, which heads that share keys may have as rows of one. */
function scoredBy(m: Matcher, value: ValueId, shape: ScoreShape, node: AnyNode): Scored | undefined {
  const [whole, cap] = uncapped(m, value);
  const [scores, outer] = unscaled(m, whole);
  const grouped = m.made(scores, 'reshape');
  const product = m.made(grouped ? grouped.inputs[0] : scores, 'matmul');
  if (!product || product.attributes.transpose_a || product.attributes.transpose_b) return undefined;
  const [rows, rowScale] = unscaled(m, product.inputs[0]);
  const together = grouped && m.made(rows, 'reshape');
  if (grouped && !together) return undefined;
  const [q, queryScale] = together ? unscaled(m, together.inputs[0]) : [rows, 1];
  if (m.type(product.inputs[1]).shape.length !== 4 || m.type(q).shape.length !== 4) return undefined;
  const found = keysOf(m, product.inputs[1], node);
  if (!found) return undefined;
  const [k, keyScale] = found;
  const [batch, heads, queries, width] = m.type(q).shape as [Dim, Dim, Dim, Dim];
  const [keyBatch, groups, keys] = m.type(k).shape as [Dim, Dim, Dim];
  // the product would broadcast what attention does not
  if (!equalShapes([batch, heads, queries, keys], shape) || !equalDims(keyBatch, batch)) return undefined;
  if (typeof divideDims(heads, groups) !== 'number' || typeof width !== 'number') return undefined;
  return { q, k, scale: outer * rowScale * queryScale * keyScale, cap };
}

/** What is added to scores, or put in their place, as what is seen and a bias. */
function shownBy(m: Matcher, value: ValueId, shape: ScoreShape, node: AnyNode): Shown | undefined {
  const plain = scoredBy(m, value, shape, node);
  if (plain) return { ...plain, seen: SEES_ALL, bias: undefined, blind: false };
  const choice = m.made(value, 'where');
  if (choice) {
    const hidden = hiddenBy(m, choice.inputs, node);
    const inner = hidden && shownBy(m, hidden.rest, shape, node);
    return inner && hide(m, inner, hidden, shape, node);
  }
  const sum = m.made(value, 'add');
  if (!sum) return undefined;
  for (const [scores, added] of [sum.inputs, sum.inputs.toReversed()] as [ValueId, ValueId][]) {
    const inner = shownBy(m, scores, shape, node);
    if (!inner) continue;
    const choice = m.made(bareOf(m, added), 'where');
    const hidden = choice && hiddenBy(m, choice.inputs, node);
    if (hidden && m.filled(hidden.rest) === 0) return hide(m, inner, hidden, shape, node);
    const whole = biased(m, inner, added, shape, node);
    return whole && { ...whole, blind: true };
  }
  return undefined;
}

interface Hidden {
  readonly seen: ValueId;
  readonly rest: ValueId;
  readonly fill: number;
}

/** where(seen, rest, fill), or the other way round */
function hiddenBy(m: Matcher, inputs: readonly ValueId[], node: AnyNode): Hidden | undefined {
  const [condition, then, otherwise] = inputs as [ValueId, ValueId, ValueId];
  const [a, b] = [m.filled(then), m.filled(otherwise)];
  if (b !== undefined && b < LOWEST) return { seen: condition, rest: then, fill: b };
  if (a === undefined || a >= LOWEST) return undefined;
  const negated = m.made(condition, 'not');
  return { seen: negated ? negated.inputs[0] : m.emit('not', [condition], {}, node), rest: otherwise, fill: a };
}

function bareOf(m: Matcher, value: ValueId): ValueId {
  const view = m.made(value, 'expand');
  return view ? bareOf(m, view.inputs[0]) : value;
}

function hide(m: Matcher, inner: Shown, { seen, fill }: Hidden, shape: ScoreShape, node: AnyNode): Shown | undefined {
  const found = inner.seen === SEES_ALL ? visibilityOf(m, seen, shape, node) : undefined;
  // with a number in place of −∞ a query that sees no key sees all of them; a triangle leaves it one
  if (found && (fill === Number.NEGATIVE_INFINITY || found.mask === undefined))
    return { ...inner, seen: found, blind: inner.blind || found.mask !== undefined };
  // what is added to either is lost, and a target may keep less for scores than float32 has
  const bias = m.emit('where', [seen, m.number(0), m.number(Math.max(fill, LOWEST))], {}, node);
  return biased(m, inner, bias, shape, node);
}

function biased(m: Matcher, inner: Shown, added: ValueId, shape: ScoreShape, node: AnyNode): Shown | undefined {
  const both = inner.bias === undefined ? added : m.emit('add', [inner.bias, added], {}, node);
  const bias = perQuery(m, both, shape, node);
  return bias === undefined ? undefined : { ...inner, bias };
}

/** The softmax, also where what is NaN in it becomes 0. */
function probabilities(m: Matcher, value: ValueId): { readonly shown: ValueId; readonly guarded: boolean } | undefined {
  const choice = m.made(value, 'where');
  const guarded =
    choice !== undefined && m.filled(choice.inputs[1]) === 0 && m.isNaNOf(choice.inputs[0], choice.inputs[2]);
  const softmax = m.made(guarded ? choice.inputs[2] : value, 'softmax');
  return softmax?.attributes.axis === 3 && m.isUsedOnce(value) ? { shown: softmax.inputs[0], guarded } : undefined;
}

/** Values without the zeros in place of those that nobody sees, where the mask says the same. */
function valuesOf(m: Matcher, value: ValueId, mask: ValueId | undefined): ValueId {
  const choice = m.made(value, 'where');
  if (!choice || mask === undefined || m.type(mask).shape.length !== 2 || m.filled(choice.inputs[2]) !== 0)
    return value;
  const rows = m.made(choice.inputs[0], 'reshape');
  const [batch, length] = m.type(mask).shape as [Dim, Dim];
  const isMask =
    rows !== undefined &&
    m.root(rows.inputs[0]) === m.root(mask) &&
    equalShapes(m.type(choice.inputs[0]).shape, [batch, 1, length, 1]);
  return isMask ? choice.inputs[1] : value;
}

function attended(m: Matcher, p: ValueId, given: ValueId, node: AnyNode): ValueId | undefined {
  const found = probabilities(m, p);
  const shape = m.type(p).shape as ScoreShape;
  if (!found || shape.length !== 4 || m.type(given).shape.length !== 4) return undefined;
  const shown = shownBy(m, found.shown, shape, node);
  if (!shown) return undefined;
  const { q, k, scale, cap, seen, bias, blind } = shown;
  const v = valuesOf(m, shared(m, given), seen.mask);
  const [kShape, vShape] = [m.type(k).shape, m.type(v).shape];
  if ([0, 1, 2].some((axis) => !equalDims(kShape[axis]!, vShape[axis]!))) return undefined;
  const usual = Math.abs(scale * Math.sqrt(Number(m.type(q).shape[3])) - 1) < 1e-6;
  const operands = [q, k, v, ...(seen.mask === undefined ? [] : [seen.mask]), ...(bias === undefined ? [] : [bias])];
  const y = m.emit(
    'attention',
    operands,
    {
      causal: seen.causal,
      scale: usual ? null : scale,
      ...(seen.window === undefined ? {} : { window: seen.window }),
      ...(cap === undefined ? {} : { soft_cap: cap }),
      ...(bias === undefined ? {} : { biased: true }),
    },
    node,
  );
  m.attended.set(y, { shown: found.shown, open: blind && !found.guarded });
  return y;
}

export function attentionOf(m: Matcher, node: AnyNode): ValueId | undefined {
  const [p, v] = node.inputs as [ValueId, ValueId];
  return attended(m, p, v, node);
}

/** Heads that share keys as rows of one product: [B, G, r · T, E] as [B, H, T, E] */
export function groupedAttentionOf(m: Matcher, node: AnyNode): ValueId | undefined {
  const product = m.made(node.inputs[0]!, 'matmul');
  const rows = product && m.made(product.inputs[0], 'reshape');
  if (!rows) return undefined;
  const [p, v] = [rows.inputs[0], product!.inputs[1]];
  const [shape, result] = [m.type(p).shape, m.type(node.outputs[0]!).shape];
  const fits =
    shape.length === 4 &&
    result.length === 4 &&
    equalShapes(shape.slice(0, 3), result.slice(0, 3)) &&
    equalDims(m.type(v).shape.at(-1)!, result[3]!);
  return fits ? attended(m, p, v, node) : undefined;
}

/** Zeros in place of what queries without keys would be: attention gives them itself. */
export function withoutBlindRows(m: Matcher, node: AnyNode): ValueId | undefined {
  const [condition, zero, y] = node.inputs as [ValueId, ValueId, ValueId];
  const found = m.attended.get(y);
  if (!found || m.filled(zero) !== 0 || !isBlind(m, condition, found.shown)) return undefined;
  m.attended.set(y, { ...found, open: false });
  return y;
}

/** Whether a condition holds exactly where all scores of a query are −∞, or there is no key. */
function isBlind(m: Matcher, value: ValueId, shown: ValueId): boolean {
  const either = m.made(value, 'or');
  if (either) {
    const [a, b] = either.inputs;
    return (isBlind(m, a, shown) && isNoKey(m, b, shown)) || (isBlind(m, b, shown) && isNoKey(m, a, shown));
  }
  const both = m.made(value, 'and');
  const parts = both ? both.inputs : [];
  const kinds = parts.map((part) => lowest(m, part, shown));
  return kinds.includes('max') && kinds.includes('sum');
}

function lowest(m: Matcher, value: ValueId, shown: ValueId): 'max' | 'sum' | undefined {
  const equal = m.made(value, 'equal');
  if (!equal || m.filled(equal.inputs[1]) !== Number.NEGATIVE_INFINITY) return undefined;
  const reduced = m.made(equal.inputs[0], 'max') ?? m.made(equal.inputs[0], 'sum');
  const fits = reduced?.inputs[0] === shown && reduced.attributes.keepdims && reduced.attributes.axes.join() === '3';
  return fits ? (reduced!.op as 'max' | 'sum') : undefined;
}

/** S == 0 */
function isNoKey(m: Matcher, value: ValueId, shown: ValueId): boolean {
  const equal = m.made(value, 'equal');
  const size = equal && m.made(m.root(equal.inputs[0]), 'dim_size');
  return (
    size !== undefined && m.filled(equal!.inputs[1]) === 0 && equalDims(size.attributes.dim, m.type(shown).shape[3]!)
  );
}
