/** Random graphs on WebGPU against the interpreter: fusion of views, folds and broadcasts in every combination. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { buildRandom, instructions, randomInputs, randomParameter } from '../../passes/random-graphs.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { differences, runGraph } from './support.ts';

const parameters = new Map([['w', randomParameter()]]);

/** Beyond this, float32 loses integers and squares overflow. */
const tame = ({ data }: WideTensor): boolean => data.every((x) => Math.abs(x) < 1e6);

describe.skipIf(unavailable)('on a device', () => {
  test.each(PROFILES)('random graphs give what the interpreter gives, profile %s', async (profile) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(instructions, async (list) => {
        const random = buildRandom(list);
        // every fifth value is an output too, so that what is fused away is asked for as well
        const extra = random.nodes.flatMap(({ outputs }, at) => (at % 5 === 0 ? [outputs[0]!] : []));
        const outputs = [...random.outputs, ...extra.map((value, at) => ({ name: `extra${at}`, value }))];
        for (const graph of [runPipeline(random), { ...random, outputs }]) {
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
});
