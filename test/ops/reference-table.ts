/**
 * One table from each operation of the fixtures to the IR that means the same.
 *
 * Operations that are no op of the IR (variance, batch_norm, adamw, …) are built from those that are.
 */
import type { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { ValueId } from '../../src/compiler/ir/graph.ts';
import type { OpAttributes } from '../../src/compiler/ops/attributes.ts';
import { operandsOf } from '../../src/compiler/ops/operands.ts';
import type { Dim, Shape } from '../../src/shared/dim.ts';
import { divideDims, productOf, subDims } from '../../src/shared/dim.ts';

type Json = number | string | boolean | null | readonly Json[];
export type CaseAttributes = Readonly<Record<string, Json>>;

export type CaseBuilder = (b: GraphBuilder, inputs: readonly ValueId[], attrs: CaseAttributes) => readonly ValueId[];

// --- attributes -----------------------------------------------------------------------------------------

const numbers = (attrs: CaseAttributes, name: string): readonly number[] => attrs[name] as readonly number[];
const number = (attrs: CaseAttributes, name: string): number => attrs[name] as number;
const pair = (attrs: CaseAttributes, name: string): readonly [number, number] =>
  attrs[name] as unknown as [number, number];

/** torch's axes may be negative, and null means all. */
const normalise = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const rankOf = (b: GraphBuilder, x: ValueId): number => b.typeOf(x).shape.length;
const axisOf = (b: GraphBuilder, x: ValueId, attrs: CaseAttributes): number =>
  normalise(number(attrs, 'axis'), rankOf(b, x));

function axesOf(b: GraphBuilder, x: ValueId, attrs: CaseAttributes): number[] {
  const rank = rankOf(b, x);
  const axes = attrs.axes as readonly number[] | null;
  return axes === null ? Array.from({ length: rank }, (_, axis) => axis) : axes.map((axis) => normalise(axis, rank));
}

// --- builders that several operations share -------------------------------------------------------------

/** Ops whose attributes are empty in the IR and in the fixtures. */
type PlainOp = {
  [N in keyof OpAttributes]: [keyof OpAttributes[N]] extends [never] ? N : never;
}[keyof OpAttributes];

const plain =
  (op: PlainOp): CaseBuilder =>
  (b, inputs) => [b.node(op, operandsOf<typeof op, ValueId>(op, inputs), {})];

const reduction =
  (op: 'sum' | 'mean' | 'max' | 'min'): CaseBuilder =>
  (b, [x], attrs) => [b.node(op, [x!], { axes: axesOf(b, x!, attrs), keepdims: attrs.keepdims as boolean })];

const alongAxis =
  (op: 'argmax' | 'cumsum' | 'softmax' | 'log_softmax'): CaseBuilder =>
  (b, [x], attrs) => [b.node(op, [x!], { axis: axisOf(b, x!, attrs) })];

/** The first operand, data, gives the rank for the axis. */
const indexed =
  (op: 'gather' | 'gather_elements' | 'scatter_add'): CaseBuilder =>
  (b, inputs, attrs) => [
    b.node(op, operandsOf<typeof op, ValueId>(op, inputs), { axis: axisOf(b, inputs[0]!, attrs) }),
  ];

const reshape = (b: GraphBuilder, x: ValueId, shape: Shape): ValueId => b.node('reshape', [x], { shape });

function sliceAxis(b: GraphBuilder, x: ValueId, axis: number, start: Dim, end: Dim): ValueId {
  const { shape } = b.typeOf(x);
  return b.node('slice', [x], {
    starts: shape.map((_, i) => (i === axis ? start : 0)),
    ends: shape.map((dim, i) => (i === axis ? end : dim)),
    steps: shape.map(() => 1),
  });
}

/** Joins with itself `times` times. */
function tile(b: GraphBuilder, x: ValueId, axis: number, times: number): ValueId {
  return times === 1 ? x : b.node('concat', new Array<ValueId>(times).fill(x), { axis });
}

/** x·a + y·b for scalars a and b: the running averages of AdamW. */
function blend(b: GraphBuilder, x: ValueId, weightOfX: number, y: ValueId, weightOfY: number): ValueId {
  return b.node('add', [b.node('mul', [x, b.scalar(weightOfX)], {}), b.node('mul', [y, b.scalar(weightOfY)], {})], {});
}

/** Splits [B, T, …] by head layout: reshape, cut the axis of three, drop it. */
function splitThree(b: GraphBuilder, x: ValueId, axis: number): ValueId[] {
  return b
    .nodeOutputs('split', [x], { axis, sizes: [1, 1, 1] })
    .map((part) => reshape(b, part, b.typeOf(part).shape.toSpliced(axis, 1)));
}

// --- the table ------------------------------------------------------------------------------------------

export const CASE_BUILDERS: Readonly<Record<string, CaseBuilder>> = {
  abs: plain('abs'),
  add: plain('add'),
  cos: plain('cos'),
  div: plain('div'),
  erf: plain('erf'),
  exp: plain('exp'),
  linear: plain('linear'),
  log: plain('log'),
  maximum: plain('maximum'),
  minimum: plain('minimum'),
  mul: plain('mul'),
  neg: plain('neg'),
  reciprocal: plain('reciprocal'),
  relu: plain('relu'),
  rsqrt: plain('rsqrt'),
  sigmoid: plain('sigmoid'),
  silu: plain('silu'),
  sin: plain('sin'),
  sqrt: plain('sqrt'),
  sub: plain('sub'),
  tanh: plain('tanh'),
  where: plain('where'),
  sum: reduction('sum'),
  mean: reduction('mean'),
  max: reduction('max'),
  min: reduction('min'),
  argmax: alongAxis('argmax'),
  cumsum: alongAxis('cumsum'),
  softmax: alongAxis('softmax'),
  log_softmax: alongAxis('log_softmax'),
  gather: indexed('gather'),
  index_select: indexed('gather'),
  gather_elements: indexed('gather_elements'),
  scatter_add: indexed('scatter_add'),
  gelu: (b, inputs, attrs) => [
    b.node('gelu', operandsOf('gelu', inputs), { approximate: attrs.approximate as 'none' | 'tanh' }),
  ],
  clamp: (b, inputs, attrs) => [
    b.node('clamp', operandsOf('clamp', inputs), { min: number(attrs, 'min'), max: number(attrs, 'max') }),
  ],
  pow: (b, [x, y], attrs) => [b.node('pow', [x!, y ?? b.scalar(number(attrs, 'exponent'))], {})],
  matmul: (b, inputs, attrs) => [
    b.node('matmul', operandsOf('matmul', inputs), { transpose_a: false, transpose_b: attrs.transpose_b === true }),
  ],
  layer_norm: (b, inputs, attrs) => [
    b.node('layer_norm', operandsOf('layer_norm', inputs), { eps: number(attrs, 'eps') }),
  ],
  rms_norm: (b, inputs, attrs) => [b.node('rms_norm', operandsOf('rms_norm', inputs), { eps: number(attrs, 'eps') })],
  attention: (b, inputs, attrs) => [
    b.node('attention', operandsOf('attention', inputs), {
      causal: attrs.causal as boolean,
      scale: attrs.scale as number | null,
    }),
  ],
  rotary: (b, [q, k, positions], attrs) =>
    [q!, k!].map((x) =>
      b.node('rotary', [x, positions!], {
        dims: number(attrs, 'rotary_dim'),
        theta: number(attrs, 'theta'),
        max_positions: 2048,
      }),
    ),
  cross_entropy: (b, inputs, attrs) => [
    b.node('cross_entropy', operandsOf('cross_entropy', inputs), { ignore_index: number(attrs, 'ignore_index') }),
  ],
  // logits of each token against the next token
  cross_entropy_shifted(b, [logits, target], attrs) {
    const length = b.typeOf(target!).shape[1]!;
    const kept = sliceAxis(b, logits!, 1, 0, subDims(length, 1));
    const next = sliceAxis(b, target!, 1, 1, length);
    return [b.node('cross_entropy', [kept, next], { ignore_index: number(attrs, 'ignore_index') })];
  },
  conv2d: (b, inputs, attrs) => [
    b.node('conv2d', operandsOf('conv2d', inputs), {
      stride: pair(attrs, 'stride'),
      padding: pair(attrs, 'padding'),
      dilation: pair(attrs, 'dilation'),
      groups: number(attrs, 'groups'),
    }),
  ],
  avg_pool2d: (b, inputs, attrs) => [
    b.node('avg_pool2d', operandsOf('avg_pool2d', inputs), {
      kernel: pair(attrs, 'kernel'),
      stride: pair(attrs, 'stride'),
      padding: pair(attrs, 'padding'),
      count_include_pad: attrs.count_include_pad as boolean,
    }),
  ],
  max_pool2d: (b, inputs, attrs) => [
    b.node('max_pool2d', operandsOf('max_pool2d', inputs), {
      kernel: pair(attrs, 'kernel'),
      stride: pair(attrs, 'stride'),
      padding: pair(attrs, 'padding'),
    }),
  ],
  interpolate: (b, inputs, attrs) => [
    b.node('interpolate', operandsOf('interpolate', inputs), {
      mode: attrs.mode as OpAttributes['interpolate']['mode'],
      size: pair(attrs, 'size'),
    }),
  ],
  // −1 stands for what the other dims leave over
  reshape(b, [x], attrs) {
    const shape = numbers(attrs, 'shape');
    const rest = divideDims(productOf(b.typeOf(x!).shape), productOf(shape.filter((dim) => dim !== -1)));
    return [
      reshape(
        b,
        x!,
        shape.map((dim) => (dim === -1 ? rest! : dim)),
      ),
    ];
  },
  permute: (b, inputs, attrs) => [
    b.node('transpose', operandsOf('transpose', inputs), { permutation: numbers(attrs, 'order') }),
  ],
  transpose(b, [x], attrs) {
    const [i, j] = pair(attrs, 'axes');
    const permutation = Array.from({ length: rankOf(b, x!) }, (_, axis) => (axis === i ? j : axis === j ? i : axis));
    return [b.node('transpose', [x!], { permutation })];
  },
  concat: (b, inputs, attrs) => [
    b.node('concat', operandsOf('concat', inputs), { axis: axisOf(b, inputs[0]!, attrs) }),
  ],
  stack(b, inputs, attrs) {
    const axis = number(attrs, 'axis');
    const rows = inputs.map((x) => reshape(b, x, b.typeOf(x).shape.toSpliced(axis, 0, 1)));
    return [b.node('concat', rows, { axis })];
  },
  slice(b, [x], attrs) {
    const { shape } = b.typeOf(x!);
    // a negative bound counts from the end
    const bound = (name: string) => numbers(attrs, name).map((at, axis) => (at < 0 ? subDims(shape[axis]!, -at) : at));
    return [b.node('slice', [x!], { starts: bound('starts'), ends: bound('ends'), steps: numbers(attrs, 'steps') })];
  },
  split: (b, [x], attrs) =>
    b.nodeOutputs('split', [x!], { axis: axisOf(b, x!, attrs), sizes: numbers(attrs, 'sizes') }),
  expand: (b, inputs, attrs) => [b.node('expand', operandsOf('expand', inputs), { shape: numbers(attrs, 'shape') })],
  unsqueeze: (b, [x], attrs) => [reshape(b, x!, b.typeOf(x!).shape.toSpliced(number(attrs, 'axis'), 0, 1))],
  squeeze: (b, [x], attrs) => [reshape(b, x!, b.typeOf(x!).shape.toSpliced(number(attrs, 'axis'), 1))],
  repeat(b, [x], attrs) {
    const repeats = numbers(attrs, 'repeats');
    const { shape } = b.typeOf(x!);
    const aligned = reshape(b, x!, [...new Array<Dim>(repeats.length - shape.length).fill(1), ...shape]);
    return [repeats.reduce((tensor, times, axis) => tile(b, tensor, axis, times), aligned)];
  },
  flip: (b, inputs, attrs) => [b.node('flip', operandsOf('flip', inputs), { axes: numbers(attrs, 'axes') })],
  pad(b, inputs, attrs) {
    const pads = attrs.pads as unknown as readonly (readonly [number, number])[];
    return [
      b.node('pad', operandsOf('pad', inputs), {
        before: pads.map(([before]) => before),
        after: pads.map(([, after]) => after),
        value: number(attrs, 'value'),
      }),
    ];
  },
  masked_fill: (b, [x, mask], attrs) => [b.node('where', [mask!, b.scalar(number(attrs, 'value')), x!], {})],
  // keeps the elements whose column is at most row + diagonal
  tril(b, [x], attrs) {
    const shape = b.typeOf(x!).shape.slice(-2);
    const row = b.node('iota', [], { shape, axis: 0 });
    const column = b.node('iota', [], { shape, axis: 1 });
    const last = b.node('add', [row, b.scalar(number(attrs, 'diagonal'), 'i64')], {});
    return [b.node('where', [b.node('less_equal', [column, last], {}), x!, b.scalar(0)], {})];
  },
  variance(b, [x], attrs) {
    const axes = axesOf(b, x!, attrs);
    const mean = b.node('mean', [x!], { axes, keepdims: true });
    const centred = b.node('sub', [x!, mean], {});
    return [b.node('mean', [b.node('mul', [centred, centred], {})], { axes, keepdims: false })];
  },
  // with running statistics: (x − mean)/√(var + eps) · weight + bias per channel, axis 1
  batch_norm(b, [x, ...perChannel], attrs) {
    const channels = b.typeOf(x!).shape.map((dim, axis) => (axis === 1 ? dim : 1));
    const [mean, variance, weight, bias] = perChannel.map((value) => reshape(b, value, channels));
    const scale = b.node('rsqrt', [b.node('add', [variance!, b.scalar(number(attrs, 'eps'))], {})], {});
    const normal = b.node('mul', [b.node('sub', [x!, mean!], {}), scale], {});
    return [b.node('add', [b.node('mul', [normal, weight!], {}), bias!], {})];
  },
  mse_loss(b, [x, y]) {
    const off = b.node('sub', [x!, y!], {});
    const axes = b.typeOf(off).shape.map((_, axis) => axis);
    return [b.node('mean', [b.node('mul', [off, off], {})], { axes, keepdims: false })];
  },
  lora_linear(b, [x, weight, bias, down, up], attrs) {
    const base = b.node('linear', [x!, weight!, bias!], {});
    const low = b.node('linear', [b.node('linear', [x!, down!], {}), up!], {});
    return [b.node('add', [base, b.node('mul', [low, b.scalar(number(attrs, 'scaling'))], {})], {})];
  },
  // q, k and v interleaved per head: [B, T, heads, 3, head_dim]
  split_heads_phi(b, [x], attrs) {
    const [batch, length] = b.typeOf(x!).shape;
    const shape = [batch!, length!, number(attrs, 'heads'), 3, number(attrs, 'head_dim')];
    return splitThree(b, reshape(b, x!, shape), 3);
  },
  // [B, T, 3, heads, head_dim] → 3 × [B, heads, T, head_dim]
  split_heads_vit(b, [x], attrs) {
    const [batch, length] = b.typeOf(x!).shape;
    const shape = [batch!, length!, 3, number(attrs, 'heads'), number(attrs, 'head_dim')];
    return splitThree(b, b.node('transpose', [reshape(b, x!, shape)], { permutation: [2, 0, 3, 1, 4] }), 0);
  },
  // Loshchilov & Hutter 2019, as torch.optim.AdamW
  adamw(b, [parameter, gradient, average, averageOfSquares], attrs) {
    const [step, lr, decay] = [number(attrs, 'step'), number(attrs, 'lr'), number(attrs, 'weight_decay')];
    const [beta1, beta2, eps] = [number(attrs, 'beta1'), number(attrs, 'beta2'), number(attrs, 'eps')];
    const first = blend(b, average!, beta1, gradient!, 1 - beta1);
    const second = blend(b, averageOfSquares!, beta2, b.node('mul', [gradient!, gradient!], {}), 1 - beta2);
    const root = b.node('sqrt', [b.node('div', [second, b.scalar(1 - beta2 ** step)], {})], {});
    const direction = b.node('div', [first, b.node('add', [root, b.scalar(eps)], {})], {});
    const decayed = b.node('mul', [parameter!, b.scalar(1 - lr * decay)], {});
    const move = b.node('mul', [direction, b.scalar(lr / (1 - beta1 ** step))], {});
    return [b.node('sub', [decayed, move], {}), first, second];
  },
};
