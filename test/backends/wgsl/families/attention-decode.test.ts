/** A new position's attention, with its rows given as they are, against float64: odd widths, masks, an empty cache. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AttentionDecode,
  attentionDecode,
  type Fresh,
  freshColumns,
  freshPlace,
} from '../../../../src/compiler/backends/wgsl/families/attention-decode.ts';
import type { Profile } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { Block } from '../../../../src/compiler/backends/wgsl/text/block.ts';
import { KernelCode } from '../../../../src/compiler/backends/wgsl/text/code.ts';
import { call, type Expression, variable } from '../../../../src/compiler/backends/wgsl/text/expression.ts';
import { code, Name } from '../../../../src/compiler/backends/wgsl/text/wgsl.ts';
import { testDevice, unavailable } from '../../../support/adapter.ts';
import { type AttentionCase, dataOf, expectedOf, operandsOf, titleOf } from './attention-cases.ts';
import { difference } from './harness.ts';

const TOLERANCE = 1e-5;

type Case = Omit<AttentionCase, 'queries' | 'profile'>;

/** `keys` counts the new one. */
const CASES: readonly Case[] = [
  { keys: 1, width: 8 },
  { keys: 1, width: 4, mask: 'all' },
  { keys: 65, width: 16, mask: 'some', batch: 3, vectors: true },
  { keys: 130, width: 80, mask: 'all', batch: 2, dynamic: true, magnitude: 30, vectors: true },
  { keys: 9, width: 5, valueWidth: 7, mask: 'some', batch: 2 },
  { keys: 70, width: 6, valueWidth: 300, dynamic: true },
  { keys: 3, width: 264, valueWidth: 3, heads: 1 },
];

let device: GPUDevice;
beforeAll(async () => {
  if (!unavailable) device = await testDevice();
});
afterAll(() => device?.destroy());

async function check(c: AttentionCase): Promise<void> {
  const data = dataOf(c);
  const { bench, operands, extents, D, E } = operandsOf(c, data);
  const { B, H, T } = extents;
  const { q, k, v, keys, causal: _, ...rest } = operands;
  const last = `${code(keys.size).print(({ hint }) => hint)} - 1u`;
  const rows = (fresh: Fresh) => {
    const made = new Block(new KernelCode());
    const row = (place: Expression, width: number, source: Name, position: string): void => {
      const body = made.inner();
      const at = ['batch', 'head', position, 'c'].map((word) => variable(new Name(word), 'u32'));
      body.assign(freshPlace(c.profile, place), call(source, at, 'f32'));
      made.loop(freshColumns(c.profile, width), body);
    };
    row(fresh.q, operands.width, q.at, '0u');
    row(fresh.k, operands.width, k.at, last);
    row(fresh.v, operands.valueWidth, v.at, last);
    return made.statements;
  };
  const template: AttentionDecode = {
    ...rest,
    k,
    v,
    keys: bench.extent(c.keys - 1, c.dynamic),
    rows,
    appendKey: { store: bench.sink('key', [B, H, D]).store, vector: false },
    appendValue: { store: bench.sink('value', [B, H, E]).store, vector: false },
    out: bench.sink('y', [B, H, T, E]),
  };
  const results = await bench.run(device, attentionDecode(template));
  expect(difference(results.get('y')!, expectedOf(c, data).y)).toBeLessThan(TOLERANCE);
  const newest = (all: Float32Array, width: number): number[] =>
    Array.from({ length: all.length / (c.keys * width) }, (__, pair) =>
      Array.from(all.subarray((pair * c.keys + c.keys - 1) * width, (pair + 1) * c.keys * width)),
    ).flat();
  expect([...results.get('key')!]).toEqual(newest(data.k, operands.width));
  expect([...results.get('value')!]).toEqual(newest(data.v, operands.valueWidth));
}

describe.skipIf(unavailable)('attention of a new position', () => {
  for (const profile of ['software', 'gpu'] satisfies Profile[]) {
    const cases = CASES.map((c): AttentionCase => ({ ...c, queries: 1, profile }));
    describe(profile, () => {
      test.each(cases.map((c) => [titleOf(c), c] as const))('%s', (_, c) => check(c));
    });
  }
});
