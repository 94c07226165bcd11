/** `--print-after` knows every pass of the compiler and of every target, and every graph that a pass makes is verified. */
import { expect, it } from 'vitest';
import { GRAPH_PASSES, graphsOf } from '../../src/compiler/graphs.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { TARGET_NAMES } from '../../src/compiler/targets/names.ts';
import { micro } from '../training/support.ts';

it.each(TARGET_NAMES)(
  '%s: the passes that graphs go through are those that it lists, in order of their first',
  (name) => {
    const target = TARGETS[name];
    const model = micro();
    const seen = new Set<string>();
    const afterPass = (pass: string): void => void seen.add(pass);
    const graphs = graphsOf(model, {
      adapters: 'inputs',
      stage: model.stages.find((stage) => stage.name === 'two')!,
      training: { ...target.training, recompute: true, lossChunk: 2 },
      afterPass,
    })!;
    target.compile(graphs, { afterPass });
    const listed = [...GRAPH_PASSES, ...target.passes];
    // arenas are for targets on a device
    const expected = listed.filter((pass) => pass !== 'arenas' || target.training.arenas !== undefined);
    expect([...seen].sort()).toEqual([...expected].sort());
    expect(new Set(listed).size).toBe(listed.length);
  },
);
