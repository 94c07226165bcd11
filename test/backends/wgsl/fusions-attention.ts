/** Fusions around attention: its cache, its rotary embedding, its gradients. */
import type { ValueId } from '../../../src/compiler/ir/graph.ts';
import { addDims } from '../../../src/shared/dim.ts';
import { B, DECODING, decoding, P, type Sample, sample, T, threeOf } from './fusion-sample.ts';

export const ATTENTION_SAMPLES: readonly Sample[] = [
  sample(
    'new positions are appended to the cache and attention reads it',
    (b) => {
      const total = addDims(P, T);
      const past = b.x('past', [B, 2, P, 4]);
      const mask = b.input('mask', 'bool', [B, total]);
      const [q, k] = [b.x('q', [B, 2, T, 4]), b.x('k', [B, 2, T, 4])];
      const present = b.node('concat', [past, b.mul(k, b.scalar(0.5))], { axis: 2 });
      return { present, y: b.node('attention', [q, present, present, mask], { causal: true, scale: null }) };
    },
    ['mul: k → cache 0', 'attention: q, cache 0, mask → y'],
    {
      options: { cache: [{ past: 'past', present: 'present', axis: 2 }] },
      sizes: [
        { B: 2, T: 3, P: 4 },
        { B: 1, T: 1, P: 5 },
        { B: 2, T: 4, P: 0 },
      ],
    },
  ),
  sample(
    'norm, rotary, append and attention of a new position are one dispatch where there is one',
    (b) => decoding(b, 40),
    [
      'reshape → transpose → slice → reshape → layer_norm → rotary ‖ reshape → transpose → slice → reshape → layer_norm → rotary ‖ reshape → transpose → slice → reshape: x, pack 3, positions, constant 5 → scratch 0, cache 0, cache 1',
      '  T ≤ 1: nothing',
      'attention: scratch 0, cache 0, cache 1, mask → y',
      '  T ≤ 1: new q, k, v → attention: mask, x, pack 3, positions, constant 5 → y, cache 0, cache 1',
    ],
    DECODING,
  ),
  sample(
    'the same, of heads that vectors do not divide',
    (b) => decoding(b, 6),
    [
      'reshape → transpose → slice → reshape → layer_norm → rotary ‖ reshape → transpose → slice → reshape → layer_norm → rotary ‖ reshape → transpose → slice → reshape: x, pack 3, positions, constant 5 → scratch 0, cache 0, cache 1',
      '  T ≤ 1: nothing',
      'attention: scratch 0, cache 0, cache 1, mask → y',
      '  T ≤ 1: new q, k, v → attention: mask, x, pack 3, positions, constant 5 → y, cache 0, cache 1',
    ],
    DECODING,
  ),
  sample(
    'queries that are an output are written by a step of their own',
    (b) => {
      const [q, k, v] = threeOf(b, 4);
      const queries = b.node('relu', [q], {});
      const [key, value] = [b.x('past.key', [B, 2, P, 4]), b.x('past.value', [B, 2, P, 4])];
      const [keys, values] = [b.node('concat', [key, k], { axis: 2 }), b.node('concat', [value, v], { axis: 2 })];
      return { queries, keys, values, y: b.node('attention', [queries, keys, values], { causal: true, scale: null }) };
    },
    [
      'reshape → transpose → slice → reshape → relu ‖ reshape → transpose → slice → reshape ‖ reshape → transpose → slice → reshape: x → queries, cache 0, cache 1',
      '  T ≤ 1: reshape → transpose → slice → reshape → relu: x → queries',
      'attention: queries, cache 0, cache 1 → y',
      '  T ≤ 1: new k, v → attention: queries, x → y, cache 0, cache 1',
    ],
    DECODING,
  ),
  sample(
    'the same without norm and rotary: the queries are read as they lie',
    (b) => {
      const total = addDims(P, T);
      const mask = b.input('mask', 'bool', [B, total]);
      const [q, k, v] = threeOf(b, 4);
      const [key, value] = [b.x('past.key', [B, 2, P, 4]), b.x('past.value', [B, 2, P, 4])];
      const [keys, values] = [b.node('concat', [key, k], { axis: 2 }), b.node('concat', [value, v], { axis: 2 })];
      return { keys, values, y: b.node('attention', [q, keys, values, mask], { causal: false, scale: 0.3 }) };
    },
    [
      'reshape → transpose → slice → reshape ‖ reshape → transpose → slice → reshape: x → cache 0, cache 1',
      '  T ≤ 1: nothing',
      'reshape → transpose → slice → reshape → attention: x, cache 0, cache 1, mask → y',
      '  T ≤ 1: new k, v → reshape → transpose → slice → reshape → attention: mask, x → y, cache 0, cache 1',
    ],
    DECODING,
  ),
  sample(
    'gradients of attention read the log-sum-exp that it saved, and y where it lies',
    (b) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => b.x(name, [B, 2, T, 4])) as [ValueId, ValueId, ValueId];
      const mask = b.input('mask', 'bool', [B, T]);
      const settings = { causal: true, scale: null };
      const y = b.node('transpose', [b.node('attention', [q, k, v, mask], settings)], { permutation: [0, 2, 1, 3] });
      const flat = b.node('reshape', [y], { shape: [B, T, 8] });
      const out = b.node('linear', [flat, b.w('dense', [8, 8])], {});
      const [dq, dk, dv] = b.nodeOutputs('attention_grad', [q, k, v, b.x('dy', [B, 2, T, 4]), mask], settings);
      return { out, dq: dq, dk: dk!, dv: dv! };
    },
    [
      'attention → transpose → reshape: q, k, v, mask → scratch 0, scratch 1',
      'linear: scratch 0, dense → out',
      'reshape → transpose → mul → sum [folds sum; columns 0]: dy, scratch 0 → scratch 1',
      'attention_grad: q, k, v, mask, dy, scratch 1 → dk, dv',
      'attention_grad: q, k, v, mask, dy, scratch 1 → dq',
    ],
  ),
  sample(
    'gradients of an attention that is nowhere else compute what they need of it',
    (b) => {
      const [q, k, v, dy] = ['q', 'k', 'v', 'dy'].map((name) => b.x(name, [B, 2, T, 4])) as [
        number,
        number,
        number,
        number,
      ];
      const y = b.node('attention', [q, k, v], { causal: false, scale: null });
      const [dq, dk, dv] = b.nodeOutputs('attention_grad', [q, k, v, dy], { causal: true, scale: null });
      return { y, dq: dq, dk: dk!, dv: dv! };
    },
    [
      'attention: q, k, v → y',
      'attention_grad: q, k, v, dy → scratch 0',
      'attention_grad ‖ attention_grad: q, k, v, dy, scratch 0 → dk, dv, dq',
    ],
  ),
  sample(
    'an epilogue that needs the gradients does not join the attention that they need',
    (b) => {
      const [q, k, v, dy] = ['q', 'k', 'v', 'dy'].map((name) => b.x(name, [B, 2, T, 4])) as [
        number,
        number,
        number,
        number,
      ];
      const y = b.node('attention', [q, k, v], { causal: true, scale: null });
      const [dq] = b.nodeOutputs('attention_grad', [q, k, v, dy], { causal: true, scale: null });
      return { sum: b.add(y, dq) };
    },
    [
      'attention: q, k, v → scratch 0, scratch 1',
      'mul → sum [folds sum; columns 0]: dy, scratch 0 → scratch 1',
      'attention_grad: q, k, v, dy, scratch 1 → scratch 2',
      'add: scratch 0, scratch 2 → sum',
    ],
  ),
  sample(
    'what is read at other places is not overwritten by its successor',
    (b) => {
      const x = b.x('x', [4, 4]);
      return { next: b.add(x, b.node('transpose', [x], { permutation: [1, 0] })) };
    },
    ['transpose → add: x → next'],
    { options: { donations: new Map([['next', 'x']]) }, sizes: [{}] },
  ),
];
