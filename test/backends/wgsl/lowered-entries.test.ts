/** Entries that were lowered before: what is taken from before is what would have been made, and nothing else is taken. */
import { describe, expect, it } from 'vitest';
import { lowerEntry, PlanTables, type WeightStorage } from '../../../src/compiler/backends/wgsl/index.ts';
import { LoweredEntries } from '../../../src/compiler/backends/wgsl/lowered-entries.ts';
import { DEFAULT_LIMITS } from '../../../src/compiler/backends/wgsl/plan/tables.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { CachePort } from '../../../src/shared/artifact.ts';
import { compileOk, repository } from '../../support/project.ts';

interface Finished {
  readonly name: string;
  readonly graph: Graph;
  readonly cache: readonly CachePort[];
}

function finished(...set: readonly { readonly name: string; readonly text: string }[]): readonly Finished[] {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano', set });
  return model.entries.map((name) => {
    const { graph, cache } = model.entry(name)!;
    return { name, graph: runPipeline(graph), cache };
  });
}

type Lower = (entry: Finished, tables: PlanTables) => unknown;

/** Everything that a plan has of its entries, as text. */
function planOf(entries: readonly Finished[], lower: Lower, storage: WeightStorage = 'f32'): string {
  const tables = new PlanTables(storage);
  const plans = entries.map((entry) => lower(entry, tables));
  const { kernels, constants, parameters, packs } = tables;
  return JSON.stringify({ plans, kernels, constants, parameters, packs });
}

const anew: Lower = ({ graph, cache }, tables) => lowerEntry(graph, tables, { cache });

describe('models/tinygpt-v.mdl', () => {
  const all = finished();
  const withoutLora = finished({ name: 'lora', text: 'false' });

  it('gives the plan that it gives with tables in common: after another flag, in another order, with other storage', () => {
    const before = new LoweredEntries();
    const kept: Lower = ({ graph, cache }, tables) => before.entry(graph, tables, { cache });
    for (const entries of [all, withoutLora, all, all.toReversed(), withoutLora.slice(1), finished()]) {
      expect(planOf(entries, kept)).toBe(planOf(entries, anew));
      expect(planOf(entries, kept, 'f16')).toBe(planOf(entries, anew, 'f16'));
    }
    // each graph once as f32 and once as f16: those that the flag is in, and those that it is not
    const graphs = new Set([...all, ...withoutLora].map(({ graph }) => JSON.stringify(graph)));
    expect(before.count).toBe(2 * graphs.size);
    expect(graphs.size).toBeLessThan(2 * all.length);
  });

  it('lowers nothing again, and everything where somebody watches', () => {
    const before = new LoweredEntries();
    const passes: string[] = [];
    const [{ graph, cache }] = all as [Finished];
    const seen = () =>
      before.entry(graph, new PlanTables(), { cache, after: (pass) => passes.push(pass) }) && passes.splice(0);
    const first = seen();
    expect(first).toContain('decompose');
    before.entry(graph, new PlanTables(), { cache });
    expect(seen()).toEqual(first);
    expect(before.count).toBe(1);
  });
});

/** y = x · by, over two axes */
function scaled(by: number, name = 'main', size = 4): Graph {
  const b = new GraphBuilder(name);
  const x = b.input('x', 'f32', [size, 4]);
  b.output('y', b.node('mul', [x, b.constant({ dtype: 'f32', shape: [], data: Float64Array.of(by) })], {}));
  return b.build();
}

describe('requests', () => {
  it('that differ in a number, a size, a name, a limit, a range or a donation are not the same', () => {
    const before = new LoweredEntries();
    const limits = { ...DEFAULT_LIMITS, maxStorageBuffersPerShaderStage: 4 };
    const requests = [
      () => before.entry(scaled(2), new PlanTables(), {}),
      () => before.entry(scaled(3), new PlanTables(), {}),
      () => before.entry(scaled(2, 'other'), new PlanTables(), {}),
      () => before.entry(scaled(2, 'main', 8), new PlanTables(), {}),
      () => before.entry(scaled(2), new PlanTables('f32', limits), {}),
      () => before.entry(scaled(2), new PlanTables(), { ranges: new Map([['x', { min: 0, max: 1 }]]) as never }),
      () => before.entry(scaled(2), new PlanTables(), { donations: new Map([['y', 'x']]) }),
    ];
    for (const [at, request] of requests.entries()) {
      request();
      expect(before.count).toBe(at + 1);
      request();
      expect(before.count).toBe(at + 1);
    }
  });

  it('are dropped, the longest unused first, when their graphs have too many nodes', () => {
    const before = new LoweredEntries(2);
    const ask = (by: number) => before.entry(scaled(by), new PlanTables(), {});
    for (const by of [1, 2, 1, 3]) ask(by);
    expect(before.count).toBe(2);
    const lowered: number[] = [];
    class Watched extends PlanTables {
      override alone(): PlanTables {
        lowered.push(1);
        return super.alone();
      }
    }
    for (const by of [3, 1]) before.entry(scaled(by), new Watched(), {});
    expect(lowered).toHaveLength(0);
    before.entry(scaled(2), new Watched(), {});
    expect(lowered).toHaveLength(1);
    expect(new LoweredEntries(0).entry(scaled(1), new PlanTables(), {}).plan.steps).toHaveLength(1);
  });
});
