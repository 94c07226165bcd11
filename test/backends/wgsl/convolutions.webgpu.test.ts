/**
 * Convolutions and their gradients as products over windows: sizes that cut tiles off, strides, dilation, groups, padding,
 * sizes known at run time, an epilogue, what is no number; each against the interpreter. What depthwise ones are is counted.
 */
import { describe, expect, it, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { differentiate } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { type Dim, mulDims, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { noise } from '../onnx/support.ts';
import { disagreement, planOfGraph } from './support.ts';

type Shape4 = readonly [number, number, number, number];
type Pair = readonly [number, number];

interface Case {
  readonly name: string;
  readonly x: Shape4;
  readonly w: Shape4;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  /** N, H and W are symbols; height and width times these */
  readonly symbolic?: Pair;
}

const CASES: readonly Case[] = [
  { name: '3 × 3, no size a multiple of a tile', x: [2, 5, 9, 11], w: [13, 5, 3, 3], padding: [1, 1] },
  { name: '3 × 3, sizes of whole tiles', x: [2, 8, 8, 8], w: [16, 8, 3, 3], padding: [1, 1] },
  { name: '3 × 2 by 2 × 1, wider padding', x: [1, 4, 9, 10], w: [6, 4, 3, 2], stride: [2, 1], padding: [2, 3] },
  { name: 'dilated', x: [2, 3, 13, 12], w: [9, 3, 3, 3], padding: [2, 0], dilation: [2, 3] },
  { name: 'without padding, a rest that no window reaches', x: [1, 3, 10, 9], w: [8, 3, 4, 4], stride: [3, 3] },
  { name: '1 × 1', x: [2, 12, 6, 6], w: [20, 12, 1, 1] },
  { name: '1 × 1 by 2', x: [2, 6, 7, 5], w: [8, 6, 1, 1], stride: [2, 2] },
  { name: 'groups', x: [2, 12, 7, 6], w: [18, 4, 3, 3], padding: [1, 1], groups: 3 },
  { name: 'groups, no image larger than its window', x: [1, 8, 3, 3], w: [10, 4, 3, 3], groups: 2 },
  { name: 'one channel to one', x: [2, 1, 9, 9], w: [1, 1, 3, 3], padding: [1, 1] },
  { name: 'depthwise', x: [2, 6, 7, 9], w: [6, 1, 3, 3], padding: [1, 1], groups: 6 },
  { name: 'depthwise, two for each', x: [1, 3, 7, 9], w: [6, 1, 3, 3], padding: [1, 1], groups: 3 },
  { name: 'any N, H and W', x: [3, 4, 12, 10], w: [9, 4, 3, 3], padding: [1, 1], stride: [2, 2], symbolic: [2, 2] },
  { name: 'any N, H and W, 1 × 1', x: [3, 4, 5, 7], w: [9, 4, 1, 1], symbolic: [1, 1] },
  { name: 'any N, H and W in groups', x: [2, 4, 5, 6], w: [6, 2, 3, 3], padding: [1, 1], groups: 2, symbolic: [1, 1] },
];

/** tanh of the convolution and a bias, and the gradients of Σ y² in x, w and the bias. */
function built({ x, w, symbolic, ...one }: Case): Graph {
  const b = new GraphBuilder('convolve');
  const sizes: readonly Dim[] = symbolic
    ? [symbol('N'), x[1], mulDims(symbolic[0], symbol('H')), mulDims(symbolic[1], symbol('W'))]
    : x;
  const [X, W, bias] = [b.input('x', 'f32', sizes), b.input('w', 'f32', w), b.input('bias', 'f32', [w[0]])];
  const attributes = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, ...one } as const;
  const { stride, padding, dilation, groups } = attributes;
  const y = b.node('tanh', [b.node('conv2d', [X, W, bias], { stride, padding, dilation, groups })], {});
  b.output('y', y);
  b.output('loss', b.node('sum', [b.node('mul', [y, y], {})], { axes: [0, 1, 2, 3], keepdims: false }));
  const of = { output: 'loss', parameters: new Set<string>(), inputs: new Set(['x', 'w', 'bias']) };
  return runPipeline(differentiate(b.build(), { ...of, fusedAttention: true }));
}

const feedsOf = ({ x, w }: Case): Map<string, WideTensor> =>
  new Map([
    ['x', noise(x, 1)],
    ['w', noise(w, 2, 0.2)],
    ['bias', noise([w[0]], 3)],
  ]);

describe.skipIf(unavailable).each(PROFILES)('on a device, profile %s', (profile) => {
  test.each(CASES)('$name', async (one) => {
    expect(await disagreement(await gpuOf(profile), built(one), feedsOf(one))).toBeUndefined();
  });

  it('a NaN and an infinity reach what their windows reach and nothing else', async () => {
    const one = CASES[0]!;
    const feeds = feedsOf(one);
    feeds.get('x')!.data[3] = Number.NaN;
    feeds.get('x')!.data[60] = Number.POSITIVE_INFINITY;
    expect(await disagreement(await gpuOf(profile), built(one), feeds)).toBeUndefined();
  });
});

describe('kernels', () => {
  const named = (name: string): Case => CASES.find((one) => one.name === name)!;
  it.each([
    ['dilated', true],
    ['groups', true],
    ['depthwise', false],
    ['depthwise, two for each', false],
  ])('%s: one, with what follows it; a product: %s', (name, isProduct) => {
    const one = named(name);
    const b = new GraphBuilder('convolve');
    const [x, w] = [b.input('x', 'f32', one.x), b.input('w', 'f32', one.w)];
    const attributes = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: one.groups ?? 1 } as const;
    b.output('y', b.node('relu', [b.node('conv2d', [x, w], attributes)], {}));
    const { kernels, entries } = planOfGraph(b.build());
    expect(entries.main!.steps).toHaveLength(1);
    // a product has a text for each profile
    const texts = kernels.map(({ wgsl }) => /sums per (workgroup|invocation)/.test(wgsl));
    expect(texts).toEqual(isProduct ? [true, true] : [false]);
  });
});
