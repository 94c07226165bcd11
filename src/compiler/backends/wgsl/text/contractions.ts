/** Kernels driven by a template: operands and results of GEMM and attention as WGSL functions around its `main`. */
import { type Dim, productOf, type Shape } from '../../../../shared/dim.ts';
import { type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import { headsPerGroup, maskAndBias } from '../../../ops/attention-scores.ts';
import { gradientOperands } from '../dialect.ts';
import { attentionForward } from '../families/attention.ts';
import {
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionStatistics,
} from '../families/attention-backward.ts';
import type { AttentionOperands } from '../families/attention-params.ts';
import type { Profile, Source, Template } from '../families/contract.ts';
import { gemmTemplate } from '../families/gemm.ts';
import type { ContractionNode } from '../kernel.ts';
import { decodeAttention } from './decode-attention.ts';
import { constant, delinearise, type Index, over } from './expr.ts';
import { binary } from './expression.ts';
import type { InputOutput } from './input.ts';
import {
  type Axis,
  axesNamed,
  extent,
  maskFunction,
  operandAt,
  perScore,
  plainSink,
  resultSink,
  sink,
  source,
  tensor,
  VALUE,
} from './operands.ts';
import type { KernelWriter, Part } from './writer.ts';

export function contractionPart(writer: KernelWriter, contraction: ContractionNode, profile: Profile): Part {
  switch (contraction.op) {
    case 'linear':
      return linear(writer, contraction, profile);
    case 'matmul':
      return matmul(writer, contraction, profile);
    case 'attention':
      return (writer.kernel.fresh ? decodeAttention : attention)(writer, contraction, profile);
    case 'attention_grad':
      return attentionGradient(writer, contraction, profile);
  }
}

function linear(writer: KernelWriter, { inputs, outputs }: Node<'linear'>, profile: Profile): Template {
  const { graph } = writer.facts;
  const [x, weight, bias] = inputs as [ValueId, ValueId, ValueId?];
  const [shape, weightShape] = [typeOf(graph, x).shape, typeOf(graph, weight).shape];
  const leading = shape.slice(0, -1);
  const [m, n, k] = [productOf(leading), weightShape[0]!, weightShape[1]!];
  const a = source(
    writer,
    'a',
    gemmAxes({ batch: 1, m, k }),
    operandAt(writer, x, ([, row, at]) => [...delinearise(row!, leading), at!]),
  );
  const b = source(
    writer,
    'b',
    gemmAxes({ batch: 1, k, n }),
    operandAt(writer, weight, ([, at, column]) => [column!, at!]),
  );
  const store = sink(
    writer,
    gemmAxes({ batch: 1, m, n }),
    outputs[0],
    ([, row, column]) => [...delinearise(row!, leading), column!],
    (block, [, , column]) =>
      bias === undefined
        ? VALUE
        : block.name(binary('+', VALUE, writer.evaluator.element(block, bias, [column!])), 'v'),
  );
  return gemmTemplate({
    batch: extent(writer, 1),
    m: extent(writer, m),
    n: extent(writer, n),
    k: extent(writer, k),
    a,
    b,
    out: { store },
    profile,
  });
}

function matmul(writer: KernelWriter, node: Node<'matmul'>, profile: Profile): Template {
  const { graph } = writer.facts;
  const { transpose_a, transpose_b } = node.attributes;
  const [a, b] = node.inputs as [ValueId, ValueId];
  const shapeA = typeOf(graph, a).shape;
  const shapeB = typeOf(graph, b).shape;
  const out = typeOf(graph, node.outputs[0]).shape;
  const [rowless, columnless] = [shapeA.length === 1, shapeB.length === 1];
  const batchShape = out.slice(0, out.length - (rowless ? 0 : 1) - (columnless ? 0 : 1));
  const [m, k] = rowless ? [1 as Dim, shapeA[0]!] : swapped(shapeA, transpose_a);
  const n = columnless ? 1 : swapped(shapeB, transpose_b)[1];
  const batch = productOf(batchShape);

  /** A matrix operand over (batch, row, column) of the product. */
  const matrix =
    (shape: Shape, turned: boolean, vector: 'row' | 'column' | undefined) =>
    ([at, row, column]: readonly Index[]): readonly Index[] => {
      if (vector) return [vector === 'row' ? column! : row!];
      const own = Math.max(shape.length - 2, 0);
      const leading = delinearise(at!, batchShape).slice(batchShape.length - own);
      return [...leading, ...(turned ? [column!, row!] : [row!, column!])];
    };
  const left = source(
    writer,
    'a',
    gemmAxes({ batch, m, k }),
    operandAt(writer, a, matrix(shapeA, transpose_a && !rowless, rowless ? 'row' : undefined)),
  );
  const right = source(
    writer,
    'b',
    gemmAxes({ batch, k, n }),
    operandAt(writer, b, matrix(shapeB, transpose_b && !columnless, columnless ? 'column' : undefined)),
  );
  const store = sink(
    writer,
    gemmAxes({ batch, m, n }),
    node.outputs[0],
    ([at, row, column]) => [
      ...delinearise(at!, batchShape),
      ...(rowless ? [] : [row!]),
      ...(columnless ? [] : [column!]),
    ],
    () => VALUE,
  );
  return gemmTemplate({
    batch: extent(writer, batch),
    m: extent(writer, m),
    n: extent(writer, n),
    k: extent(writer, k),
    a: left,
    b: right,
    out: { store },
    profile,
  });
}

/** The arguments of a GEMM's functions, in order. */
const gemmAxes = (extents: Readonly<Record<string, Dim>>): Axis[] =>
  Object.entries(extents).map(([name, extent]) => ({ name, extent }));

function swapped(shape: Shape, turned: boolean): [Dim, Dim] {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  return turned ? [columns, rows] : [rows, columns];
}

/** What forward and gradients have in common. */
function attentionOperands(
  writer: KernelWriter,
  { inputs, attributes }: Node<'attention'> | Node<'attention_grad'>,
  profile: Profile,
  { mask, bias }: { readonly mask?: ValueId; readonly bias?: ValueId },
): AttentionOperands {
  const { graph } = writer.facts;
  const [q, k, v] = inputs as [ValueId, ValueId, ValueId];
  const [batch, heads, queries, width] = typeOf(graph, q).shape as [Dim, Dim, Dim, Dim];
  const [, groups, keys] = typeOf(graph, k).shape as [Dim, Dim, Dim];
  const shares = headsPerGroup(heads, groups)!;
  const { causal, scale, window, soft_cap } = attributes;
  /** keys or values at a head of the queries */
  const shared = (name: string, value: ValueId, last: string): Source => {
    const extents = typeOf(graph, value).shape.with(1, heads);
    const axes = ['b', 'h', 's', last].map((axis, at) => ({ name: axis, extent: extents[at]! }));
    const operand = operandAt(writer, value, ([b, h, s, d]) => [b!, over(h!, shares), s!, d!]);
    return source(writer, name, axes, operand);
  };
  const perQuery = mask !== undefined && typeOf(graph, mask).shape.length === 4;
  const scores: Shape = [batch, heads, queries, keys];
  return {
    batch: extent(writer, batch),
    heads: extent(writer, heads),
    ...(shares === 1 ? {} : { shared: { groups: extent(writer, groups), heads: shares } }),
    queries: extent(writer, queries),
    keys: extent(writer, keys),
    width: Number(width),
    valueWidth: Number(typeOf(graph, v).shape[3]),
    q: tensor(writer, 'q', q, ['b', 'h', 't', 'd']),
    k: shares === 1 ? tensor(writer, 'k', k, ['b', 'h', 's', 'd']) : shared('k', k, 'd'),
    v: shares === 1 ? tensor(writer, 'v', v, ['b', 'h', 's', 'e']) : shared('v', v, 'e'),
    ...(mask === undefined || perQuery ? {} : { mask: maskFunction(writer, mask) }),
    ...(mask === undefined || !perQuery ? {} : { maskAt: perScore(writer, 'visible', mask, scores) }),
    ...(bias === undefined ? {} : { bias: perScore(writer, 'bias', bias, scores) }),
    ...(window === undefined ? {} : { window }),
    ...(soft_cap === undefined ? {} : { softCap: soft_cap }),
    causal,
    scale: scale ?? 1 / Math.sqrt(Number(width)),
    profile,
  };
}

function attention(writer: KernelWriter, node: Node<'attention'>, profile: Profile): Template {
  const operands = attentionOperands(writer, node, profile, maskAndBias(node.inputs.slice(3), node.attributes));
  const axes = ['b', 'h', 't', 'e'];
  const store = resultSink(writer, node.outputs[0], axesNamed(writer, node.outputs[0], axes));
  const saved = writer.kernel.outputs.find(({ auxiliary }) => auxiliary);
  const lse = saved && { lse: { store: plainSink(writer, saved, axes.slice(0, 3), [constant(0)]) } };
  return attentionForward({ ...operands, out: { store }, ...lse });
}

function attentionGradient(writer: KernelWriter, node: Node<'attention_grad'>, profile: Profile): Template {
  const { dy: upstream, statistics, ...more } = gradientOperands(node);
  const operands = attentionOperands(writer, node, profile, more);
  const [dq, dk, dv] = node.outputs as [ValueId, ValueId, ValueId];
  const dy = tensor(writer, 'dy', upstream, ['b', 'h', 't', 'e']);
  const rows = ['b', 'h', 't'];
  const own = (value: ValueId): InputOutput => writer.kernel.outputs.find((output) => output.value === value)!;
  if (writer.kernel.pass === 'statistics') {
    const [lse, delta] = [0, 1].map((at) => ({ store: plainSink(writer, own(statistics), rows, [constant(at)]) }));
    return attentionStatistics({ ...operands, dy, lse: lse!, delta: delta! });
  }
  const saved = (name: string, at: number): Source =>
    source(writer, name, axesNamed(writer, statistics, rows), {
      place: () => undefined,
      element: (block, row) => writer.evaluator.element(block, statistics, [...row, constant(at)]),
    });
  const given = { ...operands, dy, lse: saved('lse', 0), delta: saved('delta', 1) };
  if (writer.kernel.pass === 'query') {
    return attentionBackwardQuery({ ...given, dq: { store: plainSink(writer, own(dq), [...rows, 'd']) } });
  }
  const [ofK, ofV] = [
    plainSink(writer, own(dk), ['b', 'h', 's', 'd']),
    plainSink(writer, own(dv), ['b', 'h', 's', 'e']),
  ];
  return attentionBackwardKeyValue({ ...given, dk: { store: ofK }, dv: { store: ofV } });
}
