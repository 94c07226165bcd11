/**
 * WebGPU in Chromium is WebGPU in Node: on the same adapter the op matrix, forward and backward, and TinyGPT-V's answers and
 * training steps are the same to the bit, and right.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { unavailable as noBrowser } from '../browser/chromium.ts';
import { unavailable as noAdapter } from '../support/adapter.ts';
import { openInChromium } from './chromium.ts';
import { bitDifference, noWeights, openInNode, type Place, runnerOfBoth } from './place.ts';
import { expectLosses, expectTokens, matrix, tiny, wrongCases } from './workload.ts';

const unavailable = noBrowser ?? noAdapter;

describe.skipIf(unavailable)(`in Node and in Chromium${unavailable ? ` (${unavailable})` : ''}`, () => {
  const open: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const place of open) await place.close();
  });

  /** One after the other: either takes every core while it compiles kernels. */
  async function both(here: Promise<Place>, chromium: () => Promise<Place>): Promise<readonly [Place, Place]> {
    const places = [await here, await chromium()] as const;
    open.push(...places);
    expect(places[1].backend).toBe(places[0].backend);
    return places;
  }

  it('all ops and their gradients', { timeout: 300_000 }, async () => {
    const all = matrix();
    expect(all.cases.size).toBe(176 + 171);
    const places = await both(openInNode(all.plan, noWeights), () => openInChromium(all.plan));
    const different: string[] = [];
    const runner = runnerOfBoth(all.plan, places, different);
    expect(await wrongCases(all, (entry, feeds) => runner.run(entry, feeds))).toEqual([]);
    expect(different).toEqual([]);
  });

  it('TinyGPT-V’s picture, tokens with a cache, and steps of AdamW', { timeout: 300_000 }, async () => {
    const model = tiny();
    const { plan, folder, weights } = model;
    const places = await both(
      openInNode(plan, async (key) => weights(key)),
      () => openInChromium(plan, folder),
    );
    const different: string[] = [];
    const runner = runnerOfBoth(plan, places, different);
    await expectTokens(runner);
    await expectLosses(runner, model);
    expect(different).toEqual([]);
  });

  it('a bit that differs is seen', () => {
    const tensor = (x: number) => ({ y: { dtype: 'f32' as const, shape: [2], data: Float32Array.of(-2, x) } });
    expect(bitDifference(tensor(1), tensor(1))).toBeUndefined();
    expect(bitDifference(tensor(1), tensor(1 + 2 ** -23))).toBe('y is off by 6.0e-8');
    expect(bitDifference(tensor(1), {})).toBe('y has another type');
  });
});
