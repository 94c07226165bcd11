/**
 * What attention hides contributes nothing, on every kernel that has a part in it: forward of both profiles, a decoding
 * step's, the statistics, and both gradients. The interpreter has its own test.
 */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { graphOf, HIDINGS, type Hiding, ODD, oddOperands } from '../../ops/attention-hidden.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { DECODING, decoding, sample, tensorsOf } from './fusion-sample.ts';
import { differences, disagreement, planOfGraphs, runPlan } from './support.ts';

describe.skipIf(unavailable).each(PROFILES)('profile %s', (profile) => {
  const expectSame = async (graph: Graph, hiding: Hiding): Promise<void> => {
    for (const operand of ['k', 'v', 'q', 'dy'] as const) {
      // of ∞ · 1 − ∞ · 2, the Σ P · dP of a query that does see, kernels make ∞ · Σ: ∞ and NaN are both right
      for (const odd of operand === 'dy' ? [Number.NaN] : ODD) {
        const off = await disagreement(await gpuOf(profile), graph, oddOperands(hiding, odd, operand));
        expect(off, `${odd} in ${operand}`).toBeUndefined();
      }
    }
  };

  test.each(HIDINGS)('$name', (hiding) => expectSame(graphOf(hiding, 'both'), hiding));

  // gradients beside their result take its statistics, as above; alone they make their own
  test('gradients alone', () => expectSame(graphOf(HIDINGS[0]!, 'gradients'), HIDINGS[0]!));

  test('a decoding step over a cache with hidden positions', async () => {
    const { graph } = sample('step', (b) => decoding(b, 8), []);
    const sizes = { B: 2, T: 1, P: 13 };
    const plan = planOfGraphs({ main: { graph, options: DECODING.options! } });
    for (const odd of ODD) {
      const { feeds, parameters } = tensorsOf(graph, sizes);
      const element = (image: number, position: number) => (image * 2 * sizes.P + position) * 8 + 1;
      // position 12 is the last of the cache
      const seen = new Array<number>(2 * (sizes.P + 1)).fill(1).map((one, at) => (at === 4 || at === 12 ? 0 : one));
      feeds.get('mask')!.data.set(seen);
      for (const position of [4, 12]) feeds.get('past.key')!.data[element(0, position)] = odd;
      for (const position of [4, 12]) feeds.get('past.value')!.data[element(0, position)] = odd;
      feeds.get('past.value')!.data[element(1, 12)] = odd; // seen
      const expected = interpret(graph, { inputs: feeds, parameters: (key) => parameters.get(key)! });
      const results = await runPlan(await gpuOf(profile), plan, feeds, parameters);
      expect(differences(results, expected), `${odd}`).toBeUndefined();
    }
  });
});
