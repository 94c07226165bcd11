/** Views and moves. Sizes are read from tensors only where the expression cannot do without: `unflatten`, `-1`, `:`. */
import { type Dim, equalDims, isSymbolic, productOf, subDims } from '../../../../shared/dim.ts';
import type { GatherOps } from '../../../ops/gather.ts';
import type { PieceOps } from '../../../ops/pieces.ts';
import type { ShapeOps } from '../../../ops/shape.ts';
import type { SourceOps } from '../../../ops/sources.ts';
import { bool, call, type Expr, float, method, PREC, tuple, within } from '../python.ts';
import { type Call, type Family, sizes, tensors } from './rule.ts';

type Shaping = keyof ShapeOps | keyof PieceOps | keyof SourceOps | keyof GatherOps;

/** Where two shapes differ: axes `from … from + fromCount` of one are `from … from + toCount` of the other. */
function difference(from: readonly Dim[], to: readonly Dim[]) {
  const least = Math.min(from.length, to.length);
  let start = 0;
  while (start < least && equalDims(from[start]!, to[start]!)) start++;
  let end = 0;
  while (end < least - start && equalDims(from.at(-1 - end)!, to.at(-1 - end)!)) end++;
  return { start, before: from.slice(start, from.length - end), after: to.slice(start, to.length - end) };
}

const isOne = (dim: Dim): boolean => equalDims(dim, 1);

/** Sizes of a shape in which one may be what is left: −1 for the only dynamic one. */
function withHole(c: Call<'reshape'>, dims: readonly Dim[]): string[] {
  const dynamic = dims.filter(isSymbolic);
  const rest = productOf(dims.filter((dim) => !isSymbolic(dim)));
  if (dynamic.length !== 1 || rest === 0) return sizes(c, dims);
  return dims.map((dim) => (isSymbolic(dim) ? '-1' : String(dim)));
}

function reshape(c: Call<'reshape'>): Expr {
  const [from, to] = [c.types[0].shape, c.attributes.shape];
  const [x] = tensors(c);
  const { start, before, after } = difference(from, to);
  if (before.length === 0 && after.length === 0) return x;
  if (before.length === 0 && after.every(isOne))
    return after.reduce<Expr>((expr) => method(expr, 'unsqueeze', [axis(start, to.length)]), x);
  if (after.length === 0 && before.every(isOne))
    return before.reduce<Expr>((expr) => method(expr, 'squeeze', [String(start)]), x);
  if (before.length === 1 && after.length > 1)
    return method(x, 'unflatten', [axis(start, from.length), tuple(withHole(c, after))]);
  if (after.length === 1 && before.length > 1) {
    const last = start + before.length - 1;
    if (from.length === before.length) return method(x, 'flatten');
    return method(x, 'flatten', last === from.length - 1 ? [String(start)] : [String(start), String(last)]);
  }
  return method(x, 'reshape', withHole(c, to));
}

/** The last axis as −1, as people write it. */
const axis = (index: number, rank: number): string => (index === rank - 1 ? '-1' : String(index));

function transpose(c: Call<'transpose'>): Expr {
  const { permutation } = c.attributes;
  const moved = permutation.flatMap((from, to) => (from === to ? [] : [to]));
  const [x] = tensors(c);
  if (moved.length === 0) return x;
  if (moved.length === 2) return method(x, 'transpose', moved.map(String));
  return method(x, 'permute', permutation.map(String));
}

/** A number becomes a new tensor; of a tensor, −1 keeps an axis as it is. */
function expand(c: Call<'expand'>): Expr {
  const { shape } = c.attributes;
  const [x, from] = [c.inputs[0], c.types[0]];
  if (x.number) {
    const dtype = { f32: 'torch.float32', i64: 'torch.int64', bool: 'torch.bool' }[from.dtype];
    const where = [...(from.dtype === 'f32' ? [] : [`dtype=${dtype}`]), `device=${c.device()}`].join(', ');
    if (x.text === '0.0' || x.text === '1.0')
      return call(`torch.${x.text === '0.0' ? 'zeros' : 'ones'}`, [], [...sizes(c, shape), where]);
    return call('torch.full', [], [tuple(sizes(c, shape)), x.text, where]);
  }
  const added = shape.length - from.shape.length;
  const kept = (dim: Dim, index: number): boolean => index >= added && equalDims(from.shape[index - added]!, dim);
  if (added === 0 && shape.every(kept)) return x;
  return method(
    x,
    'expand',
    shape.map((dim, index) => (kept(dim, index) ? '-1' : c.size(dim).text)),
  );
}

/** `1:`, `:-1`, `::2`, or the text of all of an axis. */
function range(c: Call<'slice'>, index: number): string {
  const { starts, ends, steps } = c.attributes;
  const size = c.types[0].shape[index]!;
  const bound = (at: Dim): string => {
    if (!isSymbolic(at)) return String(at);
    // counted from the end where the difference is known
    const back = subDims(size, at);
    return !isSymbolic(back) && back > 0 ? `-${back}` : c.size(at).text;
  };
  const start = equalDims(starts[index]!, 0) ? '' : bound(starts[index]!);
  const fromEnd = subDims(size, ends[index]!);
  const end = equalDims(fromEnd, 0)
    ? ''
    : isSymbolic(size) && !isSymbolic(fromEnd)
      ? `-${fromEnd}`
      : bound(ends[index]!);
  const step = steps[index]! === 1 ? '' : `:${steps[index]}`;
  return `${start}:${end}${step}`;
}

function slice(c: Call<'slice'>): Expr {
  const items = c.types[0].shape.map((_, index) => range(c, index));
  while (items.at(-1) === ':') items.pop();
  const [x] = tensors(c);
  return items.length === 0 ? x : { ...x, text: `${within(x, PREC.atom)}[${items.join(', ')}]`, prec: PREC.atom };
}

function iota(c: Call<'iota'>): Expr {
  const { shape, axis: along } = c.attributes;
  const row = call('torch.arange', [c.size(shape[along]!)], [`device=${c.device()}`]);
  if (shape.length === 1) return row;
  const lifted = method(
    row,
    'view',
    shape.map((_, index) => (index === along ? '-1' : '1')),
  );
  return method(lifted, 'expand', sizes(c, shape));
}

/** `F.embedding` where rows of a matrix are looked up: as the others here, it refuses an index outside of the table. */
function gather(c: Call<'gather'>): Expr {
  const [data, indices] = tensors(c);
  const [{ shape, dtype }, { shape: places }] = c.types;
  const { axis: along } = c.attributes;
  if (along === 0 && shape.length === 2 && dtype === 'f32') return call('F.embedding', [indices, data]);
  if (places.length === 1) return method(data, 'index_select', [String(along), indices.text]);
  const rows = [...data.effects, ...indices.effects];
  const flat = { ...method(data, 'index_select', [String(along), method(indices, 'flatten').text]), effects: rows };
  if (places.length === 0) return method(flat, 'squeeze', [String(along)]);
  return method(flat, 'unflatten', [String(along), `${within(indices, PREC.atom)}.shape`]);
}

/** `data.gather(1, indices)`. */
const indexed =
  (name: string) =>
  (c: Call<'gather_elements' | 'scatter_add' | 'scatter_elements_add'>): Expr => {
    const [data, ...others] = tensors(c);
    const args = [String(c.attributes.axis), ...others.map(({ text }) => text)];
    return { ...method(data, name, args), effects: [data, ...others].flatMap(({ effects }) => effects) };
  };

export const SHAPE: Family<Shaping> = {
  reshape,
  transpose,
  expand,
  concat: (c) => {
    const items = tensors(c);
    const list = {
      text: `(${items.map(({ text }) => text).join(', ')}${items.length === 1 ? ',' : ''})`,
      prec: PREC.atom,
    };
    const rank = c.outputs[0].shape.length;
    return call(
      'torch.cat',
      [{ ...list, effects: items.flatMap(({ effects }) => effects) }],
      [`dim=${axis(c.attributes.axis, rank)}`],
    );
  },
  split: (c) =>
    method(tensors(c)[0], 'split', [
      tuple(sizes(c, c.attributes.sizes)),
      `dim=${axis(c.attributes.axis, c.types[0].shape.length)}`,
    ]),
  slice,
  flip: (c) =>
    c.attributes.axes.length === 0 ? tensors(c)[0] : method(tensors(c)[0], 'flip', c.attributes.axes.map(String)),
  pad: (c) => {
    const { before, after, value } = c.attributes;
    const pads = before.map((first, index) => [first, after[index]!]).toReversed();
    const dtype = c.types[0].dtype;
    const number = dtype === 'f32' ? float(value) : dtype === 'bool' ? bool(value !== 0) : String(value);
    return call('F.pad', tensors(c), [tuple(pads.flat()), ...(value === 0 ? [] : [`value=${number}`])]);
  },
  iota,
  dim_size: (c) => ({ ...c.size(c.attributes.dim), number: true }),
  gather,
  gather_elements: indexed('gather'),
  scatter_add: indexed('index_add'),
  scatter_elements_add: indexed('scatter_add'),
};
