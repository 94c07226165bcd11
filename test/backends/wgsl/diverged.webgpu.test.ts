/**
 * What has diverged shows: NaN and infinities go through softmax, losses and norms as IEEE 754 and the op's formula have it
 * (torch gives the same), and never come out as finite numbers.
 */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { ValueId } from '../../../src/compiler/ir/graph.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { disagreement, runGraph } from './support.ts';

const [NAN, INF] = [Number.NaN, Number.POSITIVE_INFINITY];
const all = (value: number): number[] => Array(4).fill(value);

/** y of a row of four; a row of 40 shares its folds among lanes */
interface Case {
  readonly name: string;
  readonly row: readonly number[];
  make(b: GraphBuilder, x: ValueId): ValueId;
  readonly expected: readonly number[];
}

const softmax = (b: GraphBuilder, x: ValueId) => b.node('softmax', [x], { axis: 1 });
const logSoftmax = (b: GraphBuilder, x: ValueId) => b.node('log_softmax', [x], { axis: 1 });
const layerNorm = (b: GraphBuilder, x: ValueId) => b.node('layer_norm', [x], { eps: 1e-5 });
const rmsNorm = (b: GraphBuilder, x: ValueId) => b.node('rms_norm', [x], { eps: 1e-5 });
const loss = (b: GraphBuilder, x: ValueId) => {
  const target = b.constant(tensor('i64', [1], [0]));
  return b.node('cross_entropy', [x, target], { ignore_index: -100 });
};

const CASES: readonly Case[] = [
  { name: 'softmax of NaN', row: [1, NAN, 0, 2], make: softmax, expected: all(NAN) },
  { name: 'softmax of +∞', row: [1, INF, 0, 2], make: softmax, expected: all(NAN) },
  { name: 'softmax of −∞', row: [1, -INF, 1, -INF], make: softmax, expected: [0.5, 0, 0.5, 0] },
  { name: 'softmax of −∞ alone', row: all(-INF), make: softmax, expected: all(NAN) },
  { name: 'log_softmax of NaN', row: [1, NAN, 0, 2], make: logSoftmax, expected: all(NAN) },
  { name: 'log_softmax of −∞', row: [1, -INF, -INF, -INF], make: logSoftmax, expected: [0, -INF, -INF, -INF] },
  { name: 'cross entropy of NaN', row: [1, NAN, 0, 2], make: loss, expected: [NAN] },
  { name: 'cross entropy of a NaN target', row: [NAN, 1, 0, 2], make: loss, expected: [NAN] },
  { name: 'cross entropy of +∞', row: [1, INF, 0, 2], make: loss, expected: [NAN] },
  { name: 'cross entropy of a target at −∞', row: [-INF, 1, 0, 2], make: loss, expected: [INF] },
  { name: 'layer norm of NaN', row: [1, NAN, 0, 2], make: layerNorm, expected: all(NAN) },
  { name: 'layer norm of ∞', row: [1, INF, 0, 2], make: layerNorm, expected: all(NAN) },
  { name: 'RMS norm of NaN', row: [1, NAN, 0, 2], make: rmsNorm, expected: all(NAN) },
  { name: 'RMS norm of ∞', row: [1, INF, 0, -2], make: rmsNorm, expected: [0, NAN, 0, 0] },
  { name: 'RMS norm that overflows', row: [1e30, 0, 0, -1e30], make: rmsNorm, expected: all(0) },
];

describe.skipIf(unavailable).each(PROFILES)('profile %s', (profile) => {
  test.each(CASES)('$name', async ({ row, make, expected }) => {
    const b = new GraphBuilder('main');
    b.output('y', make(b, b.input('x', 'f32', [1, 4])));
    const results = await runGraph(await gpuOf(profile), b.build(), new Map([['x', tensor('f32', [1, 4], [...row])]]));
    const found = Array.from(results.y!.data, Number);
    expect(found.map((value) => (Math.abs(value) < 1e-37 ? 0 : value))).toEqual(expected);
  });

  // 40 columns: on a GPU the lanes of a workgroup share the folds
  test.each([
    ['softmax', softmax],
    ['layer norm', layerNorm],
    ['loss', loss],
  ] as const)('a NaN at the end of a long row: %s', async (_, make) => {
    const b = new GraphBuilder('main');
    b.output('y', make(b, b.input('x', 'f32', [1, 40])));
    const x = tensor('f32', [1, 40], [...Array(39).keys(), NAN]);
    const results = await runGraph(await gpuOf(profile), b.build(), new Map([['x', x]]));
    expect(Array.from(results.y!.data, Number).every(Number.isNaN)).toBe(true);
  });

  test.each(
    (['nearest', 'bilinear', 'bicubic'] as const).flatMap((mode) =>
      (
        [
          [5, 5],
          [10, 10],
          [7, 3],
        ] as const
      ).map((size) => ({ mode, size })),
    ),
  )('a pixel that is no number reaches those that see it, $mode, $size', async ({ mode, size }) => {
    const b = new GraphBuilder('main');
    b.output('y', b.node('interpolate', [b.input('x', 'f32', [1, 2, 5, 5])], { mode, size }));
    const data = Array.from({ length: 50 }, (_, i) => i);
    data[12] = NAN;
    data[37] = INF;
    const x = tensor('f32', [1, 2, 5, 5], data);
    expect(await disagreement(await gpuOf(profile), b.build(), new Map([['x', x]]))).toBeUndefined();
  });
});
