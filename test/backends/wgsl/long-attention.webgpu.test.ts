/**
 * Attention over 4,096 positions, forward and backward, in memory that grows with T and not with T²: the scores alone
 * would take 64 MiB a head. The oracle goes row by row in float64.
 */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { sizeOf, type WideTensor } from '../../../src/shared/tensor.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf } from '../../support/webgpu.ts';
import { planOfGraphs, runPlan } from './support.ts';

const [T, D] = [4096, 8];
const SHAPE = [1, 1, T, D];
const SCALE = 1 / Math.sqrt(D);

/** Numbers in [−1, 1], the same in every run. */
function noise(seed: number): WideTensor {
  let state = seed;
  const data = Float64Array.from({ length: sizeOf(SHAPE) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
  return { dtype: 'f32', shape: SHAPE, data };
}

const INPUTS = new Map(['q', 'k', 'v', 'dy'].map((name, i) => [name, noise(i + 1)]));
const [q, k, v, dy] = [...INPUTS.values()].map(({ data }) => data) as [
  Float64Array,
  Float64Array,
  Float64Array,
  Float64Array,
];

/** y and the gradients of Σ y · dy in q, k and v. */
function graph(): Graph {
  const b = new GraphBuilder('attend');
  const [Q, K, V, dY] = ['q', 'k', 'v', 'dy'].map((name) => b.input(name, 'f32', SHAPE)) as [
    number,
    number,
    number,
    number,
  ];
  const y = b.node('attention', [Q, K, V], { causal: true, scale: null });
  b.output('y', y);
  b.output('loss', b.node('sum', [b.node('mul', [y, dY], {})], { axes: [0, 1, 2, 3], keepdims: false }));
  return runPipeline(
    differentiate(b.build(), {
      output: 'loss',
      parameters: new Set(),
      inputs: new Set(['q', 'k', 'v']),
      fusedAttention: true,
    }),
  );
}

const dot = (a: Float64Array, i: number, b: Float64Array, j: number): number => {
  let sum = 0;
  for (let d = 0; d < D; d++) sum += a[i * D + d]! * b[j * D + d]!;
  return sum;
};

interface Row {
  readonly largest: number;
  readonly total: number;
  /** Σ P · dP */
  readonly delta: number;
  readonly y: readonly number[];
}

/** Query i sees keys 0 … i. */
function row(i: number): Row {
  const scores = Float64Array.from({ length: i + 1 }, (_, j) => SCALE * dot(q, i, k, j));
  const largest = scores.reduce((a, b) => Math.max(a, b));
  let [total, delta] = [0, 0];
  const y = new Array<number>(D).fill(0);
  for (const [j, score] of scores.entries()) {
    const p = Math.exp(score - largest);
    total += p;
    delta += p * dot(dy, i, v, j);
    for (let d = 0; d < D; d++) y[d]! += p * v[j * D + d]!;
  }
  return { largest, total, delta: delta / total, y: y.map((sum) => sum / total) };
}

const ROWS = [0, 1, 2, 63, 64, 65, 1000, 2047, 2048, 4094, 4095];

describe.skipIf(unavailable)('4,096 positions', () => {
  test('forward and backward are right, in memory that grows with T', { timeout: 300_000 }, async () => {
    const plan = planOfGraphs({ main: { graph: graph() } });
    const { buffers } = plan.entries.main!;
    const scratch = buffers.flatMap((buffer) => (buffer.kind === 'scratch' ? buffer.elements.map(Number) : []));
    expect(scratch.reduce((sum, elements) => sum + elements, 0)).toBeLessThan(8 * T * D);

    const results = await runPlan(await gpuOf('software'), plan, INPUTS);
    const rows = Array.from({ length: T }, (_, i) => row(i));
    const expected: Record<string, (i: number, d: number) => number> = {
      y: (i, d) => rows[i]!.y[d]!,
      'gradient.q': (i, d) => {
        const { largest, total, delta } = rows[i]!;
        let sum = 0;
        for (let j = 0; j <= i; j++) {
          const p = Math.exp(SCALE * dot(q, i, k, j) - largest) / total;
          sum += SCALE * p * (dot(dy, i, v, j) - delta) * k[j * D + d]!;
        }
        return sum;
      },
      'gradient.k': (j, d) => {
        let sum = 0;
        for (let i = j; i < T; i++) {
          const { largest, total, delta } = rows[i]!;
          const p = Math.exp(SCALE * dot(q, i, k, j) - largest) / total;
          sum += SCALE * p * (dot(dy, i, v, j) - delta) * q[i * D + d]!;
        }
        return sum;
      },
      'gradient.v': (j, d) => {
        let sum = 0;
        for (let i = j; i < T; i++) {
          const { largest, total } = rows[i]!;
          sum += (Math.exp(SCALE * dot(q, i, k, j) - largest) / total) * dy[i * D + d]!;
        }
        return sum;
      },
    };
    for (const [name, at] of Object.entries(expected)) {
      const data = results[name]!.data as Float32Array;
      const most = data.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
      const tolerance = (name === 'y' ? 1e-5 : 1e-4) * most;
      for (const i of ROWS) {
        for (const d of [0, D - 1])
          expect(Math.abs(data[i * D + d]! - at(i, d)), `${name} ${i}`).toBeLessThan(tolerance);
      }
    }
  });
});
