/** On random graphs, no pass changes a result; on a large one, the pipeline stays fast. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { PIPELINE, runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { symbol } from '../../src/shared/dim.ts';
import { buildRandom, instructions, randomInputs, randomParameter } from './random-graphs.ts';

/** Results as plain numbers; + 0 because the sign of a zero may change. */
function resultsOf(graph: Graph): unknown {
  const results = interpret(graph, { inputs: randomInputs, parameters: randomParameter });
  return [...results].map(([name, { dtype, shape, data }]) => ({
    name,
    dtype,
    shape,
    data: Array.from(data, (x) => x + 0),
  }));
}

const RUNS = { numRuns: 400, seed: 20260101 };

describe.each(PIPELINE)('$name', ({ run }) => {
  test('keeps every result', () => {
    fc.assert(
      fc.property(instructions, (list) => {
        const graph = buildRandom(list);
        const after = run(graph);
        verifyGraph(after);
        expect(resultsOf(after)).toEqual(resultsOf(graph));
      }),
      RUNS,
    );
  });
});

test('the whole pipeline keeps every result, and a second run changes nothing', () => {
  fc.assert(
    fc.property(instructions, (list) => {
      const graph = buildRandom(list);
      const once = runPipeline(graph);
      expect(resultsOf(once)).toEqual(resultsOf(graph));
      expect(printGraph(runPipeline(once))).toBe(printGraph(once));
    }),
    RUNS,
  );
});

test('random graphs read back exactly', () => {
  fc.assert(
    fc.property(instructions, (list) => {
      const graph = buildRandom(list);
      expect(readGraph(printGraph(graph))).toEqual(graph);
    }),
    RUNS,
  );
});

// quadratic work on this many would not end before the runner's time-out
test('40,000 nodes pass', () => {
  const b = new GraphBuilder('large');
  const [B, T] = [symbol('B'), symbol('T')];
  let x = b.input('x', 'f32', [B, T, 8]);
  for (let layer = 0; layer < 4000; layer++) {
    const weight = b.parameter(`layers.${layer}.weight`, 'f32', [8, 8]);
    const origin = { path: `layers.${layer}`, source: 'm.mdl:1:1' };
    const h = b.node('linear', [x, weight], {}, origin);
    const heads = b.node('reshape', [h], { shape: [B, T, 2, 4] }, origin);
    const turned = b.node('transpose', [heads], { permutation: [0, 2, 1, 3] }, origin);
    const back = b.node('transpose', [turned], { permutation: [0, 2, 1, 3] }, origin);
    const flat = b.node('reshape', [back], { shape: [B, T, 8] }, origin);
    const scaled = b.node('mul', [flat, b.node('sqrt', [b.scalar(1)], {}, origin)], {}, origin);
    const gated = b.node(
      'add',
      [b.node('gelu', [scaled], { approximate: 'tanh' }, origin), b.scalar(layer)],
      {},
      origin,
    );
    x = b.node('add', [x, gated], {}, origin);
  }
  b.output('y', x);
  const graph = b.build();
  expect(graph.nodes).toHaveLength(40_000);
  expect(runPipeline(graph).nodes).toHaveLength(15_999);
});
