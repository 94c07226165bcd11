/**
 * Algebraic identities: nodes that compute nothing disappear, chains of views become one view.
 *
 * Invariants: results are equal as numbers for every input, NaN and infinities included, so x·0 → 0 and
 * (x·a)·b → x·(ab) are not here; only the sign of a zero may differ (x + 0 → x keeps −0). A value is
 * replaced only by one of its exact type. One sweep in order: operands are simplified before their users,
 * and what a rule makes is simplified again. Nodes left without users are for dce.
 *
 *   %1 = transpose(%0, permutation=[1, 0])
 *   %2 = transpose(%1, permutation=[1, 0])    →    %1 = exp(%0)
 *   %3 = mul(%2, const 1)
 *   %4 = exp(%3)
 */
import { equalDims, equalShapes } from '../../shared/dim.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { AnyNode, Graph, Node, ValueId } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';
import type { OpName } from '../ops/attributes.ts';
import { mapOperands } from '../ops/operands.ts';

/** A node as a rule sees and makes it: over new values, not yet in the graph. */
type Draft<N extends OpName = OpName> = Pick<Node<N>, 'op' | 'inputs' | 'attributes'>;
type AnyDraft = { [N in OpName]: Draft<N> }[OpName];

/** An existing value, another node to try in its place, or nothing when the rule does not apply. */
type Replacement = ValueId | AnyDraft | undefined;
type Rule<N extends OpName> = (draft: Draft<N>, rewriter: Rewriter) => Replacement;

export function simplify(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    const inputs = mapOperands<OpName, ValueId, ValueId>(node.op, node.inputs, (value) => rewriter.valueOf(value));
    const original = { op: node.op, inputs, attributes: node.attributes } as AnyDraft;
    const simplest = reduce(original, rewriter);
    if (simplest === original) {
      rewriter.copy(node);
    } else {
      const value = typeof simplest === 'number' ? simplest : emit(simplest, node, rewriter);
      rewriter.replace(node.outputs[0], value);
    }
  }
  return rewriter.finish();
}

/** Applies rules until none fits. Ends: each rule gives a value or a node over operands further up. */
function reduce(draft: AnyDraft, rewriter: Rewriter): ValueId | AnyDraft {
  const next = apply(draft, rewriter);
  if (next === undefined) return draft;
  return typeof next === 'number' ? next : reduce(next, rewriter);
}

function apply<N extends OpName>(draft: Draft<N>, rewriter: Rewriter): Replacement {
  return RULES[draft.op]?.(draft, rewriter);
}

function emit<N extends OpName>(draft: Draft<N>, { origin }: AnyNode, rewriter: Rewriter): ValueId {
  return rewriter.emit(draft.op, draft.inputs, draft.attributes, origin)[0];
}

// --- what rules ask -------------------------------------------------------------------------------------

function producer<N extends OpName>(op: N, value: ValueId, rewriter: Rewriter): Node<N> | undefined {
  const node = rewriter.producerOf(value);
  return node?.op === op ? (node as unknown as Node<N>) : undefined;
}

const isAll = (tensor: WideTensor | undefined, wanted: number): boolean =>
  tensor?.data.every((element) => element === wanted) ?? false;

/** `kept` when `other` is a constant of only `neutral` that does not stretch it. */
function neutral(rewriter: Rewriter, kept: ValueId, other: ValueId, neutral: number): ValueId | undefined {
  if (!isAll(rewriter.constantOf(other), neutral)) return undefined;
  const { shape } = rewriter.typeOf(kept);
  const stretch = rewriter.typeOf(other).shape;
  const missing = shape.length - stretch.length;
  const keeps = missing >= 0 && stretch.every((dim, axis) => dim === 1 || equalDims(dim, shape[axis + missing]!));
  return keeps ? kept : undefined;
}

const eitherNeutral =
  (value: number): Rule<'add' | 'mul'> =>
  ({ inputs: [a, b] }, rewriter) =>
    neutral(rewriter, a, b, value) ?? neutral(rewriter, b, a, value);

const rightNeutral =
  (value: number): Rule<'sub' | 'div' | 'pow'> =>
  ({ inputs: [a, b] }, rewriter) =>
    neutral(rewriter, a, b, value);

/** f(f(x)) → x */
const involution =
  (op: 'neg' | 'not'): Rule<'neg' | 'not'> =>
  ({ inputs: [x] }, rewriter) =>
    producer(op, x, rewriter)?.inputs[0];

const foldsNothing: Rule<'sum' | 'mean' | 'max' | 'min' | 'flip'> = ({ inputs: [x], attributes: { axes } }) =>
  axes.length === 0 ? x : undefined;

const sameShape: Rule<'reshape' | 'expand'> = ({ inputs: [x], attributes: { shape } }, rewriter) =>
  equalShapes(rewriter.typeOf(x).shape, shape) ? x : undefined;

/** Powers of two whose reciprocal is exact and normal in f32 too. */
function exactReciprocal(value: number): boolean {
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) <= 126 && 2 ** exponent === Math.abs(value);
}

/**
 * pad(x) + pad(y), zeros around two blocks that lie side by side along one axis → pad(concat(x, y)): what the gradients
 * of a value's slices add up to. Another block joins the same concat.
 */
const sideBySide: Rule<'add'> = ({ inputs: [a, b] }, rewriter) => {
  const [p, q] = [producer('pad', a!, rewriter), producer('pad', b!, rewriter)];
  if (!p || !q || p.attributes.value !== 0 || q.attributes.value !== 0) return undefined;
  if (!equalShapes(rewriter.typeOf(a).shape, rewriter.typeOf(b).shape)) return undefined; // one is stretched
  const differs = (_: number, axis: number): boolean =>
    p.attributes.before[axis] !== q.attributes.before[axis] || p.attributes.after[axis] !== q.attributes.after[axis];
  const axis = p.attributes.before.findIndex(differs);
  if (axis < 0 || p.attributes.before.filter(differs).length > 1) return undefined;
  const [first, second] = p.attributes.before[axis]! < q.attributes.before[axis]! ? [p, q] : [q, p];
  const size = rewriter.typeOf(first.inputs[0]).shape[axis];
  if (typeof size !== 'number' || first.attributes.before[axis]! + size !== second.attributes.before[axis]) {
    return undefined;
  }
  const parts = [first, second].flatMap(({ inputs: [x] }) => {
    const joined = producer('concat', x!, rewriter);
    return joined?.attributes.axis === axis ? joined.inputs : [x];
  });
  const [joined] = rewriter.emit('concat', parts, { axis }, first.origin);
  const { before } = first.attributes;
  return { op: 'pad', inputs: [joined], attributes: { before, after: second.attributes.after, value: 0 } };
};

// --- the rules ------------------------------------------------------------------------------------------

const RULES: { readonly [N in OpName]?: Rule<N> } = {
  // x + 0, 0 + x → x; x·1, 1·x → x
  add: (draft, rewriter) => eitherNeutral(0)(draft, rewriter) ?? sideBySide(draft, rewriter),
  mul: eitherNeutral(1),
  // x − 0, x/1, x¹ → x
  sub: rightNeutral(0),
  pow: rightNeutral(1),
  div(draft, rewriter) {
    const [x, by] = draft.inputs;
    const same = rightNeutral(1)(draft, rewriter);
    if (same !== undefined) return same;
    // x/c → x·(1/c), where that is the same number: c a power of two
    const divisor = rewriter.constantOf(by);
    if (!divisor?.data.every(exactReciprocal)) return undefined;
    const factor = rewriter.constant({ ...divisor, data: divisor.data.map((value) => 1 / value) });
    return { op: 'mul', inputs: [x!, factor], attributes: {} };
  },
  neg: involution('neg'),
  not: involution('not'),
  cast: ({ inputs: [x], attributes: { to } }, rewriter) => (rewriter.typeOf(x).dtype === to ? x : undefined),

  sum: foldsNothing,
  mean: foldsNothing,
  max: foldsNothing,
  min: foldsNothing,
  flip: foldsNothing,

  reshape(draft, rewriter) {
    const [x] = draft.inputs;
    const before = producer('reshape', x!, rewriter);
    if (before) return { op: 'reshape', inputs: before.inputs, attributes: draft.attributes };
    return sameShape(draft, rewriter);
  },
  expand(draft, rewriter) {
    const [x] = draft.inputs;
    const before = producer('expand', x!, rewriter);
    if (before) return { op: 'expand', inputs: before.inputs, attributes: draft.attributes };
    return sameShape(draft, rewriter);
  },
  transpose({ inputs: [x], attributes: { permutation } }, rewriter) {
    if (permutation.every((axis, i) => axis === i)) return x;
    const before = producer('transpose', x!, rewriter);
    if (!before) return undefined;
    const combined = permutation.map((axis) => before.attributes.permutation[axis]!);
    return { op: 'transpose', inputs: before.inputs, attributes: { permutation: combined } };
  },
  // every axis from 0 to its end
  slice({ inputs: [x], attributes: { starts, ends, steps } }, rewriter) {
    const { shape } = rewriter.typeOf(x!);
    const whole = shape.every((dim, axis) => starts[axis] === 0 && steps[axis] === 1 && equalDims(ends[axis]!, dim));
    return whole ? x : undefined;
  },
  pad: ({ inputs: [x], attributes: { before, after } }) =>
    [...before, ...after].every((amount) => amount === 0) ? x : undefined,
  concat: ({ inputs }) => (inputs.length === 1 ? inputs[0] : undefined),
  split: ({ inputs, attributes: { sizes } }) => (sizes.length === 1 ? inputs[0] : undefined),
};
