/** How each operator of the IR is written in MDL. */
import { type Dim, equalDims, isSymbolic, printDim, type Shape, subDims } from '../../shared/dim.ts';
import { type AnyNode, type Graph, type Node, type TensorType, typeOf } from '../ir/graph.ts';
import type { OpName } from '../ops/attributes.ts';
import { type DimPair, outputPadding } from '../ops/convolution.ts';
import { eachFunction } from '../ops/functions.ts';
import { eachOfTwo } from '../ops/functions-of-two.ts';
import { atom, call, type Expression, type Operator, print } from './expression.ts';

/** What a writer needs to know of a node: its operands as they are written, and types. */
export interface Operands {
  readonly all: readonly Expression[];
  readonly types: readonly TensorType[];
  readonly result: TensorType;
}

type Writer<N extends OpName> = (node: Node<N>, operands: Operands) => Expression;

/** What the import never makes. */
const never = (): never => {
  throw new Error('an operator of passes is no part of an imported graph');
};

export function written(graph: Graph, node: AnyNode, all: readonly Expression[]): Expression {
  const types = node.inputs.map((value) => typeOf(graph, value));
  const writer = WRITERS[node.op] as Writer<OpName>;
  return writer(node as Node, { all, types, result: typeOf(graph, node.outputs[0]) });
}

const plain =
  (name: string): Writer<OpName> =>
  (_, { all }) =>
    call(name, all);

const infix =
  (operator: Operator): Writer<OpName> =>
  (_, { all: [left, right] }) => ({ kind: 'infix', operator, left: left!, right: right! });

/** `name = value` where the value is not the default. */
const unless = (name: string, value: string | number | boolean, usual: string | number | boolean): string[] =>
  value === usual ? [] : [`${name} = ${value}`];

export function literal(value: number): string {
  if (Number.isNaN(value)) return 'log(-1.0)';
  if (value === Number.POSITIVE_INFINITY) return '-log(0.0)';
  if (value === Number.NEGATIVE_INFINITY) return 'log(0.0)';
  const text = Object.is(value, -0) ? '-0' : String(value);
  const decimal = /[.e]/.test(text) ? text : `${text}.0`;
  const short = value.toExponential().replace('e+', 'e');
  return short.length < decimal.length || decimal.includes('e') ? short : decimal;
}

/** The shortest decimal that is this float32. */
export function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === Math.fround(value)) return text;
  }
  return value;
}

const number = (value: number): string => literal(shortest(value));

export const dims = (shape: Shape): string => `[${shape.map(printDim).join(', ')}]`;

const ints = (values: readonly number[]): string => `[${values.join(', ')}]`;

const pair = ([a, b]: readonly [number, number]): string => (a === b ? String(a) : `[${a}, ${b}]`);

const reduction =
  (name: string): Writer<'sum' | 'mean' | 'max' | 'min'> =>
  ({ attributes: { axes, keepdims } }, { all, types }) => {
    const every = axes.length === types[0]!.shape.length;
    return call(name, all, [...(every ? [] : [`axes = ${ints(axes)}`]), ...unless('keepdims', keepdims, false)]);
  };

/** Along an axis that is the last where nothing is said. */
const along =
  (name: string): Writer<'argmax' | 'cumsum' | 'softmax' | 'log_softmax' | 'gather_elements'> =>
  ({ attributes: { axis } }, { all, types }) =>
    call(name, all, unless('axis', axis, types[0]!.shape.length - 1));

/** An axis of size 1 more or less, or any other shape. */
const reshape: Writer<'reshape'> = ({ attributes: { shape } }, { all, types }) => {
  const from = types[0]!.shape;
  const added = oneMore(from, shape);
  if (added !== undefined) return call('unsqueeze', [...all, atom(String(added))]);
  const dropped = oneMore(shape, from);
  if (dropped === undefined) return call('reshape', [...all, atom(dims(shape))]);
  return indexed(all[0]!, dropped) ?? call('squeeze', [...all, atom(String(dropped))]);
};

/** The axis of size 1 that `large` has and `small` has not. */
function oneMore(small: Shape, large: Shape): number | undefined {
  if (large.length !== small.length + 1) return undefined;
  const axis = large.findIndex((dim, index) => index >= small.length || !equalDims(dim, small[index]!));
  const rest = large.filter((_, index) => index !== axis);
  return equalDims(large[axis]!, 1) && rest.every((dim, index) => equalDims(dim, small[index]!)) ? axis : undefined;
}

/** `x[:, 0]` for the one row `x[:, 0:1]` whose axis is dropped */
function indexed(object: Expression, axis: number): Expression | undefined {
  if (object.kind !== 'index') return undefined;
  const range = /^(-?\d+):(-?\d*)$/.exec(object.items[axis] ?? '');
  if (!range || object.items.some((item, index) => index < axis && !item.includes(':'))) return undefined;
  const [, start, end] = range;
  const one = end === '' ? start === '-1' : Number(end) === Number(start) + 1;
  if (!one) return undefined;
  return { ...object, items: object.items.map((item, index) => (index === axis ? start! : item)) };
}

const transpose: Writer<'transpose'> = ({ attributes: { permutation } }, { all }) => {
  const moved = permutation.flatMap((axis, index) => (axis === index ? [] : [index]));
  const [a, b] = moved;
  if (moved.length === 2) return call('transpose', [...all, atom(String(a)), atom(String(b))]);
  return call('permute', [...all, atom(ints(permutation))]);
};

const slice: Writer<'slice'> = ({ attributes: { starts, ends, steps } }, { all, types }) => {
  const { shape } = types[0]!;
  const items = shape.map((size, axis) => {
    const from = starts[axis] === 0 ? '' : bound(starts[axis]!, size);
    const to = equalDims(ends[axis]!, size) ? '' : bound(ends[axis]!, size);
    return `${from}:${to}${steps[axis] === 1 ? '' : `:${steps[axis]}`}`;
  });
  while (items.length > 1 && items.at(-1) === ':') items.pop();
  // an index of one row needs its start in the text
  const complete = items.map((item) => (/^:\d+$/.test(item) && item === ':1' ? '0:1' : item));
  return { kind: 'index', object: all[0]!, items: complete };
};

/** A bound that counts from the end of a dynamic axis, where it does. */
function bound(at: Dim, size: Dim): string {
  if (isSymbolic(size)) {
    const back = subDims(at, size);
    if (!isSymbolic(back) && back < 0) return String(back);
  }
  return printDim(at);
}

const expand: Writer<'expand'> = ({ attributes: { shape } }, { all, types }) =>
  types[0]!.shape.length === 0
    ? call('full', [atom(dims(shape)), ...all])
    : call('expand', [...all, atom(dims(shape))]);

const iota: Writer<'iota'> = ({ attributes: { shape, axis } }) => {
  const count = call('iota', [atom(printDim(shape[axis]!))]);
  if (shape.length === 1) return count;
  const column = shape.map((dim, index) => (index === axis ? dim : 1));
  return call('expand', [call('reshape', [count, atom(dims(column))]), atom(dims(shape))]);
};

const convolution: Writer<'conv2d'> = ({ attributes: { stride, padding, dilation, groups } }, { all }) =>
  call('conv2d', all, [
    ...unless('stride', pair(stride), '1'),
    ...unless('padding', pair(padding), '0'),
    ...unless('dilation', pair(dilation), '1'),
    ...unless('groups', groups, 1),
  ]);

const transposed: Writer<'conv2d_grad_input'> = ({ attributes }, { all, types }) => {
  const { stride, padding, dilation, groups, size } = attributes;
  const [length, kernel] = types.map(({ shape }) => shape.slice(2)) as unknown as readonly [DimPair, DimPair];
  const extra = outputPadding(size, length, kernel, attributes);
  return call('conv_transpose2d', all, [
    ...unless('stride', pair(stride), '1'),
    ...unless('padding', pair(padding), '0'),
    ...unless('output_padding', pair(extra), '0'),
    ...unless('dilation', pair(dilation), '1'),
    ...unless('groups', groups, 1),
  ]);
};

const window = (attributes: {
  stride: readonly [number, number];
  padding: readonly [number, number];
  kernel: readonly [number, number];
}): string[] => [
  ...unless('stride', pair(attributes.stride), pair(attributes.kernel)),
  ...unless('padding', pair(attributes.padding), '0'),
];

/** Dims beside tensors are ints; a sum stands in parentheses. */
const size: Writer<'dim_size'> = ({ attributes: { dim } }) =>
  isSymbolic(dim) && (dim.terms.length > 1 || dim.terms[0]!.coefficient < 0)
    ? atom(`(${printDim(dim)})`)
    : atom(printDim(dim));

const CONVERSION = { f32: 'float', i64: 'int', bool: 'bool' } as const;

const WRITERS: { readonly [N in OpName]: Writer<N> } = {
  neg: (_, { all: [operand] }) => ({ kind: 'prefix', operator: '-', operand: operand! }),
  ...eachFunction(({ name }) => plain(name)),
  ...eachOfTwo(({ name }) => plain(name)),
  floor: plain('floor'),
  round: plain('round'),
  round_f16: never,
  gelu: ({ attributes: { approximate } }, { all }) => call(approximate === 'tanh' ? 'gelu_tanh' : 'gelu', all),
  clamp: ({ attributes: { min, max } }, { all }) => call('clamp', [...all, atom(number(min)), atom(number(max))]),
  not: (_, { all: [operand] }) =>
    operand!.kind === 'infix' && operand!.operator === '=='
      ? { ...operand!, operator: '!=' }
      : { kind: 'prefix', operator: 'not', operand: operand! },
  cast: ({ attributes: { to } }, { all }) => call(CONVERSION[to], all),
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  pow: plain('pow'),
  maximum: plain('maximum'),
  minimum: plain('minimum'),
  equal: infix('=='),
  less: infix('<'),
  less_equal: infix('<='),
  and: infix('and'),
  or: infix('or'),
  where: plain('where'),
  sum: reduction('sum'),
  mean: reduction('mean'),
  max: reduction('max'),
  min: reduction('min'),
  argmax: along('argmax'),
  top_k: ({ attributes: { axis, k } }, { all, types }) => ({
    kind: 'index',
    object: call('top_k', [...all, atom(String(k))], unless('axis', axis, types[0]!.shape.length - 1)),
    items: ['1'],
  }),
  cumsum: along('cumsum'),
  softmax: along('softmax'),
  log_softmax: along('log_softmax'),
  reshape,
  transpose,
  expand,
  concat: ({ attributes: { axis } }, { all }) => call('concat', [{ kind: 'list', items: all }], [`axis = ${axis}`]),
  split: ({ attributes: { axis, sizes } }, { all }) => call('split', [...all, atom(dims(sizes))], [`axis = ${axis}`]),
  slice,
  flip: ({ attributes: { axes } }, { all }) => call('flip', [...all, atom(ints(axes))]),
  pad: ({ attributes: { before, after, value } }, { all }) =>
    call('pad', [...all, atom(ints(before)), atom(ints(after))], unless('value', number(value), '0.0')),
  iota,
  dim_size: size,
  random_uniform: never,
  gather: ({ attributes: { axis } }, { all }) => call('gather', all, unless('axis', axis, 0)),
  gather_elements: along('gather_elements'),
  scatter_add: ({ attributes: { axis } }, { all }) => call('scatter_add', all, unless('axis', axis, 0)),
  scatter_elements_add: never,
  matmul: (node, operands) => {
    const { transpose_a, transpose_b } = node.attributes;
    if (!transpose_a && !transpose_b) return infix('@')(node as Node, operands);
    return call('matmul', operands.all, [
      ...unless('transpose_a', transpose_a, false),
      ...unless('transpose_b', transpose_b, false),
    ]);
  },
  linear: plain('linear'),
  conv2d: convolution,
  avg_pool2d: ({ attributes }, { all }) =>
    call(
      'avg_pool2d',
      [...all, atom(pair(attributes.kernel))],
      [...window(attributes), ...unless('count_include_pad', attributes.count_include_pad, true)],
    ),
  max_pool2d: ({ attributes }, { all }) =>
    call('max_pool2d', [...all, atom(pair(attributes.kernel))], window(attributes)),
  interpolate: ({ attributes: { mode, size: to } }, { all }) =>
    call('interpolate', [...all, atom(ints(to)), atom(`"${mode}"`)]),
  layer_norm: ({ attributes: { eps } }, { all }) => call('layer_norm', all, unless('eps', number(eps), number(1e-5))),
  rms_norm: ({ attributes: { eps } }, { all }) => call('rms_norm', all, unless('eps', number(eps), number(1e-6))),
  attention: ({ attributes }, { all }) => {
    const { causal, scale, window: last, soft_cap, biased } = attributes;
    const bias = biased ? [`bias = ${print(all.at(-1)!)}`] : [];
    return call('attention', biased ? all.slice(0, -1) : all, [
      ...unless('causal', causal, false),
      ...(scale === null ? [] : [`scale = ${number(scale)}`]),
      ...bias,
      ...(last === undefined ? [] : [`window = ${last}`]),
      ...(soft_cap === undefined ? [] : [`soft_cap = ${number(soft_cap)}`]),
    ]);
  },
  rotary: ({ attributes: { dims: turned, theta, max_positions, frequencies } }, { all }) =>
    call('rotary', all, [
      `dims = ${turned}`,
      ...(frequencies ? [`frequencies = [${frequencies.map(literal).join(', ')}]`] : unless('theta', theta, 10000)),
      ...unless('max_positions', max_positions, 2048),
    ]),
  cross_entropy: never,
  conv2d_grad_input: transposed,
  conv2d_grad_weight: never,
  max_pool2d_grad: never,
  attention_grad: never,
  barrier: never,
  stop_gradient: plain('stop_gradient'),
  with_gradient: never,
  upstream_gradient: never,
};
