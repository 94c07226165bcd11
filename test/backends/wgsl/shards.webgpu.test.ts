/** Parameters that are larger than a binding: what reads them is right, and products read each part as any other matrix. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, PlanTables } from '../../../src/compiler/backends/wgsl/plan/tables.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { symbol } from '../../../src/shared/dim.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { rounded } from '../../hosts/halves.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { tensorsOf } from './fusion-sample.ts';
import { differences, planOfGraphs, runPlan } from './support.ts';

/** 256 numbers of f32 in a binding. */
const LIMITS = { ...DEFAULT_LIMITS, maxStorageBufferBindingSize: 1024 };
const [B, T] = [symbol('B'), symbol('T')];

function graphOf(build: (b: GraphBuilder) => Readonly<Record<string, ValueId>>): Graph {
  const b = new GraphBuilder('large');
  for (const [name, value] of Object.entries(build(b))) b.output(name, value);
  return b.build();
}

const x = (b: GraphBuilder, width: number) => b.input('x', 'f32', [B, T, width]);
const table = (b: GraphBuilder, ...shape: number[]) => b.parameter('table', 'f32', shape);
const plain = { transpose_a: false, transpose_b: false };

const CASES: Readonly<Record<string, Graph>> = {
  'a product with a bias': graphOf((b) => ({
    y: b.node('linear', [x(b, 16), table(b, 50, 16), b.parameter('bias', 'f32', [50])], {}),
  })),
  'a product that goes on into others': graphOf((b) => {
    const logits = b.node('linear', [x(b, 16), table(b, 48, 16)], {});
    return { y: b.node('softmax', [b.node('gelu', [logits], { approximate: 'tanh' })], { axis: 2 }) };
  }),
  'its gradient: a sum of products': graphOf((b) => ({ y: b.node('matmul', [x(b, 50), table(b, 50, 16)], plain) })),
  'a product with the transposed': graphOf((b) => ({
    y: b.node('matmul', [x(b, 16), table(b, 50, 16)], { ...plain, transpose_b: true }),
  })),
  'a table whose rows are looked up, tied to the product that ends the model': graphOf((b) => {
    const w = table(b, 50, 16);
    const rows = b.node('gather', [w, b.input('ids', 'i64', [B, T])], { axis: 0 });
    return { rows, y: b.node('linear', [rows, w], {}) };
  }),
  'a table in more parts than a kernel may bind': graphOf((b) => {
    const rows = b.node('gather', [table(b, 200, 16), b.input('ids', 'i64', [B, T])], { axis: 0 });
    return { rows, y: b.node('mul', [rows, b.scalar(2)], {}) };
  }),
  'rows that are longer than a binding': graphOf((b) => ({
    y: b.node('linear', [x(b, 300), table(b, 3, 300)], {}),
  })),
};

/** Bindings of the kernel that has most. */
const bound = ({ kernels }: WebGpuPlan): number => Math.max(...kernels.map(({ bindings }) => bindings.length));

describe.each(['f32', 'f16'] as const)('as %s', (storage) => {
  const planOf = (graph: Graph): WebGpuPlan =>
    planOfGraphs(
      { main: { graph } },
      new PlanTables(storage, storage === 'f32' ? LIMITS : { ...LIMITS, maxStorageBufferBindingSize: 512 }),
    );

  it.each(Object.entries(CASES))('%s: parts are read as matrices, by few kernels', (name, graph) => {
    const plan = planOf(graph);
    const parts = plan.entries.main!.buffers.filter(
      (buffer) => buffer.kind === 'parameter' && buffer.from !== undefined,
    );
    expect(parts.length).toBeGreaterThan(2);
    expect(bound(plan)).toBeLessThanOrEqual(8);
    // a function that looks for the part of each element is only where single rows are read, or rows are broken
    const searched = plan.kernels.some(({ wgsl }) => /fn load\d+\(i: u32\)/.test(wgsl));
    expect(searched).toBe(name.startsWith('a table whose') || name.startsWith('rows'));
  });

  describe.skipIf(unavailable).each(PROFILES)('profile %s', (profile) => {
    it.each(Object.entries(CASES))('%s', async (_, graph) => {
      const plan = planOf(graph);
      const halves = new Set(plan.parameters.flatMap(({ key, storage: own }) => (own === 'f16' ? [key] : [])));
      for (const sizes of [
        { B: 2, T: 3 },
        { B: 1, T: 1 },
        { B: 0, T: 2 },
      ]) {
        const { feeds, parameters } = tensorsOf(graph, sizes);
        const exact = new Map(
          [...parameters].map(([key, tensor]) => [
            key,
            halves.has(key) ? { ...tensor, data: tensor.data.map(rounded) } : tensor,
          ]),
        );
        const expected = interpret(graph, { inputs: feeds, parameters: (key) => exact.get(key)! });
        const results = await runPlan(await gpuOf(profile), plan, feeds, parameters);
        expect(differences(results, expected), JSON.stringify(sizes)).toBeUndefined();
      }
    });
  });
});
