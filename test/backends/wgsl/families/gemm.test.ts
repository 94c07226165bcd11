/** Matrix products of both profiles against float64, over shapes, layouts and dynamic sizes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Profile } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { testDevice, unavailable } from '../../../support/adapter.ts';
import { type GemmCase, gemmBench } from './gemm-cases.ts';
import { difference } from './harness.ts';

const TOLERANCE = 1e-5;

let device: GPUDevice;
beforeAll(async () => {
  if (!unavailable) device = await testDevice();
});
afterAll(() => device?.destroy());

async function check(c: GemmCase): Promise<void> {
  const { bench, template, expected } = gemmBench(c);
  const results = await bench.run(device, template);
  expect(difference(results.get('y')!, expected()), template.about).toBeLessThan(TOLERANCE);
}

/** Each shape under one or two layouts: pipelines take long to compile on a software adapter. */
const CASES: readonly Omit<GemmCase, 'profile'>[] = [
  { m: 1, n: 1, k: 1 },
  { m: 1, n: 7, k: 5, transposeB: true },
  { m: 1, n: 7, k: 5, dynamic: true },
  { m: 3, n: 5, k: 7, transposeA: true },
  { m: 64, n: 96, k: 48 },
  { m: 64, n: 96, k: 48, transposeA: true, transposeB: true },
  { m: 130, n: 66, k: 34, transposeB: true },
  { m: 130, n: 66, k: 34, dynamic: true },
  { batch: 3, m: 12, n: 20, k: 8, transposeA: true },
  { batch: 3, m: 12, n: 20, k: 8, transposeB: true, dynamic: true },
  { batch: 2, m: 1, n: 36, k: 256, transposeB: true },
  { batch: 2, m: 1, n: 36, k: 256, transposeB: true, dynamic: true },
  { m: 1, n: 300, k: 256 },
  { m: 4, n: 36, k: 72, transposeA: true },
  { m: 5, n: 8, k: 0 },
  { m: 12, n: 20, k: 8, vectors: false },
  { m: 72, n: 68, k: 64, vectors: false, transposeB: true },
  // the largest tile
  { m: 261, n: 264, k: 500, transposeB: true },
];

function title({ batch = 1, m, n, k, transposeA, transposeB, vectors, dynamic }: Omit<GemmCase, 'profile'>): string {
  const product = `${batch} × [${m}, ${k}]${transposeA ? 'ᵀ' : ''} · [${k}, ${n}]${transposeB ? 'ᵀ' : ''}`;
  return `${product}${vectors === false ? ', scalar loads' : ''}${dynamic ? ', dynamic sizes' : ''}`;
}

describe.skipIf(unavailable)('matrix product', () => {
  for (const profile of ['software', 'gpu'] satisfies Profile[]) {
    describe(profile, () => {
      test.each(CASES.map((c) => [title(c), c] as const))('%s', (_, c) => check({ ...c, profile }));
    });
  }
});
