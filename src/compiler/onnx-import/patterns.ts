/**
 * Composite operators found again in the plain ones that exporters write. A pattern stands here only when both sides mean the same for
 * every input, NaN and infinities included, so that an imported graph computes what the file does, rounding apart. The one exception
 * is said aloud: a query that sees no key is 0 in MDL's attention, and NaN in a softmax that nothing is done about.
 */
import { addDims, type Dim, equalDims, equalShapes, productOf } from '../../shared/dim.ts';
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';
import type { OpName } from '../ops/attributes.ts';
import { dce } from '../passes/dce.ts';
import { counts, indexForm } from './index-forms.ts';
import { Matcher, type Tables } from './matcher.ts';
import { attentionOf, groupedAttentionOf, withoutBlindRows } from './patterns-attention.ts';
import { partlyTurned, rotaryByHalves, rotaryOf } from './patterns-rotary.ts';

type Pattern = (m: Matcher, node: AnyNode) => ValueId | undefined;

export interface Found {
  readonly graph: Graph;
  /** what is otherwise than in the file */
  readonly notes: readonly string[];
}

/** @param positions that rotary embeddings may have which the file computes for any */
export function findPatterns(graph: Graph, tables: Tables, positions: number | undefined): Found {
  const rewriter = new Rewriter(graph);
  const m = new Matcher(graph, rewriter, tables, positions);
  for (const node of graph.nodes) {
    rewriter.copy(node);
    const [output] = node.outputs;
    m.count(output!);
    const patterns = PATTERNS[node.op] ?? [];
    const made = rewriter.producerOf(rewriter.valueOf(output!))!;
    for (const pattern of patterns) {
      const found = pattern(m, made);
      if (found === undefined) continue;
      rewriter.replace(output!, found);
      m.count(output!);
      break;
    }
  }
  const open = [...m.attended.values()].filter((each) => each.open).length;
  const notes = open === 0 ? [] : [`${open} × attention: a query that sees no key is NaN in the file and 0 here`];
  if (m.anyPosition)
    notes.push('rotary embeddings are written with cos and sin, for any position: --positions N makes them rotary(…)');
  return { graph: dce(rewriter.finish()), notes };
}

/** A linear layer of rows, which exporters have as a matrix [B · T, width]. */
const rowsOfLinear: Pattern = (m, node) => {
  const linear = m.made(node.inputs[0]!, 'linear');
  const flat = linear && m.made(linear.inputs[0]!, 'reshape');
  if (!flat) return undefined;
  const flatShape = m.type(linear.inputs[0]!).shape;
  const [to, out] = [m.type(node.outputs[0]!).shape, m.type(linear.outputs[0]!).shape.at(-1)!];
  const lead = to.slice(0, -1);
  if (
    flatShape.length !== 2 ||
    to.length < 2 ||
    !equalDims(to.at(-1)!, out) ||
    !equalDims(productOf(lead), flatShape[0]!)
  )
    return undefined;
  const [x] = flat.inputs;
  // a view belongs to what is before the layer
  const rows = m.reshape(x, [...lead, flatShape[1]!], m.maker(x) ?? node);
  return m.emit('linear', [rows, ...linear.inputs.slice(1)], {}, node);
};

/** A reshape of a reshape. */
const reshapedTwice: Pattern = (m, node) => {
  const before = m.made(node.inputs[0]!, 'reshape');
  return before && m.reshape(before.inputs[0], m.type(node.outputs[0]!).shape, node);
};

/** x · Φ(x) as x · (1 + erf(x / √2)) · ½, in any order */
function exactGelu(m: Matcher, node: AnyNode): ValueId | undefined {
  const rest = m.withoutScalar(m.factors(node), 0.5);
  if (rest?.length !== 2) return undefined;
  for (const [x, gate] of [rest, rest.toReversed()] as [ValueId, ValueId][]) {
    const inner = m.plusScalar(gate, 1);
    const erf = inner === undefined ? undefined : m.made(inner, 'erf');
    if (erf && m.scaledBy(erf.inputs[0], x, Math.SQRT1_2)) return m.emit('gelu', [x], { approximate: 'none' }, node);
  }
  return undefined;
}

/** ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) */
function tanhGelu(m: Matcher, node: AnyNode): ValueId | undefined {
  const rest = m.withoutScalar(m.factors(node), 0.5);
  if (rest?.length !== 2) return undefined;
  for (const [x, gate] of [rest, rest.toReversed()] as [ValueId, ValueId][]) {
    const inner = m.plusScalar(gate, 1);
    const tanh = inner === undefined ? undefined : m.made(inner, 'tanh');
    const product = tanh && m.made(tanh.inputs[0], 'mul');
    const sum = product && m.withoutScalar(product.inputs, Math.sqrt(2 / Math.PI));
    const add = sum?.length === 1 ? m.made(sum[0]!, 'add') : undefined;
    if (!add) continue;
    const cubic = add.inputs[0] === x ? add.inputs[1] : add.inputs[1] === x ? add.inputs[0] : undefined;
    const cube = cubic === undefined ? undefined : m.made(cubic, 'mul');
    if (cube && m.isCube(cube, x, 0.044715)) return m.emit('gelu', [x], { approximate: 'tanh' }, node);
  }
  return undefined;
}

/** x · sigmoid(x) */
function silu(m: Matcher, node: AnyNode): ValueId | undefined {
  for (const [x, gate] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][])
    if (m.made(gate, 'sigmoid')?.inputs[0] === x) return m.emit('silu', [x], {}, node);
  return undefined;
}

/** What a norm divides by: √(mean(x²) + ε) over the last axis, of `x`. */
function rootMeanSquare(m: Matcher, value: ValueId): { readonly x: ValueId; readonly eps: number } | undefined {
  const root = m.made(value, 'sqrt');
  const sum = root && m.made(root.inputs[0], 'add');
  if (!sum) return undefined;
  for (const [mean, constant] of [sum.inputs, sum.inputs.toReversed()] as [ValueId, ValueId][]) {
    const [eps, average] = [m.scalar(constant), m.meanOfLast(mean)];
    const square = average === undefined ? undefined : m.made(average, 'mul');
    if (eps !== undefined && square && square.inputs[0] === square.inputs[1]) return { x: square.inputs[0], eps };
  }
  return undefined;
}

/** x / √(mean(x²) + ε); a norm of layers where x is what is left when its mean is taken away */
function norm(m: Matcher, node: AnyNode, x: ValueId, root: ValueId): ValueId | undefined {
  const found = rootMeanSquare(m, root);
  if (!found) return undefined;
  const of = m.centred(x);
  if (of !== undefined && m.centred(found.x) === of) return m.emit('layer_norm', [of], { eps: found.eps }, node);
  return found.x === x ? m.emit('rms_norm', [x], { eps: found.eps }, node) : undefined;
}

const dividedNorm: Pattern = (m, node) => norm(m, node, node.inputs[0]!, node.inputs[1]!);

const multipliedNorm: Pattern = (m, node) => {
  for (const [x, inverse] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][]) {
    const reciprocal = m.made(inverse, 'reciprocal');
    const divided = m.made(inverse, 'div');
    const root =
      reciprocal?.inputs[0] ?? (divided && m.scalar(divided.inputs[0]) === 1 ? divided.inputs[1] : undefined);
    const found = root === undefined ? undefined : norm(m, node, x, root);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The operand of a norm's or a product's own last axis: rank 1 of that size. */
function isVector(m: Matcher, value: ValueId, of: ValueId): boolean {
  const [vector, whole] = [m.type(value), m.type(of)];
  return vector.shape.length === 1 && equalDims(vector.shape[0]!, whole.shape.at(-1)!);
}

const normWeight: Pattern = (m, node) => {
  for (const [y, weight] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][]) {
    for (const op of ['layer_norm', 'rms_norm'] as const) {
      const found = m.madeOnce(y, op);
      if (found?.inputs.length === 1 && isVector(m, weight, y))
        return m.emit(op, [found.inputs[0], weight], found.attributes, node);
    }
  }
  return undefined;
};

const withBias: Pattern = (m, node) => {
  for (const [y, bias] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][]) {
    for (const op of ['layer_norm', 'linear'] as const) {
      const found = m.madeOnce(y, op);
      if (found?.inputs.length === 2 && isVector(m, bias, y))
        return m.emit(op, [...found.inputs, bias], found.attributes, node);
    }
  }
  return undefined;
};

/** Matrices that are turned with the axes before them as one. */
const turnedInRows: Pattern = (m, node) => {
  const turned = m.made(node.inputs[0]!, 'transpose');
  const flat = turned?.attributes.permutation.join() === '0,2,1' ? m.made(turned.inputs[0], 'reshape') : undefined;
  if (!flat) return undefined;
  const to = m.type(node.outputs[0]!).shape;
  const [count, rows, columns] = m.type(flat.outputs[0]).shape;
  const lead = to.slice(0, -2);
  if (to.length < 3 || !equalShapes(to, [...lead, columns!, rows!]) || !equalDims(productOf(lead), count!))
    return undefined;
  const [x] = flat.inputs;
  const apart = m.reshape(x, [...lead, rows!, columns!], m.maker(x) ?? node);
  const axes = to.map((_, axis) => axis);
  const permutation = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  return m.emit('transpose', [apart], { permutation }, node);
};

/** All rows of a table, in order. */
const wholeTable: Pattern = (m, node) => {
  const [table, at] = node.inputs as [ValueId, ValueId];
  if (node.op !== 'gather' || node.attributes.axis !== 0) return undefined;
  const [form, places, of] = [indexForm(m, at), m.type(at).shape, m.type(table).shape];
  const whole = form && counts(form, places) && equalDims(productOf(places), of[0]!);
  return whole ? m.reshape(table, [...places, ...of.slice(1)], m.maker(table) ?? node) : undefined;
};

/** A piece of tensors that are joined, which is one of them. */
const pieceOfJoined: Pattern = (m, node) => {
  const joined = m.made(node.inputs[0]!, 'concat');
  if (!joined || node.op !== 'slice') return undefined;
  const { starts, ends, steps } = node.attributes;
  const { axis } = joined.attributes;
  const { shape } = m.type(joined.outputs[0]);
  const others = shape.every((size, at) => at === axis || (starts[at] === 0 && equalDims(ends[at]!, size)));
  let start: Dim = 0;
  for (const value of joined.inputs) {
    const end = addDims(start, m.type(value).shape[axis]!);
    if (others && steps[axis] === 1 && equalDims(starts[axis]!, start) && equalDims(ends[axis]!, end)) return value;
    start = end;
  }
  return undefined;
};

const timesOne: Pattern = (m, node) => {
  for (const [x, by] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][])
    if (m.scalar(by) === 1 && m.type(by).dtype === m.type(x).dtype) return x;
  return undefined;
};

const andTrue: Pattern = (m, node) => {
  for (const [x, always] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][])
    if (m.scalar(always) === 1) return x;
  return undefined;
};

const PATTERNS: { readonly [N in OpName]?: readonly Pattern[] } = {
  mul: [timesOne, exactGelu, tanhGelu, silu, multipliedNorm, normWeight],
  div: [dividedNorm],
  add: [withBias, rotaryByHalves],
  matmul: [attentionOf],
  reshape: [rowsOfLinear, turnedInRows, groupedAttentionOf, reshapedTwice],
  where: [withoutBlindRows],
  and: [andTrue],
  concat: [rotaryOf, partlyTurned],
  gather: [wholeTable],
  slice: [pieceOfJoined],
};
