/** Random graphs on WebGPU against the interpreter: fusion of views, folds and broadcasts in every combination. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Graph, typeOf } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildRandom, instructions, randomInputs, randomParameter } from '../../passes/random-graphs.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { buildLayers, layerInputs, layerInstructions, layerWeights } from './random-layers.ts';
import { differences, runGraph } from './support.ts';

const parameters = new Map([['w', randomParameter()]]);

/** Beyond this, float32 loses integers and squares overflow. */
const tame = ({ data }: WideTensor): boolean => data.every((x) => Math.abs(x) < 1e6);

/** Every nth f32 value is an output too, so that what is fused away is asked for as well. */
function withInnerOutputs(graph: Graph, every: number): Graph {
  const inner = graph.nodes.flatMap(({ outputs: [value] }, at) => (at % every === 0 ? [value!] : []));
  const reals = inner.filter((value) => typeOf(graph, value).dtype === 'f32');
  return { ...graph, outputs: [...graph.outputs, ...reals.map((value, at) => ({ name: `inner${at}`, value }))] };
}

/** What longer runs of this test found wrong, once. */
// biome-ignore format: lists of instructions
const FOUND: [Parameters<typeof buildLayers>[0], readonly [number, number]][] = [
  // a split of which one part is an output, read beside the other
  [[[23, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 335, 69, 0], [0, 0, 0, 0]], [2, 3]],
  // an output given twice, copied in one dispatch with as many others as bind what is allowed
  [[[3, 0, 0, 0], [0, 0, 0, 0], [4, 0, 0, 0], [0, 863, 899, 0], [0, 0, 0, 0], [3, 37, 0, 0], [16, 682, 0, 0], [0, 0, 0, 0], [0, 21, 0, 0], [9, 199, 0, 0], [11, 475, 0, 0], [24, 0, 0, 0]], [2, 3]],
];

describe.skipIf(unavailable)('on a device', () => {
  test.each(PROFILES)('random graphs give what the interpreter gives, profile %s', async (profile) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(instructions, async (list) => {
        const random = buildRandom(list);
        for (const graph of [runPipeline(random), withInnerOutputs(random, 5)]) {
          const expected = interpret(graph, { inputs: randomInputs, parameters: randomParameter });
          if (![...expected.values()].every(tame)) return;
          compared++;
          expect(
            differences(await runGraph(await gpuOf(profile), graph, randomInputs, parameters), expected),
          ).toBeUndefined();
        }
      }),
      { numRuns: 80, seed: profile === 'gpu' ? 20260101 : 20260102 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  const sizes = fc.constantFrom<readonly [number, number]>([2, 3], [1, 1], [3, 2]);
  test.each(PROFILES)('random layers, profile %s', async (profile) => {
    let compared = 0;
    const property = fc.asyncProperty(layerInstructions, sizes, async (list, [rows, steps]) => {
      const random = buildLayers(list);
      const inputs = layerInputs(rows, steps);
      for (const graph of [runPipeline(random), withInnerOutputs(random, 4)]) {
        const expected = interpret(graph, { inputs, parameters: (key) => layerWeights.get(key)! });
        if (![...expected.values()].every(tame)) return;
        compared++;
        const results = await runGraph(await gpuOf(profile), graph, inputs, layerWeights);
        // norms of almost equal numbers are ill-conditioned: this finds wrong formulas, the matrix finds wrong digits
        expect(differences(results, expected, 1e-3)).toBeUndefined();
      }
    });
    await fc.assert(property, { numRuns: 100, seed: profile === 'gpu' ? 20260103 : 20260104, examples: FOUND });
    expect(compared).toBeGreaterThan(100);
  });
});
