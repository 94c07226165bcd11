/** Dynamic sizes: one session, many shapes, 0 among them; attention with a cache is the case that matters. */

import type { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { addDims, type Dim, evaluateDim, mulDims, productOf, type Shape, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { difference, disagreement, loadSession, noise, OPSETS, runOnnx, runSession, tensor } from './support.ts';

const [B, P, T] = [symbol('B'), symbol('P'), symbol('T')];
const S = addDims(P, T);
const [HEADS, HEAD_DIM, ROTARY] = [2, 5, 4];

/** Two attention layers with rotary, a key/value cache and (if `masked`) a padding mask: a decoder without its MLPs. */
function decoder(masked: boolean): Graph {
  const b = new GraphBuilder('decode');
  const width = HEADS * HEAD_DIM;
  let x = b.input('inputs_embeds', 'f32', [B, T, width]);
  const positions = b.input('position_ids', 'i64', [B, T]);
  const mask = masked ? b.node('cast', [b.input('attention_mask', 'i64', [B, S])], { to: 'bool' }) : undefined;
  const presents: [string, ValueId][] = [];
  for (const layer of [0, 1]) {
    const origin = { path: `layers.${layer}.self_attn` };
    const heads = (value: ValueId) =>
      b.node(
        'transpose',
        [b.node('reshape', [value], { shape: [B, T, HEADS, HEAD_DIM] }, origin)],
        { permutation: [0, 2, 1, 3] },
        origin,
      );
    const weight = b.parameter(`layers.${layer}.qkv.weight`, 'f32', [3 * width, width]);
    const qkv = b.node('linear', [x, weight], {}, origin);
    const parts = b.nodeOutputs('split', [qkv], { axis: 2, sizes: [width, width, width] }, origin);
    const turn = (value: ValueId) =>
      b.node('rotary', [value, positions], { dims: ROTARY, theta: 10000, max_positions: 512 }, origin);
    const [q, k, v] = [turn(heads(parts[0])), turn(heads(parts[1]!)), heads(parts[2]!)];
    const cached = (kind: string, now: ValueId) => {
      const past = b.input(`past_key_values.${layer}.${kind}`, 'f32', [B, HEADS, P, HEAD_DIM]);
      const all = b.node('concat', [past, now], { axis: 2 }, origin);
      presents.push([`present.${layer}.${kind}`, all]);
      return all;
    };
    const operands = [q, cached('key', k), cached('value', v), ...(mask === undefined ? [] : [mask])] as const;
    const seen = b.node('attention', operands, { causal: true, scale: null }, origin);
    const merged = b.node('transpose', [seen], { permutation: [0, 2, 1, 3] }, origin);
    x = b.node('add', [x, b.node('reshape', [merged], { shape: [B, T, width] }, origin)], {}, origin);
  }
  b.output('logits', x);
  for (const [name, value] of presents) b.output(name, value);
  return b.build();
}

function decoderFeeds(batch: number, past: number, now: number, masked: boolean): Record<string, WideTensor> {
  const positions = Array.from({ length: batch * now }, (_, i) => past + (i % now));
  // left padding: sequence n starts n keys late, the last sequence has nothing but padding
  const keys = Array.from({ length: batch * (past + now) }, (_, i) => {
    const [row, column] = [Math.floor(i / (past + now)), i % (past + now)];
    return row > 0 && row === batch - 1 ? 0 : Number(column >= row);
  });
  const state = (seed: number) => noise([batch, HEADS, past, HEAD_DIM], seed, 2);
  return {
    inputs_embeds: noise([batch, now, HEADS * HEAD_DIM], 1, 2),
    position_ids: tensor('i64', [batch, now], positions),
    ...(masked ? { attention_mask: tensor('i64', [batch, past + now], keys) } : {}),
    'past_key_values.0.key': state(2),
    'past_key_values.0.value': state(3),
    'past_key_values.1.key': state(4),
    'past_key_values.1.value': state(5),
  };
}

const width = HEADS * HEAD_DIM;
// small, so that the scores are: a softmax of scores in the thousands magnifies float32's rounding beyond any tolerance
const weights = new Map(
  [0, 1].map((layer) => [`layers.${layer}.qkv.weight`, noise([3 * width, width], 7 + layer, 0.2)]),
);

describe.each(OPSETS)('a decoder with a cache, opset %d', (opset) => {
  describe.each([true, false])('padding mask %s', (masked) => {
    const graph = decoder(masked);
    let session: InferenceSession;
    beforeAll(async () => {
      session = await loadSession(graph, { opset, parameters: weights });
    });
    afterAll(() => session.release());

    async function check(batch: number, past: number, now: number): Promise<void> {
      const feeds = decoderFeeds(batch, past, now, masked);
      const actual = await runSession(session, feeds);
      const expected = interpret(graph, {
        inputs: new Map(Object.entries(feeds)),
        parameters: (key) => weights.get(key)!,
      });
      for (const [name, wanted] of expected) expect(difference(actual[name]!, wanted), name).toBeUndefined();
    }

    const sizes = [
      [1, 0, 1],
      [1, 0, 7],
      [3, 0, 5],
      [2, 3, 1],
      [2, 6, 3],
      [3, 1, 9],
      [2, 199, 1],
      [1, 150, 50],
    ] as const;
    test.each(sizes)('batch %d, %d past, %d new', check);

    const empty = [
      [0, 0, 3],
      [0, 4, 2],
      [2, 3, 0],
    ] as const;
    test.each(empty)('nothing to do: batch %d, %d past, %d new', check);
  });
});

describe.each(OPSETS)('attention, opset %d', (opset) => {
  function attend(q: Shape, k: Shape, v: Shape, causal: boolean, mask?: Shape): Graph {
    const b = new GraphBuilder('attend');
    const operands = [b.input('q', 'f32', q), b.input('k', 'f32', k), b.input('v', 'f32', v)] as const;
    const more = mask ? [b.input('mask', 'bool', mask)] : [];
    b.output('out', b.node('attention', [...operands, ...more], { causal, scale: null }));
    return b.build();
  }
  const feeds = (batch: number, queries: number, keys: number, dim: number, out: number) => ({
    q: noise([batch, 3, queries, dim], 1, 3),
    k: noise([batch, 3, keys, dim], 2, 3),
    v: noise([batch, 3, keys, out], 3, 3),
  });
  const hidden = (batch: number, keys: number) =>
    tensor(
      'bool',
      [batch, keys],
      Array.from({ length: batch * keys }, (_, i) => Number(i >= keys && i % 3 !== 0)),
    );

  const sizes = [
    [2, 5, 5, 5, 5],
    [2, 1, 7, 5, 3],
    [1, 3, 200, 5, 7],
    [2, 17, 199, 64, 64],
    [2, 6, 4, 5, 5],
    [2, 33, 33, 80, 80],
  ] as const;
  describe.each(sizes)('batch %d, %d queries, %d keys, head_dim %d, values %d', (batch, queries, keys, dim, out) => {
    for (const causal of [false, true]) {
      for (const dynamic of [false, true]) {
        const [b, t, s]: readonly Dim[] = dynamic ? [symbol('B'), symbol('T'), symbol('S')] : [batch, queries, keys];
        const graphs = (mask: boolean) =>
          attend([b!, 3, t!, dim], [b!, 3, s!, dim], [b!, 3, s!, out], causal, mask ? [b!, s!] : undefined);
        test(`causal ${causal}, dynamic ${dynamic}`, async () => {
          const numbers = feeds(batch, queries, keys, dim, out);
          expect(await disagreement(graphs(false), numbers, { opset })).toBeUndefined();
        });
        // the first sequence has no visible key at all
        test(`causal ${causal}, dynamic ${dynamic}, masked`, async () => {
          const numbers = { ...feeds(batch, queries, keys, dim, out), mask: hidden(batch, keys) };
          expect(await disagreement(graphs(true), numbers, { opset })).toBeUndefined();
        });
      }
    }
  });
  test('no keys at all yield zeros', async () => {
    const graph = attend([2, 3, 4, 5], [2, 3, 0, 5], [2, 3, 0, 6], false);
    const result = await runOnnx(graph, feeds(2, 4, 0, 5, 6), { opset });
    expect([...result.out!.data]).toEqual(new Array(2 * 3 * 4 * 6).fill(0));
  });
});

describe.each(OPSETS)('reshape and expand with symbols, opset %d', (opset) => {
  const [M, N] = [symbol('M'), symbol('N')];
  const reshapes: readonly (readonly [string, Shape, Shape])[] = [
    ['splits the last axis', [M, N, 12], [M, N, 3, 4]],
    ['merges two symbols', [M, N, 4], [mulDims(M, N), 4]],
    ['merges everything', [M, N, 4], [productOf([M, N, 4])]],
    ['adds axes', [M, N], [M, 1, N, 1]],
    ['drops axes', [1, M, 1, N], [M, N]],
    ['swaps what it cannot copy', [M, 4, N], [4, M, N]],
    ['carries a static zero', [M, 0, N], [N, 0, M]],
    ['moves a factor between symbols', [mulDims(M, 4), N], [M, mulDims(N, 4)]],
  ];
  test.each(reshapes)('%s', async (_, from, to) => {
    const b = new GraphBuilder('reshape');
    const x = b.input('x', 'f32', from);
    // the symbols as plain axes
    const sizes = b.input('sizes', 'bool', [M, N]);
    b.output('y', b.node('reshape', [x], { shape: to }));
    b.output('same', sizes);
    for (const [m, n] of [
      [2, 3],
      [1, 1],
      [0, 3],
      [2, 0],
      [0, 0],
    ] as const) {
      const shape = from.map((dim) =>
        evaluateDim(
          dim,
          new Map([
            ['M', m],
            ['N', n],
          ]),
        ),
      );
      const feeds = { x: noise(shape), sizes: tensor('bool', [m, n], new Array(m * n).fill(1)) };
      expect(await disagreement(b.build(), feeds, { opset }), `M = ${m}, N = ${n}`).toBeUndefined();
    }
  });

  const expansions: readonly (readonly [string, Shape, Shape])[] = [
    ['adds a symbol in front', [4], [M, N, 4]],
    ['keeps what is equal', [M, 1, N], [M, 5, N]],
    ['stretches ones', [1, 1], [M, N]],
    ['does nothing', [M, N], [M, N]],
  ];
  test.each(expansions)('expand %s', async (_, from, to) => {
    const b = new GraphBuilder('expand');
    const x = b.input('x', 'f32', from);
    b.output('same', b.input('sizes', 'bool', [M, N]));
    b.output('y', b.node('expand', [x], { shape: to }));
    for (const [m, n] of [
      [2, 3],
      [1, 1],
      [0, 3],
    ] as const) {
      const shape = from.map((dim) =>
        evaluateDim(
          dim,
          new Map([
            ['M', m],
            ['N', n],
          ]),
        ),
      );
      const feeds = { x: noise(shape), sizes: tensor('bool', [m, n], new Array(m * n).fill(1)) };
      expect(await disagreement(b.build(), feeds, { opset }), `M = ${m}, N = ${n}`).toBeUndefined();
    }
  });

  test('slice, split, iota and dim_size by symbols', async () => {
    const b = new GraphBuilder('bounds');
    const x = b.input('x', 'f32', [B, S, 3]);
    b.input('past', 'f32', [B, P]);
    const parts = b.nodeOutputs('split', [x], { axis: 1, sizes: [P, T] });
    b.output('past_part', parts[0]);
    b.output('new_part', parts[1]!);
    b.output('tail', b.node('slice', [x], { starts: [0, P, 1], ends: [B, S, 3], steps: [1, 1, 1] }));
    b.output('head', b.node('slice', [x], { starts: [0, 0, 0], ends: [B, P, 3], steps: [1, 1, 2] }));
    b.output('index', b.node('iota', [], { shape: [B, T, 2], axis: 1 }));
    b.output('count', b.node('dim_size', [], { dim: addDims(mulDims(S, B), mulDims(-2, P)) }));
    for (const [batch, past, now] of [
      [2, 3, 4],
      [1, 0, 2],
      [2, 2, 0],
      [0, 1, 1],
    ] as const) {
      const feeds = { x: noise([batch, past + now, 3]), past: noise([batch, past]) };
      expect(await disagreement(b.build(), feeds, { opset }), `${batch}, ${past}, ${now}`).toBeUndefined();
    }
  });

  test('a size beyond the table or the axis is an error', async () => {
    const b = new GraphBuilder('lookup');
    const ids = b.input('ids', 'i64', [1, T]);
    b.output('rows', b.node('gather', [b.parameter('table', 'f32', [4, 2]), ids], { axis: 0 }));
    const x = b.input('x', 'f32', [B, 2, T, 4]);
    b.output(
      'turned',
      b.node('rotary', [x, b.input('positions', 'i64', [1, T])], { dims: 4, theta: 1e4, max_positions: 8 }),
    );
    const parameters = new Map([['table', noise([4, 2])]]);
    const run = (id: number, position: number) =>
      runOnnx(
        b.build(),
        { ids: tensor('i64', [1, 1], [id]), positions: tensor('i64', [1, 1], [position]), x: noise([2, 2, 1, 4]) },
        { opset, parameters },
      );
    await expect(run(3, 7)).resolves.toBeDefined();
    await expect(run(4, 7)).rejects.toThrow('out of');
    await expect(run(3, 8)).rejects.toThrow('out of');
  });
});
