/** Kernels driven by a template: operands and results of GEMM and attention as WGSL functions around its `main`. */
import type { Dim, Shape } from '../../../../shared/dim.ts';
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
import type { ContractionNode } from '../kernel.ts';
import { convolution, inputGradient, weightGradient } from './convolutions.ts';
import { decodeAttention } from './decode-attention.ts';
import { constant, over } from './expr.ts';
import type { InputOutput } from './input.ts';
import {
  axesNamed,
  extent,
  maskFunction,
  operandAt,
  perScore,
  plainSink,
  resultSink,
  source,
  tensor,
} from './operands.ts';
import { linear, matmul } from './products.ts';
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
    case 'conv2d':
      return convolution(writer, contraction, profile);
    case 'conv2d_grad_input':
      return inputGradient(writer, contraction, profile);
    case 'conv2d_grad_weight':
      return weightGradient(writer, contraction, profile);
  }
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
