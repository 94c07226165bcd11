/**
 * Launches of more workgroups than a device takes along an axis: every family of kernels under a limit of a few, against the
 * interpreter, and a few at the real limit of 65,535.
 */
import { describe, expect, test, vi } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { ValueId } from '../../../src/compiler/ir/graph.ts';
import { operandsOf } from '../../../src/compiler/ops/operands.ts';
import type { Gpu } from '../../../src/runtime/webgpu/gpu.ts';
import { symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { noise } from '../onnx/support.ts';
import { disagreement, planOfGraph, runPlan } from './support.ts';

/** The device says that it takes `most` workgroups along an axis, while `run` runs. */
async function limited<T>({ device }: Gpu, most: number, run: () => Promise<T>): Promise<T> {
  const limits = new Proxy(device.limits, {
    get: (own, name: keyof GPUSupportedLimits) => (name === 'maxComputeWorkgroupsPerDimension' ? most : own[name]),
  });
  const spy = vi.spyOn(device, 'limits', 'get').mockReturnValue(limits);
  try {
    const result = await run();
    expect(spy).toHaveBeenCalled();
    return result;
  } finally {
    spy.mockRestore();
  }
}

/** Workgroups along an axis, so that all of a case's are more than one row and fewer than a square. */
const FEW = 7;
type Inputs = Readonly<Record<string, readonly number[]>>;

interface Case {
  readonly name: string;
  readonly inputs: Inputs;
  /** FEW where absent */
  readonly limit?: number;
  make(b: GraphBuilder, inputs: readonly ValueId[]): ValueId;
}

const plain = { transpose_a: false, transpose_b: false };
const square = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;

const CASES: readonly Case[] = [
  {
    name: 'matmul, a batch of small ones',
    inputs: { a: [17, 2, 3], b: [17, 3, 2] },
    make: (b, x) => b.node('matmul', operandsOf('matmul', x), plain),
  },
  {
    name: 'matmul, a batch of larger ones',
    limit: 8,
    inputs: { a: [9, 9, 5], b: [9, 5, 70] },
    make: (b, x) => b.node('matmul', operandsOf('matmul', x), plain),
  },
  {
    name: 'linear, many rows',
    limit: 10,
    inputs: { x: [700, 4], w: [3, 4], bias: [3] },
    make: (b, x) => b.node('linear', operandsOf('linear', x), {}),
  },
  {
    name: 'linear, many columns',
    limit: 16,
    inputs: { x: [3, 8], w: [900, 8] },
    make: (b, x) => b.node('linear', operandsOf('linear', x), {}),
  },
  {
    name: 'conv2d',
    inputs: { x: [5, 2, 6, 7], w: [4, 2, 3, 3] },
    make: (b, x) => b.node('conv2d', operandsOf('conv2d', x), square),
  },
  {
    name: 'conv2d of patches',
    inputs: { x: [9, 3, 8, 8], w: [5, 3, 4, 4] },
    make: (b, x) => b.node('conv2d', operandsOf('conv2d', x), { ...square, stride: [4, 4], padding: [0, 0] }),
  },
  {
    name: 'layer norm',
    inputs: { x: [19, 40], w: [40], bias: [40] },
    make: (b, x) => b.node('layer_norm', operandsOf('layer_norm', x), { eps: 1e-5 }),
  },
  {
    name: 'softmax',
    inputs: { x: [500, 3] },
    make: (b, x) => b.node('softmax', operandsOf('softmax', x), { axis: 1 }),
  },
  {
    name: 'sum',
    inputs: { x: [19, 40] },
    make: (b, x) => b.node('sum', operandsOf('sum', x), { axes: [1], keepdims: false }),
  },
  {
    name: 'attention',
    inputs: { q: [3, 2, 9, 8], k: [3, 2, 9, 8], v: [3, 2, 9, 8] },
    make: (b, x) => b.node('attention', operandsOf('attention', x), { causal: true, scale: null }),
  },
];

function built({ inputs, make }: Case): { graph: ReturnType<GraphBuilder['build']>; feeds: Map<string, WideTensor> } {
  const b = new GraphBuilder('main');
  const names = Object.keys(inputs);
  b.output(
    'y',
    make(
      b,
      names.map((name) => b.input(name, 'f32', inputs[name]!)),
    ),
  );
  return { graph: b.build(), feeds: new Map(names.map((name, seed) => [name, noise([...inputs[name]!], seed + 1)])) };
}

describe.skipIf(unavailable).each(PROFILES)('on a device, profile %s', (profile) => {
  test.each(CASES)('$name', async (one) => {
    const { graph, feeds } = built(one);
    const gpu = await gpuOf(profile);
    expect(await limited(gpu, one.limit ?? FEW, () => disagreement(gpu, graph, feeds))).toBeUndefined();
  });
});

/** Each row's result depends on the row, so that one in another's place shows. */
const ramp = (shape: readonly number[]): WideTensor => {
  const data = new Float64Array(shape.reduce((product, size) => product * size, 1));
  return { dtype: 'f32', shape, data: data.map((_, i) => (i % 1021) / 512) };
};

describe.skipIf(unavailable)('past the limit of a device', () => {
  test('70,001 products', async () => {
    const b = new GraphBuilder('main');
    const B = symbol('B');
    b.output('y', b.node('matmul', [b.input('a', 'f32', [B, 1, 2]), b.input('b', 'f32', [B, 2, 1])], plain));
    const [left, right] = [ramp([70_001, 1, 2]), ramp([70_001, 2, 1])];
    const feeds = new Map([
      ['a', left],
      ['b', right],
    ]);
    const { y } = await runPlan(await gpuOf('software'), planOfGraph(b.build()), feeds);
    const wrong = Array.from(y!.data, Number).findIndex(
      (value, i) => Math.abs(value - left.data[2 * i]! ** 2 - left.data[2 * i + 1]! ** 2) > 1e-5,
    );
    expect(wrong).toBe(-1);
  });

  test('4,300,000 rows of a linear layer and a norm', async () => {
    const b = new GraphBuilder('main');
    const x = b.input('x', 'f32', [symbol('N'), 1]);
    const weight = b.constant({ dtype: 'f32', shape: [2, 1], data: Float64Array.of(1, 3) });
    b.output('y', b.node('rms_norm', [b.node('linear', [x, weight], {})], { eps: 1e-5 }));
    const rows = ramp([4_300_000, 1]);
    const { y } = await runPlan(await gpuOf('software'), planOfGraph(b.build()), new Map([['x', rows]]));
    const wrong = Array.from(rows.data).findIndex((x, i) => {
      const inverse = 1 / Math.sqrt(5 * x * x + 1e-5); // of x and 3x
      const off = (at: number, value: number): boolean => Math.abs(Number(y!.data[2 * i + at]) - value) > 1e-5;
      return off(0, x * inverse) || off(1, 3 * x * inverse);
    });
    expect(wrong).toBe(-1);
  });
});
