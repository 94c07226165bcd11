/** Built-in functions that move or make elements: reshape, transpose, pad, …, and the key/value cache. */
import {
  type Dim,
  divideDims,
  equalDims,
  mulDims,
  printDim,
  printShape,
  productOf,
  subDims,
} from '../../../shared/dim.ts';
import { diagnose } from '../../diagnostics/catalogue.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import { einsum } from '../einsum.ts';
import { rearrange } from '../rearrange.ts';
import { recordedEffect } from '../recorded.ts';
import type { CacheTrace } from '../trace.ts';
import type { Operand, Value } from '../values.ts';
import { tensor } from './constants.ts';

/** Replaces a −1 by what is left of the element count. */
function inferredShape(c: BoundCall, from: readonly Dim[], to: readonly Dim[]): Dim[] {
  const hole = to.findIndex((dim) => equalDims(dim, -1));
  if (hole < 0) return [...to];
  const rest = productOf(to.filter((_, axis) => axis !== hole));
  const size = divideDims(productOf(from), rest);
  if (size === undefined)
    return c.clash('−1 cannot be inferred: the other dimensions do not divide the number of elements');
  return to.map((dim, axis) => (axis === hole ? size : dim));
}

export const SHAPE_BUILTINS: readonly Builtin[] = [
  rearrange,
  einsum,
  tensor,
  {
    name: 'reshape',
    doc: 'The same elements in another shape; one dimension may be −1.',
    parameters: ['x', 'shape'],
    call: (c) => {
      const x = c.operand('x');
      return c.op('reshape', [x], { shape: inferredShape(c, x.type.shape, c.shape('shape')) });
    },
  },
  {
    name: 'flatten_rows',
    doc: 'x [..., C] as a matrix [N, C]: all axes but the last are one. `unflatten_rows` takes it back.',
    parameters: ['x'],
    call: (c) => {
      const x = c.operand('x');
      const last = x.type.shape.at(-1);
      if (last === undefined) return c.clash('flatten_rows takes a tensor with at least one axis and got a scalar');
      return c.op('reshape', [x], { shape: [productOf(x.type.shape.slice(0, -1)), last] });
    },
  },
  {
    name: 'unflatten_rows',
    doc: 'A matrix y [N, O] as [..., O], with the axes before the last of `like` [..., C].',
    parameters: ['y', 'like'],
    call: (c) => {
      const [y, like] = [c.operand('y'), c.operand('like')];
      const shape = [...like.type.shape.slice(0, -1), ...y.type.shape.slice(-1)];
      if (y.type.shape.length !== 2 || !equalDims(productOf(shape.slice(0, -1)), y.type.shape[0]!))
        return c.clash(
          `unflatten_rows takes a matrix with the rows of ${printShape(like.type.shape)} and got ${printShape(y.type.shape)}`,
        );
      return c.op('reshape', [y], { shape });
    },
  },
  {
    name: 'sum_like',
    doc: 'x summed over the axes that `like` lacks or has 1 of: what undoes a broadcast, as a `backward` clause needs.',
    parameters: ['x', 'like'],
    call: (c) => {
      const [x, like] = [c.operand('x'), c.operand('like', 'f32')];
      const missing = x.type.shape.length - like.type.shape.length;
      const wanted = (axis: number): Dim => (axis < missing ? 1 : like.type.shape[axis - missing]!);
      const axes = [...x.type.shape.keys()].filter((axis) => axis < missing || equalDims(wanted(axis), 1));
      if (missing < 0 || x.type.shape.some((dim, axis) => !axes.includes(axis) && !equalDims(dim, wanted(axis))))
        return c.clash(`${printShape(x.type.shape)} is no broadcast of ${printShape(like.type.shape)}`);
      const sum = c.evaluator.emission.operand(c.op('sum', [x], { axes, keepdims: true }), c.span);
      return c.op('reshape', [sum], { shape: like.type.shape });
    },
  },
  {
    name: 'at_least',
    doc: 'A size, of which the graph needs so much: `at_least(N * H * W, 2)`. Smaller inputs are refused before it runs.',
    parameters: ['size', 'least'],
    call: (c) => {
      const { value, span } = c.argument('size');
      const size = c.evaluator.dimOf(value, span, 'size of at_least');
      const least = c.int('least');
      c.evaluator.emission.require(subDims(size, least), `at_least(${printDim(size)}, ${least})`, c.span);
      return value;
    },
  },
  {
    name: 'transpose',
    doc: 'Swaps two axes.',
    parameters: ['x', 'a', 'b'],
    call: (c) => {
      const x = c.operand('x');
      const [a, b] = [c.axis('a', x.type), c.axis('b', x.type)];
      const permutation = x.type.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
      return c.op('transpose', [x], { permutation });
    },
  },
  {
    name: 'permute',
    doc: 'Axes in another order: output axis i is input axis order[i].',
    parameters: ['x', 'order'],
    call: (c) => {
      const x = c.operand('x');
      const permutation = c.ints('order');
      const sorted = [...permutation].sort((a, b) => a - b);
      if (sorted.length !== x.type.shape.length || sorted.some((axis, index) => axis !== index)) {
        c.clash(`the order [${permutation.join(', ')}] does not name each of the ${x.type.shape.length} axes once`);
      }
      return c.op('transpose', [x], { permutation });
    },
  },
  {
    name: 'unsqueeze',
    doc: 'A new axis of size 1.',
    parameters: ['x', 'axis'],
    call: (c) => {
      const x = c.operand('x');
      const axis = c.axis('axis', { ...x.type, shape: [...x.type.shape, 1] });
      return c.op('reshape', [x], { shape: [...x.type.shape.slice(0, axis), 1, ...x.type.shape.slice(axis)] });
    },
  },
  {
    name: 'squeeze',
    doc: 'Drops an axis of size 1.',
    parameters: ['x', 'axis'],
    call: (c) => {
      const x = c.operand('x');
      const axis = c.axis('axis', x.type);
      if (!equalDims(x.type.shape[axis]!, 1)) c.clash(`axis ${axis} is not of size 1 and cannot be dropped`);
      return c.op('reshape', [x], { shape: x.type.shape.filter((_, index) => index !== axis) });
    },
  },
  {
    name: 'expand',
    doc: 'Repeats axes of size 1 to a shape (NumPy broadcasting).',
    parameters: ['x', 'shape'],
    call: (c) => c.op('expand', [c.operand('x')], { shape: c.shape('shape') }),
  },
  {
    name: 'repeat',
    doc: 'Tiles a tensor: repeats[i] copies along axis i.',
    parameters: ['x', 'repeats'],
    call: (c) => {
      const x = c.operand('x');
      const repeats = c.ints('repeats');
      const { shape } = x.type;
      if (repeats.length !== shape.length)
        c.clash(`repeats has ${repeats.length} items and x has ${shape.length} axes`);
      const apart = shape.flatMap((dim): Dim[] => [1, dim]);
      const wide = shape.flatMap((dim, axis): Dim[] => [repeats[axis]!, dim]);
      const tall = c.evaluator.emission.operand(c.op('reshape', [x], { shape: apart }), c.span);
      const copied = c.evaluator.emission.operand(c.op('expand', [tall], { shape: wide }), c.span);
      return c.op('reshape', [copied], { shape: shape.map((dim, axis) => mulDims(repeats[axis]!, dim)) });
    },
  },
  {
    name: 'flip',
    doc: 'Reverses axes.',
    parameters: ['x', 'axes'],
    call: (c) => {
      const x = c.operand('x');
      return c.op('flip', [x], { axes: c.axes('axes', x.type) });
    },
  },
  {
    name: 'pad',
    doc: 'A constant before and after each axis.',
    parameters: ['x', 'before', 'after', 'value?'],
    call: (c) =>
      c.op('pad', [c.operand('x')], { before: c.ints('before'), after: c.ints('after'), value: c.float('value', 0) }),
  },
  {
    name: 'full',
    doc: 'A tensor of one value.',
    parameters: ['shape', 'value'],
    call: (c) => c.op('expand', [c.operand('value')], { shape: c.shape('shape') }),
  },
  {
    name: 'iota',
    doc: 'The ints 0 … size − 1 as a tensor.',
    parameters: ['size'],
    call: (c) =>
      c.op('iota', [], {
        shape: [c.evaluator.dimOf(c.value('size'), c.argument('size').span, 'size of iota')],
        axis: 0,
      }),
  },
  {
    name: 'tril',
    doc: 'Zeros above a diagonal of the last two axes.',
    parameters: ['x', 'diagonal?'],
    call: (c) => {
      const x = c.operand('x', 'f32');
      const last = x.type.shape.slice(-2);
      const e = c.evaluator;
      const row = e.emission.operand(c.op('iota', [], { shape: last, axis: 0 }), c.span);
      const column = e.emission.operand(c.op('iota', [], { shape: last, axis: 1 }), c.span);
      const limit = e.emission.operand(
        c.op('add', [row, e.emission.operand({ kind: 'int', value: c.int('diagonal', 0) }, c.span, 'i64')], {}),
        c.span,
      );
      const kept = e.emission.operand(c.op('less_equal', [column, limit], {}), c.span);
      return c.op('where', [kept, x, e.emission.operand({ kind: 'float', value: 0 }, c.span, 'f32')], {});
    },
  },
  {
    name: 'cached',
    doc: 'In an entry with a cache: the past values of a layer followed by these, along the length axis of [B, heads, T, head_dim]; elsewhere x itself.',
    parameters: ['x', 'name'],
    call: cached,
  },
];

const LENGTH_AXIS = 2;

function cached(c: BoundCall): Value {
  const x = c.operand('x', 'f32');
  const name = c.string('name');
  const id = recordedEffect(
    c.evaluator,
    x.id,
    () => withPast(c, x, name),
    (result) => ({ kind: 'cached', operand: x.id, axis: LENGTH_AXIS, result }),
  );
  const { value } = x.source;
  return value.kind === 'tensor' && value.id === id ? value : { kind: 'tensor', id, span: c.span };
}

function withPast(c: BoundCall, x: Operand, name: string): ValueId {
  const { trace } = c.evaluator;
  if (!trace?.cache) return x.id;
  const { cache, builder, path } = trace;
  const { shape } = x.type;
  if (shape.length !== 4) return c.evaluator.fail(diagnose('cached_outside', {}, c.span, c.evaluator.here()));
  if (!cache.indices.has(path)) cache.indices.set(path, cache.indices.size);
  const index = cache.indices.get(path)!;
  const [past, present] = [`${cache.past}.${index}.${name}`, `${cache.present}.${index}.${name}`];
  if (cache.ports.some((port) => port.past === past)) {
    return c.evaluator.fail(
      diagnose('duplicate_name', { name: past }, c.span, {
        ...c.evaluator.here(),
        notes: ['each cached value of a module needs a name of its own'],
      }),
    );
  }
  const added = shape[LENGTH_AXIS]!;
  oneLength(c, cache, added);
  const input = builder.input(
    past,
    'f32',
    shape.map((dim, axis) => (axis === LENGTH_AXIS ? cache.length : dim)),
  );
  const joined = builder.node('concat', [input, x.id], { axis: LENGTH_AXIS }, c.evaluator.emission.origin(c.span));
  cache.ports.push({ past, present, axis: LENGTH_AXIS, value: joined, added, span: c.span });
  return joined;
}

/** All pasts of an entry have one length, so each step must add equally many rows to each: else the second step has no length to give. */
function oneLength(c: BoundCall, { ports, length }: CacheTrace, added: Dim): void {
  const other = ports.find((port) => !equalDims(port.added, added));
  if (!other) return;
  const lengths = { past: printDim(length), added: printDim(added), other: printDim(other.added) };
  c.evaluator.fail(
    diagnose('cached_lengths', lengths, c.span, {
      ...c.evaluator.here(),
      secondary: [{ span: other.span, message: `${other.past} grows by ${lengths.other}` }],
      notes: [
        'keys and values of a memory do not grow with the answer: leave them without cached(…), or use CrossAttention of std in place of MultiHeadAttention',
      ],
    }),
  );
}
