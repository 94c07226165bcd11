/**
 * Generation with the key/value cache on the device. The model adds: the next token is the sum of all tokens so far,
 * modulo 7, and the cache holds the tokens.
 */
import { describe, expect, it } from 'vitest';
import { generate } from '../../../src/runtime/generate/generate.ts';
import type { Runner } from '../../../src/runtime/session.ts';
import { acquireDevice, openPlan } from '../../../src/runtime/webgpu/index.ts';
import { CAPACITY, type EntryPlan, type WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { unavailable } from '../../support/adapter.ts';
import { f32, kernel, PLAN, port, step, values } from './plans.ts';

const V = 7;
const KERNELS = [
  kernel(
    'embed',
    { ids: ['read', 'i32'], y: ['read_write', 'f32'] },
    1,
    '  if (i < params[0].x) { y[i] = f32(ids[i]); }',
  ),
  kernel(
    'append',
    { x: ['read', 'f32'], cache: ['read_write', 'f32'] },
    4,
    // params: elements, T, P, capacity
    '  let p = params[0];\n  if (i < p.x) { cache[(i / p.y) * p.w + p.z + i % p.y] = x[i]; }',
  ),
  kernel(
    'logits',
    { cache: ['read', 'f32'], logits: ['read_write', 'f32'] },
    4,
    `  let p = params[0];
  if (i >= p.x) { return; }
  let row = i / ${V};
  var sum = 0.0;
  for (var k = 0u; k <= p.z + row % p.y; k++) { sum += cache[(row / p.y) * p.w + k]; }
  logits[i] = -abs(sum % ${V}.0 - f32(i % ${V}));`,
  ),
];

const embed: EntryPlan = {
  inputs: [port('input_ids', 'i64', 'B', 'T')],
  outputs: [port('inputs_embeds', 'f32', 'B', 'T', 1)],
  cache: [],
  buffers: [
    { kind: 'input', port: 0 },
    { kind: 'output', port: 0 },
  ],
  steps: [step(0, 'B*T', [0, 1], ['B*T'])],
};

const decode: EntryPlan = {
  inputs: [port('inputs_embeds', 'f32', 'B', 'T', 1), port('past.0', 'f32', 'B', 'P', 1)],
  outputs: [port('logits', 'f32', 'B', 'T', V), port('present.0', 'f32', 'B', 'P + T', 1)],
  cache: [{ past: 'past.0', present: 'present.0', axis: 1 }],
  buffers: [
    { kind: 'input', port: 0 },
    { kind: 'cache', cache: 0 },
    { kind: 'output', port: 0 },
  ],
  steps: [
    step(1, 'B*T', [0, 1], ['B*T', 'T', 'P', CAPACITY]),
    step(2, `${V}*B*T`, [1, 2], [`${V}*B*T`, 'T', 'P', CAPACITY]),
  ],
};

const MODEL: WebGpuPlan = { ...PLAN, kernels: KERNELS, parameters: [], entries: { embed_tokens: embed, decode } };

/** The same model on the host. */
const onHost: Runner = {
  manifest: { model: PLAN.model, weights: null, entries: MODEL.entries },
  async run(entry, feeds) {
    if (entry === 'embed_tokens') {
      const { shape } = feeds.input_ids!;
      return { inputs_embeds: f32([...shape, 1], ...values(feeds.input_ids)) };
    }
    const [B, T] = feeds.inputs_embeds!.shape as [number, number];
    const P = feeds['past.0']?.shape[1] ?? 0;
    const rows = Array.from({ length: B }, (_, b) => [
      ...(P === 0 ? [] : values(feeds['past.0']).slice(b * P, (b + 1) * P)),
      ...values(feeds.inputs_embeds).slice(b * T, (b + 1) * T),
    ]);
    const logits = rows.flatMap((row) =>
      Array.from({ length: T }, (_, t) => {
        const sum = row.slice(0, P + t + 1).reduce((total, token) => total + token, 0);
        return Array.from({ length: V }, (_, v) => -Math.abs((sum % V) - v));
      }).flat(),
    );
    return { logits: f32([B, T, V], ...logits), 'present.0': f32([B, P + T, 1], ...rows.flat()) };
  },
};

describe.skipIf(unavailable)('generation on the device', () => {
  it.each([1, 3])('keeps the cache there, with %i beams, and frees it', async (num_beams) => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]), device: gpu });
    const input_ids = [
      [1, 2, 3],
      [5, 6],
    ];
    const generated = async (runner: Runner) =>
      (await generate(runner, { input_ids }, { max_new_tokens: 20, num_beams })).rows.map(({ tokens }) => tokens);
    const rows = await generated(session);
    expect(rows).toEqual(await generated(onHost));
    expect(rows.map(({ length }) => length)).toEqual([20, 20]);
    if (num_beams === 1) expect(rows[0]!.slice(0, 5)).toEqual([6, 5, 3, 6, 5]); // 1 + 2 + 3, then its double modulo 7
    const { live } = gpu.buffers.counts();
    for (let i = 0; i < 3; i++) await generated(session);
    expect(gpu.buffers.counts().live).toBe(live);
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
  });
});
