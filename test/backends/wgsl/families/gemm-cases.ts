/** A matrix product under test: shapes, layouts of its operands, and what comes out in float64. */
import type { Profile, Template } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { gemmTemplate } from '../../../../src/compiler/backends/wgsl/families/gemm.ts';
import { Bench, numbers } from './harness.ts';

export interface GemmCase {
  readonly batch?: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** a lies as [batch, k, m]; default [batch, m, k] */
  readonly transposeA?: boolean;
  /** b lies as [batch, n, k]; default [batch, k, n] */
  readonly transposeB?: boolean;
  /** vector loads where the extent allows; default: yes */
  readonly vectors?: boolean;
  readonly dynamic?: boolean;
  readonly profile: Profile;
}

export function gemmBench(c: GemmCase): { bench: Bench; template: Template; expected(): Float64Array } {
  const bench = new Bench();
  const batches = c.batch ?? 1;
  const [batch, m, n, k] = [batches, c.m, c.n, c.k].map((size) => bench.extent(size, c.dynamic)) as never as [
    ReturnType<Bench['extent']>,
    ReturnType<Bench['extent']>,
    ReturnType<Bench['extent']>,
    ReturnType<Bench['extent']>,
  ];
  const [dataA, dataB] = [numbers(batches * c.m * c.k, 1), numbers(batches * c.k * c.n, 2)];
  const vector = (size: number) => c.vectors !== false && size % 4 === 0 && size > 0;
  const a = bench.source('a', dataA, [batch, m, k], {
    order: c.transposeA ? [0, 2, 1] : [0, 1, 2],
    vector: vector(c.transposeA ? c.m : c.k),
  });
  const b = bench.source('b', dataB, [batch, k, n], {
    order: c.transposeB ? [0, 2, 1] : [0, 1, 2],
    vector: vector(c.transposeB ? c.k : c.n),
  });
  const out = bench.sink('y', [batch, m, n]);
  const template = gemmTemplate({ batch, m, n, k, a, b, out, profile: c.profile });
  const expected = () => {
    const y = new Float64Array(batches * c.m * c.n);
    for (let s = 0; s < batches; s += 1) {
      for (let i = 0; i < c.m; i += 1) {
        for (let j = 0; j < c.n; j += 1) {
          let sum = 0;
          for (let x = 0; x < c.k; x += 1) {
            const ia = c.transposeA ? (s * c.k + x) * c.m + i : (s * c.m + i) * c.k + x;
            const ib = c.transposeB ? (s * c.n + j) * c.k + x : (s * c.k + x) * c.n + j;
            sum += dataA[ia]! * dataB[ib]!;
          }
          y[(s * c.m + i) * c.n + j] = sum;
        }
      }
    }
    return y;
  };
  return { bench, template, expected };
}
