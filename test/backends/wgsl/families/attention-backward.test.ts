/** Gradients of flash attention against float64 formulas, from saved and from recomputed statistics. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  attentionBackwardKeyValue,
  attentionBackwardQuery,
  attentionStatistics,
} from '../../../../src/compiler/backends/wgsl/families/attention-backward.ts';
import type { Profile, Template } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { Name } from '../../../../src/compiler/backends/wgsl/text/name.ts';
import { testDevice, unavailable } from '../../../support/adapter.ts';
import {
  ATTENTION_CASES,
  type AttentionCase,
  type AttentionData,
  dataOf,
  expectedOf,
  type Operands,
  operandsOf,
  titleOf,
} from './attention-cases.ts';
import { difference } from './harness.ts';

const TOLERANCE = 1e-5;

let device: GPUDevice;
beforeAll(async () => {
  if (!unavailable) device = await testDevice();
});
afterAll(() => device?.destroy());

type Results = ReadonlyMap<string, Float32Array>;

/** Runs a kernel on the case's operands, upstream gradient included. */
function runWith(
  c: AttentionCase,
  data: AttentionData,
  make: (o: Operands & { readonly gradient: Parameters<typeof attentionStatistics>[0] }) => Template,
): Promise<Results> {
  const operands = operandsOf(c, data);
  const { bench, extents, E } = operands;
  const { B, H, T } = extents;
  const vector = c.vectors !== false && (c.valueWidth ?? c.width) % 4 === 0;
  const dy = bench.source('dy', data.dy, [B, H, T, E], { vector });
  // sinks are the kernels' own: these stand for none
  const none = { store: new Name('none') };
  return bench.run(device, make({ ...operands, gradient: { ...operands.operands, dy, lse: none, delta: none } }));
}

async function check(c: AttentionCase): Promise<void> {
  const data = dataOf(c);
  const expected = expectedOf(c, data);
  const statistics = await runWith(c, data, ({ bench, gradient, extents: { B, H, T } }) =>
    attentionStatistics({ ...gradient, lse: bench.sink('lse', [B, H, T]), delta: bench.sink('delta', [B, H, T]) }),
  );
  expect(difference(statistics.get('delta')!, expected.delta)).toBeLessThan(TOLERANCE);
  const [lse, delta] = [statistics.get('lse')!, statistics.get('delta')!];
  lse.forEach((value, index) => {
    expect(value).toBeCloseTo(expected.lse[index]!, 2);
  });
  // one buffer for both: with a mask, q, k, v, dy and two results they are the eighth, which is all a device must bind
  const both = Float32Array.from([...lse, ...delta]);
  const saved = ({ bench, gradient, extents: { B, H, T } }: Parameters<Parameters<typeof runWith>[2]>[0]) => {
    const { at } = bench.source('saved', both, [bench.extent(2), B, H, T]);
    for (const [index, name] of ['lse', 'delta'].entries()) {
      bench.declare(`fn ${name}_at(b: u32, h: u32, t: u32) -> f32 { return ${at.hint}(${index}u, b, h, t); }`);
    }
    const at4: ReadonlyMap<number, Name> = new Map();
    return { ...gradient, lse: { at: new Name('lse_at'), at4 }, delta: { at: new Name('delta_at'), at4 } };
  };
  const query = await runWith(c, data, (o) =>
    attentionBackwardQuery({ ...saved(o), dq: o.bench.sink('dq', [o.extents.B, o.extents.H, o.extents.T, o.D]) }),
  );
  const keyValue = await runWith(c, data, (o) => {
    const { B, H, S } = o.extents;
    const [dk, dv] = [o.bench.sink('dk', [B, H, S, o.D]), o.bench.sink('dv', [B, H, S, o.E])];
    return attentionBackwardKeyValue({ ...saved(o), dk, dv });
  });
  // where the gradient is zero by cancellation (one key), only rounding is left of either side
  const near = (actual: Float32Array, wanted: Float64Array) =>
    wanted.every((value) => Math.abs(value) < 1e-12)
      ? expect(Math.max(...actual.map(Math.abs))).toBeLessThan(1e-6)
      : expect(difference(actual, wanted)).toBeLessThan(c.magnitude ? 1e-4 : TOLERANCE);
  near(query.get('dq')!, expected.dq);
  near(keyValue.get('dk')!, expected.dk);
  near(keyValue.get('dv')!, expected.dv);
}

describe.skipIf(unavailable)('gradients of attention', () => {
  for (const profile of ['software', 'gpu'] satisfies Profile[]) {
    describe(profile, () => {
      test.each(ATTENTION_CASES.map((c) => [titleOf(c), c] as const))('%s', (_, c) => check({ ...c, profile }));
    });
  }

  test('1,024 queries and keys', () =>
    check({ queries: 1_024, keys: 1_024, width: 8, heads: 1, causal: true, magnitude: 20, profile: 'software' }));
});
