/** Small graphs that each show one thing about fusion, and sizes at which they are run. */
import type { ValueId } from '../../../src/compiler/ir/graph.ts';
import { addDims } from '../../../src/shared/dim.ts';
import { B, P, type Sample, sample, T } from './fusion-sample.ts';
import { ATTENTION_SAMPLES } from './fusions-attention.ts';

export const SAMPLES: readonly Sample[] = [
  ...ATTENTION_SAMPLES,
  sample(
    'layer_norm → linear → gelu: a row kernel and a contraction with its epilogue',
    (b) => {
      const h = b.node('linear', [b.norm(b.x()), b.w('fc.weight', [16, 8]), b.w('fc.bias', [16])], {});
      return { y: b.node('gelu', [h], { approximate: 'tanh' }) };
    },
    [
      'layer_norm [folds mean, mean; columns 1]: x, norm.weight, norm.bias → scratch 0',
      'linear → gelu: scratch 0, fc.weight, fc.bias → y',
    ],
  ),
  sample(
    'residual + norm: one kernel with two outputs',
    (b) => {
      const h = b.add(b.x('x'), b.x('branch'));
      return { h, normal: b.norm(h) };
    },
    ['add → layer_norm [folds mean, mean; columns 1]: x, branch, norm.weight, norm.bias → h, normal'],
  ),
  sample(
    'a value that is fused away and an output survives',
    (b) => {
      const h = b.node('relu', [b.x()], {});
      return { h, doubled: b.mul(h, b.scalar(2)) };
    },
    ['relu → mul: x → h, doubled'],
  ),
  sample(
    'a costly value read by two contractions is stored once, and they run side by side',
    (b) => {
      const h = b.node('gelu', [b.x()], { approximate: 'none' });
      return { a: b.node('linear', [h, b.w('a', [4, 8])], {}), b: b.node('linear', [h, b.w('b', [4, 8])], {}) };
    },
    ['gelu: x → scratch 0', 'linear ‖ linear: scratch 0, a, b → a, b'],
  ),
  sample('softmax: two folds over a row in one kernel', (b) => ({ y: b.node('softmax', [b.x()], { axis: 2 }) }), [
    'softmax [folds max, sum; columns 1]: x → y',
  ]),
  sample(
    'softmax over an axis that is not the last',
    (b) => ({ y: b.node('softmax', [b.x('x', [B, 4, 8])], { axis: 1 }) }),
    [
      'softmax [folds max; columns 0]: x → scratch 0',
      'softmax: x, scratch 0 → scratch 1',
      'softmax [folds sum; columns 0]: scratch 1 → scratch 0',
      'softmax: scratch 1, scratch 0 → y',
    ],
    { sizes: [{ B: 2 }, { B: 0 }] },
  ),
  sample(
    'a fold whose result is read at another row joins: each row still needs one',
    (b) => {
      const x = b.x('x', [B, 8]);
      const mean = b.node('mean', [x], { axes: [1], keepdims: true });
      return { y: b.node('sub', [x, b.node('flip', [mean], { axes: [0] })], {}) };
    },
    ['mean → flip → sub [folds mean; columns 1]: x → y'],
    { sizes: [{ B: 3 }, { B: 1 }, { B: 0 }] },
  ),
  sample(
    'a fold over everything that every row reads stays apart',
    (b) => {
      const x = b.x('x', [B, 8]);
      return { y: b.node('sub', [x, b.node('max', [x], { axes: [0, 1], keepdims: true })], {}) };
    },
    ['max [folds max; columns 0]: x → scratch 0', 'sub: x, scratch 0 → y'],
    { sizes: [{ B: 3 }, { B: 1 }] },
  ),
  sample(
    'folds over the two axes of one value do not share rows',
    (b) => {
      const x = b.x('x', [B, 8]);
      const rows = b.node('sum', [x], { axes: [1], keepdims: true });
      const columns = b.node('sum', [x], { axes: [0], keepdims: true });
      return { y: b.add(b.mul(x, rows), columns) };
    },
    ['sum [folds sum; columns 0]: x → scratch 0', 'sum → mul → add [folds sum; columns 1]: x, scratch 0 → y'],
    { sizes: [{ B: 3 }, { B: 1 }, { B: 0 }] },
  ),
  sample(
    'a concat of many is written piece by piece, in one dispatch',
    (b) => {
      const parts = Array.from({ length: 6 }, (_, i) => b.mul(b.x(`x${i}`, [B, i + 1]), b.scalar(i + 2)));
      return { y: b.node('concat', parts, { axis: 1 }) };
    },
    ['mul ‖ mul ‖ mul ‖ mul ‖ mul ‖ mul: x5, x4, x3, x2, x1, x0 → y'],
    { sizes: [{ B: 2 }, { B: 1 }, { B: 0 }] },
  ),
  sample(
    'a concat of few is read by choice',
    (b) => ({
      y: b.node('tanh', [b.node('concat', [b.x('a', [B, 3]), b.x('b', [B, T]), b.x('c', [B, 2])], { axis: 1 })], {}),
    }),
    ['concat → tanh: a, b, c → y'],
  ),
  sample(
    'moments and parameter are updated in place by one kernel',
    (b) => {
      const [p, m, g] = ['p', 'm', 'g'].map((name) => b.x(name, [300])) as [ValueId, ValueId, ValueId];
      const moment = b.add(b.mul(m, b.scalar(0.9)), b.mul(g, b.scalar(0.1)));
      return { 'new.m': moment, 'new.p': b.node('sub', [p, b.mul(moment, b.scalar(0.5))], {}) };
    },
    ['mul → add → mul → sub: g → new.m, new.p'],
    {
      options: {
        donations: new Map([
          ['new.m', 'm'],
          ['new.p', 'p'],
        ]),
      },
      sizes: [{}],
    },
  ),
  sample(
    'an input that is handed through keeps what it was when another output takes its buffer',
    (b) => {
      const x = b.x('x', [70]);
      return { before: x, next: b.mul(x, b.scalar(3)) };
    },
    ['mul ‖ copy: before → next, before'],
    { options: { donations: new Map([['next', 'x']]) }, sizes: [{}] },
  ),
  sample(
    'a sum of twelve tensors is split into kernels of at most eight buffers',
    (b) => ({
      y: Array.from({ length: 12 }, (_, i) => b.x(`x${i}`)).reduce((sum, x) => b.add(b.mul(sum, b.scalar(0.5)), x)),
    }),
    [
      'mul → add → mul → … → add → mul → add → mul: x0, x1, x2, x3, x4, x5, x6 → scratch 0',
      'add → mul → add → … → mul → add → mul → add: scratch 0, x7, x8, x9, x10, x11 → y',
    ],
  ),
  sample(
    'twelve running sums, each an output',
    (b) => {
      const sums: Record<string, ValueId> = {};
      let sum = b.x('x');
      for (let i = 0; i < 12; i++) sums[`sum${i}`] = sum = b.add(sum, b.x(`x${i}`));
      return sums;
    },
    [
      'add: x, x0 → sum0',
      'add: sum0, x1 → sum1',
      'add: sum1, x2, x3, x4 → sum2, sum3, sum4',
      'add: sum4, x5 → sum5',
      'add: sum5, x6, x7, x8 → sum6, sum7, sum8',
      'add: sum8, x9, x10, x11 → sum9, sum10, sum11',
    ],
  ),
  sample(
    'views are read through strides: heads of a projection without a copy',
    (b) => {
      const qkv = b.node('linear', [b.x(), b.w('qkv', [24, 8])], {});
      const parts = b.nodeOutputs('split', [qkv], { axis: 2, sizes: [8, 8, 8] });
      const [q, k, v] = parts.map((part) =>
        b.node('transpose', [b.node('reshape', [part], { shape: [B, T, 2, 4] })], { permutation: [0, 2, 1, 3] }),
      ) as [ValueId, ValueId, ValueId];
      const y = b.node('attention', [q, k, v], { causal: true, scale: null });
      const merged = b.node('reshape', [b.node('transpose', [y], { permutation: [0, 2, 1, 3] })], { shape: [B, T, 8] });
      return { y: b.node('linear', [merged, b.w('out', [8, 8])], {}) };
    },
    [
      'linear: x, qkv → scratch 0',
      'split → reshape → transpose → … → transpose → attention → transpose → reshape: scratch 0 → scratch 1',
      'linear: scratch 1, out → y',
    ],
  ),
  sample(
    'positions behind a cache: sizes of P + T',
    (b) => {
      const x = b.x('x', [B, T, 8]);
      b.x('past', [B, P, 8]);
      const total = addDims(P, T);
      const all = b.node('cast', [b.node('iota', [], { shape: [total], axis: 0 })], { to: 'f32' });
      const own = b.node('slice', [all], { starts: [P], ends: [total], steps: [1] });
      const size = b.node('cast', [b.node('dim_size', [], { dim: total })], { to: 'f32' });
      return { y: b.node('div', [b.add(x, b.node('reshape', [own], { shape: [1, T, 1] })), size], {}) };
    },
    ['iota → cast → slice → dim_size → cast → reshape → add → div: x → y'],
    {
      sizes: [
        { B: 2, T: 3, P: 4 },
        { B: 1, T: 1, P: 0 },
        { B: 0, T: 2, P: 1 },
      ],
    },
  ),
  sample(
    'what is as good as an output is computed again by each reader: a gradient without its scale, and its size',
    (b) => {
      const g = b.node('matmul', [b.x('a', [16, 8]), b.x('b', [8, 16])], { transpose_a: false, transpose_b: false });
      const size = b.node('abs', [b.mul(g, b.x('scale', []))], {});
      const fold = (op: 'sum' | 'max', x: ValueId): ValueId => b.node(op, [x], { axes: [1], keepdims: false });
      return { g, squares: fold('sum', b.mul(size, size)), most: fold('max', size) };
    },
    ['matmul: a, b → g', 'mul → abs → mul → sum → max [folds sum, max; columns 0]: g, scale → squares, most'],
    { sizes: [{}] },
  ),
  sample(
    'folds that go over the same places and read the same there: one loop for all',
    (b) => {
      const [x, y] = [b.x('x', [300, 12]), b.x('y', [300, 12])];
      const fold = (op: 'sum' | 'max', of: ValueId): ValueId => b.node(op, [of], { axes: [0], keepdims: false });
      return {
        bias: fold('sum', x),
        weight: fold('sum', b.mul(x, y)),
        most: fold('max', x),
        other: fold('sum', b.mul(y, y)),
      };
    },
    ['sum → mul → sum → max ‖ mul → sum: x, y → bias, weight, most, other'],
    { sizes: [{}] },
  ),
  sample(
    'numbers that WGSL has no literal for',
    (b) => {
      const x = b.x('x', [B, 3]);
      const padded = b.node('pad', [x], { before: [0, 1], after: [0, 0], value: Number.NEGATIVE_INFINITY });
      const kept = b.node('clamp', [x], { min: 0, max: Number.POSITIVE_INFINITY });
      return { most: b.node('max', [padded], { axes: [1], keepdims: true }), kept };
    },
    ['clamp ‖ pad → max: x → kept, most'],
    { sizes: [{ B: 2 }] },
  ),
  sample(
    'one part of a split is an output, and read beside another that is not',
    (b) => {
      const [first, rest] = b.nodeOutputs('split', [b.x('x', [B, T, 4])], { axis: 2, sizes: [1, 3] });
      return { first: first, sum: b.add(first, rest!) };
    },
    ['split: x → first', 'split → add: first, x → sum'],
  ),
  sample(
    'a fold that needs the result of another has a loop of its own',
    (b) => {
      const x = b.x('x', [5, 70]);
      const mean = (of: ValueId): ValueId => b.node('mean', [of], { axes: [1], keepdims: true });
      const centred = b.node('sub', [x, mean(x)], {});
      return {
        mean: mean(x),
        variance: mean(b.mul(centred, centred)),
        least: b.node('min', [x], { axes: [1], keepdims: true }),
      };
    },
    ['mean → sub → mean → mul → mean → min [folds mean, mean, mean, min; columns 0]: x → mean, variance, least'],
    { sizes: [{}] },
  ),
  sample(
    'folds over the same places, of which one is wanted at others than the other',
    (b) => {
      const x = b.x('x', [6, 6, 40]);
      const sum = (of: ValueId): ValueId => b.node('sum', [of], { axes: [2], keepdims: false });
      return { y: b.add(sum(x), b.node('transpose', [sum(b.mul(x, x))], { permutation: [1, 0] })) };
    },
    ['sum → mul → sum → transpose → add [folds sum, sum; columns 0]: x → y'],
    { sizes: [{}] },
  ),
];
