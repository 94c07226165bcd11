/** Recomputation: the same gradients bit for bit, and what it saves, on a 12-layer GPT written in MDL. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { encodeModel, lowerToOnnx } from '../../../src/compiler/backends/onnx/index.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';
import { copyNode, copySources } from '../../../src/compiler/passes/autodiff/copy.ts';
import { Emit } from '../../../src/compiler/passes/autodiff/emit.ts';
import {
  differentiate,
  isBackward,
  lastLayerFirst,
  recompute,
  savedActivations,
} from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { inline, OPSETS, runOnnx } from '../../backends/onnx/support.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { compileOk, memory } from '../../support/project.ts';
import { relativeError } from '../../support/reference.ts';
import { noise, run } from './support.ts';

const GPT = `
import { Embedding, LayerNorm, Linear, MLP, MultiHeadAttention, next_token_loss } from "std"

module Layer(d, heads) {
  norm1 = LayerNorm(d)
  attn  = MultiHeadAttention(d, heads, causal = true)
  norm2 = LayerNorm(d)
  mlp   = MLP(d, 4 * d, activation = gelu_tanh)

  forward(x: [B, T, d]) -> [B, T, d] {
    let h = norm1(x)
    let y = x + dropout(attn(h, h), 0.1)
    y + mlp(norm2(y))
  }
}

model GPT {
  embed  = Embedding(11, 8)
  layers = [Layer(8, 2) for i in range(12)]
  norm   = LayerNorm(8)
  head   = Linear(8, 11)

  entry loss(input_ids: int[B, T], labels: int[B, T]) -> (loss: []) {
    let x = embed(input_ids)
    for layer in layers { x = layer(x) }
    next_token_loss(head(norm(x)), labels)
  }
}
`;

import { folderWith } from '../../support/folder.ts';

const model = compileOk('main.mdl', memory({ 'main.mdl': GPT }));
const { graph } = model.entry('loss', [], { training: { dropout: true } })!;
const keys = graph.parameters.map(({ key }) => key);
const segments = Array.from({ length: 12 }, (_, layer) => `layers.${layer}`);
const whole = differentiate(graph, { output: 'loss', parameters: new Set(keys) });
const thrifty = recompute(whole, { segments });
const saved = (candidate: Graph): number =>
  savedActivations(candidate).bytes(
    new Map([
      ['B', 4],
      ['T', 64],
    ]),
  );

test('nodes are looked at about as often for many segments as for few', () => {
  const looks = (count: number): number => {
    let origins = 0;
    const nodes = whole.nodes.map(
      (node) =>
        new Proxy(node, {
          get(of, key) {
            if (key === 'origin') origins++;
            return Reflect.get(of, key) as unknown;
          },
        }),
    );
    recompute({ ...whole, nodes }, { segments: segments.slice(0, count) });
    return origins;
  };
  expect(looks(12)).toBeLessThan(1.5 * looks(3));
});

const parameters = new Map<string, WideTensor>(
  [...model.parameters.values()].map(({ keys: [key], shape }, i) => {
    const { data, ...rest } = noise(shape, i, 0.4);
    return [key, { ...rest, data: key.includes('norm') ? data.map((x) => x + 1) : data }];
  }),
);
const ids = (seed: number): WideTensor =>
  tensor(
    'i64',
    [2, 5],
    [...noise([10], seed).data].map((x) => Math.floor((x + 1) * 5)),
  );
const inputs = new Map<string, WideTensor>([
  ['input_ids', ids(1)],
  ['labels', ids(2)],
]);
for (const { name } of graph.inputs) if (!inputs.has(name)) inputs.set(name, tensor('i64', [], [7]));

test('is a sound graph with the outputs of the original', () => {
  verifyGraph(thrifty);
  expect(thrifty.outputs.map(({ name }) => name)).toEqual(whole.outputs.map(({ name }) => name));
  expect(keys).toHaveLength(12 * 16 + 5);
});

test('gives the same gradients bit for bit, before and after the passes', () => {
  const tensors = new Map([...inputs, ...parameters]);
  const expected = run(whole, tensors);
  expect(expected.get('loss')!.data[0]).toBeGreaterThan(1);
  expect(run(thrifty, tensors)).toEqual(expected);
  expect(run(runPipeline(thrifty), tensors)).toEqual(run(runPipeline(whole), tensors));
});

test('saves at least three times less at twelve layers, also after the passes', () => {
  expect(saved(whole) / saved(thrifty)).toBeGreaterThan(3);
  expect(saved(runPipeline(whole)) / saved(runPipeline(thrifty))).toBeGreaterThan(3);
});

test('keeps one value per layer and computes the rest again', () => {
  const kept = savedActivations(runPipeline(thrifty)).values.filter(({ origin }) => /^layers\.\d+/.test(origin.path));
  expect(new Set(kept.map(({ origin }) => origin.path.split('.')[1])).size).toBe(12);
  expect(kept).toHaveLength(12);
  const again = runPipeline(thrifty).nodes.filter(({ origin }) => origin.path.endsWith('(recomputed)'));
  expect(again.filter(({ op }) => op === 'gelu')).toHaveLength(12);
  expect(again.filter(({ op }) => op === 'barrier').length).toBeGreaterThanOrEqual(12);
  expect(again.every(isBackward)).toBe(true);
});

test('a segment that is not in the graph is an error', () => {
  expect(() => recompute(whole, { segments: ['layers.12'] })).toThrow('graph loss has no node in segment layers.12');
});

describe.each(OPSETS)('opset %d', (opset) => {
  test('ONNX Runtime gives the same gradients', async () => {
    const expected = run(whole, new Map([...inputs, ...parameters]));
    const results = await runOnnx(runPipeline(thrifty), Object.fromEntries(inputs), { opset, parameters });
    for (const [name, { data }] of expected) expect(relativeError(results[name]!.data, data), name).toBeLessThan(1e-5);
  });
});

describe('lastLayerFirst', () => {
  test('keeps a sound graph and its results', () => {
    const ordered = lastLayerFirst(runPipeline(thrifty));
    verifyGraph(ordered);
    const tensors = new Map([...inputs, ...parameters]);
    expect(run(ordered, tensors)).toEqual(run(runPipeline(thrifty), tensors));
  });

  interface Event {
    readonly cat: string;
    readonly name: string;
    readonly ts: number;
  }

  /** Gradients that meet again in one node, as the statistics of a training step do. */
  function joined(graph: Graph): Graph {
    const b = new GraphBuilder(graph.name);
    const values = copySources(graph, b, new Emit(b));
    for (const node of graph.nodes) {
      const operands = node.inputs.map((value) => values.get(value)!);
      for (const [i, made] of copyNode(b, node, operands).entries()) values.set(node.outputs[i]!, made);
    }
    const norms = graph.outputs
      .filter(({ name }) => name.startsWith('gradient.'))
      .map(({ value }) => {
        const gradient = values.get(value)!;
        const axes = [...b.typeOf(gradient).shape.keys()];
        const sum = b.node('sum', [b.node('mul', [gradient, gradient], {})], { axes, keepdims: false });
        return b.node('reshape', [sum], { shape: [1] });
      });
    for (const { name, value } of graph.outputs) b.output(name, values.get(value)!);
    b.output('norms', b.node('concat', norms, { axis: 0 }));
    return b.build();
  }

  test.each([
    ['gradients that are the ends', thrifty],
    ['gradients that meet in one node', joined(thrifty)],
  ])('ONNX Runtime finishes a layer before it computes the one below again: %s', async (_, trained) => {
    const folder = folderWith();
    const ordered = lastLayerFirst(runPipeline(trained));
    const { model: onnx } = lowerToOnnx(ordered, {
      opset: 17,
      parameters: inline(parameters),
    });
    const session = await InferenceSession.create(encodeModel(onnx), {
      ...{ enableProfiling: true, profileFilePrefix: join(folder, 'run'), intraOpNumThreads: 1, logSeverityLevel: 4 },
    });
    const feeds = [...inputs].map(([name, { shape, data }]) => {
      return [name, new Tensor('int64', BigInt64Array.from(Array.from(data, BigInt)), [...shape])] as const;
    });
    await session.run(Object.fromEntries(feeds));
    session.endProfiling();
    await session.release();
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as readonly Event[];
    const order = events
      .filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
      .sort((a, b) => a.ts - b.ts)
      .map(({ name }) => name);
    const last = (layer: number) =>
      order.findLastIndex((name) => name.startsWith(`layers.${layer}.`) && name.includes('(gradient)'));
    const again = (layer: number) =>
      order.findIndex((name) => name.startsWith(`layers.${layer}.`) && name.includes('(recomputed)'));
    for (let layer = 1; layer < 12; layer++) {
      expect(again(layer)).toBeGreaterThan(0);
      expect(again(layer - 1), `layer ${layer - 1}`).toBeGreaterThan(last(layer));
    }
  });
});
