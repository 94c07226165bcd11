/** Reductions, products, and what torch has functions for: norms, attention, convolutions, losses. */
import { equalDims } from '../../../../shared/dim.ts';
import { maskAndBias } from '../../../ops/attention-scores.ts';
import type { OpName } from '../../../ops/attributes.ts';
import { type DimPair, outputPadding } from '../../../ops/convolution.ts';
import { atom, bool, call, type Expr, float, infix, method, PREC, tuple, within } from '../python.ts';
import type { POINTWISE } from './pointwise.ts';
import { type Call, type Family, type Rule, sizes, tensors } from './rule.ts';
import type { SHAPE } from './shape.ts';

type Neural = Exclude<OpName, keyof typeof POINTWISE | keyof typeof SHAPE>;

const reduced =
  (name: string): Rule<'sum' | 'mean' | 'max' | 'min'> =>
  (c) => {
    const { axes, keepdims } = c.attributes;
    const [x] = tensors(c);
    if (axes.length === 0) return x;
    if (axes.length === c.types[0].shape.length && !keepdims) return method(x, name);
    const dim = axes.length === 1 ? String(axes[0]) : tuple(axes);
    return method(x, name, [`dim=${dim}`, ...(keepdims ? ['keepdim=True'] : [])]);
  };

const along =
  (name: string): Rule<'argmax' | 'cumsum' | 'softmax' | 'log_softmax'> =>
  (c) => {
    const last = c.attributes.axis === c.types[0].shape.length - 1;
    return method(tensors(c)[0], name, [`dim=${last ? -1 : c.attributes.axis}`]);
  };

/** `name=text` where it is not what torch takes without it. */
const unless = (name: string, text: string, usual: string): string[] => (text === usual ? [] : [`${name}=${text}`]);

/** One number for a pair of two equal ones. */
const pair = ([a, b]: readonly [number, number]): string => (a === b ? String(a) : tuple([a, b]));

function norm(name: string, c: Call<'layer_norm' | 'rms_norm'>): Expr {
  const [x, ...rest] = tensors(c);
  const width = tuple(sizes(c, c.types[0].shape.slice(-1)));
  const weights = rest.map(({ text }) => text);
  return call(name, [x], [width, ...weights, `eps=${float(c.attributes.eps)}`]);
}

/** torch's `is_causal` counts from the first key and ours from the last, which is the same for as many queries as keys. */
function attention(c: Call<'attention'>): Expr {
  const { causal, scale, biased, window, soft_cap } = c.attributes;
  const named = scale === null ? [] : [`scale=${float(scale)}`];
  if (biased || soft_cap !== undefined) return byScores(c, named);
  const [q, k, v, mask] = tensors(c);
  const shared = !equalDims(c.types[0].shape[1]!, c.types[1].shape[1]!);
  if (!mask && !causal && !shared && window === undefined)
    return call('F.scaled_dot_product_attention', [q, k, v], named);
  return call(
    c.helper('attention'),
    [q, k, v, ...(mask ? [mask] : [])],
    [...(causal ? ['causal=True'] : []), ...named, ...(window === undefined ? [] : [`window=${window}`])],
  );
}

/** What torch's own attention has not, or not in one way with the rest. */
function byScores(c: Call<'attention'>, named: readonly string[]): Expr {
  const { causal, window, soft_cap } = c.attributes;
  const [q, k, v, ...rest] = tensors(c);
  const { mask, bias } = maskAndBias(rest, c.attributes);
  return call(
    c.helper('attention_by_scores'),
    [q, k, v, ...(mask || bias ? [mask ?? atom('None')] : []), ...(bias ? [bias] : [])],
    [
      ...(causal ? ['causal=True'] : []),
      ...named,
      ...(window === undefined ? [] : [`window=${window}`]),
      ...(soft_cap === undefined ? [] : [`soft_cap=${float(soft_cap)}`]),
    ],
  );
}

function rotary(c: Call<'rotary'>): Expr {
  const { dims, theta, frequencies, inverse } = c.attributes;
  const given = frequencies ? [`frequencies=${tuple(frequencies.map(float))}`] : [];
  const turned = inverse ? ['inverse=True'] : [];
  return call(c.helper('rotary'), tensors(c), [`dims=${dims}`, `theta=${float(theta)}`, ...given, ...turned]);
}

function crossEntropy(c: Call<'cross_entropy'>): Expr {
  const [logits, target] = tensors(c);
  const rank = c.types[0].shape.length;
  const rows =
    rank === 2 ? logits : rank === 1 ? method(logits, 'unsqueeze', ['0']) : method(logits, 'flatten', ['0', '-2']);
  const wanted = rank === 2 ? target : rank === 1 ? method(target, 'unsqueeze', ['0']) : method(target, 'flatten');
  return call('F.cross_entropy', [rows, wanted], unless('ignore_index', String(c.attributes.ignore_index), '-100'));
}

function matmul(c: Call<'matmul'>): Expr {
  const [a, b] = tensors(c);
  const turned = (x: Expr, turn: boolean): Expr =>
    turn ? { ...x, text: `${within(x, PREC.atom)}.mT`, prec: PREC.atom } : x;
  return infix(turned(a, c.attributes.transpose_a), '@', turned(b, c.attributes.transpose_b), PREC.product);
}

/** The adjoint of a convolution, which is also the transposed one: what its size has beyond the smallest is output_padding. */
function transposed(c: Call<'conv2d_grad_input'>): Expr {
  const { stride, padding, dilation, groups, size } = c.attributes;
  const [[, , ...places], [, , ...kernel]] = [c.types[0].shape, c.types[1].shape];
  const more = outputPadding(size, places as unknown as DimPair, kernel as unknown as DimPair, c.attributes);
  return call('F.conv_transpose2d', tensors(c), [
    ...unless('stride', pair(stride), '1'),
    ...unless('padding', pair(padding), '0'),
    ...unless('output_padding', pair(more), '0'),
    ...unless('groups', String(groups), '1'),
    ...unless('dilation', pair(dilation), '1'),
  ]);
}

const byPasses = { refused: 'only the compiler makes it, in graphs of training, where autograd has its own' };

export const NEURAL: Family<Neural> = {
  sum: reduced('sum'),
  mean: reduced('mean'),
  max: reduced('amax'),
  min: reduced('amin'),
  argmax: along('argmax'),
  // stable, so that equal ones are in the order of their indices, which topk does not promise
  top_k: (c) => {
    const { axis, k } = c.attributes;
    const sorted = method(tensors(c)[0], 'argsort', [`dim=${axis}`, 'descending=True', 'stable=True']);
    return method(sorted, 'narrow', [String(axis), '0', String(k)]);
  },
  cumsum: along('cumsum'),
  softmax: along('softmax'),
  log_softmax: along('log_softmax'),
  matmul,
  linear: (c) => call('F.linear', tensors(c)),
  conv2d: (c) =>
    call('F.conv2d', tensors(c), [
      ...unless('stride', pair(c.attributes.stride), '1'),
      ...unless('padding', pair(c.attributes.padding), '0'),
      ...unless('dilation', pair(c.attributes.dilation), '1'),
      ...unless('groups', String(c.attributes.groups), '1'),
    ]),
  avg_pool2d: (c) =>
    call('F.avg_pool2d', tensors(c), [
      pair(c.attributes.kernel),
      ...unless('stride', pair(c.attributes.stride), pair(c.attributes.kernel)),
      ...unless('padding', pair(c.attributes.padding), '0'),
      ...unless('count_include_pad', bool(c.attributes.count_include_pad), 'True'),
    ]),
  max_pool2d: (c) =>
    call('F.max_pool2d', tensors(c), [
      pair(c.attributes.kernel),
      ...unless('stride', pair(c.attributes.stride), pair(c.attributes.kernel)),
      ...unless('padding', pair(c.attributes.padding), '0'),
    ]),
  interpolate: (c) =>
    call('F.interpolate', tensors(c), [`size=${tuple(c.attributes.size)}`, `mode="${c.attributes.mode}"`]),
  layer_norm: (c) => norm('F.layer_norm', c),
  rms_norm: (c) => norm('F.rms_norm', c),
  attention,
  rotary,
  cross_entropy: crossEntropy,
  stop_gradient: (c) => method(tensors(c)[0], 'detach'),
  random_uniform: { refused: 'it draws by a counter of its own: `dropout` becomes F.dropout' },
  conv2d_grad_input: transposed,
  conv2d_grad_weight: byPasses,
  max_pool2d_grad: byPasses,
  attention_grad: byPasses,
  barrier: byPasses,
  upstream_gradient: byPasses,
  with_gradient: byPasses,
};
