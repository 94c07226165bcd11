/** Caches stored as f16 and int8 on a device: written in fours, read where they lie, moved and reordered as they are. */
import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/compiler/workbench/plan/memory.ts';
import { openPlan } from '../../src/runtime/webgpu/index.ts';
import { unavailable } from '../support/adapter.ts';
import { buildWebGpu } from '../support/build.ts';
import { gpuOf, PROFILES } from '../support/webgpu.ts';
import { expectAnswers, expectCaches, GPT, modelOf, weightsOf } from './caches.ts';

/** Bytes of all caches with room for 128 positions, of 2 layers with 4 heads of 8. */
function cacheBytes(caches?: 'f16' | 'int8'): number {
  const plan = buildWebGpu(modelOf(GPT).model, { entries: ['decode'], caches })!;
  const dims = new Map([
    ['B', 1],
    ['T', 1],
    ['P', 127],
  ]);
  return memoryOf(plan, () => dims).entries[0]!.caches;
}

describe('explain-plan --memory', () => {
  it('counts halves, and bytes with a scale of f32 for each row', () => {
    const rows = 2 * 2 * 4 * 128;
    expect(cacheBytes()).toBe(4 * 8 * rows);
    expect(cacheBytes('f16')).toBe(2 * 8 * rows);
    expect(cacheBytes('int8')).toBe((8 + 4) * rows);
  });
});

const CASES = PROFILES.flatMap((profile) => (['f16', 'int8'] as const).map((stored) => ({ profile, stored })));

describe.skipIf(unavailable !== undefined).each(CASES)('$stored, profile $profile', ({ profile, stored }) => {
  const open = async () => {
    const { model } = modelOf(GPT);
    const weights = weightsOf(model);
    const plan = buildWebGpu(model, { caches: stored })!;
    return openPlan({ plan, weights: (key) => weights.read(key), device: await gpuOf(profile) });
  };

  it('is the interpreter, in one piece and in parts', async () => expectCaches(await open(), stored));
  it('answers with beams', async () => expectAnswers(await open(), stored));
});
