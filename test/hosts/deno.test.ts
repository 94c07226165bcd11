/**
 * The same plans in Deno: another WebGPU (wgpu), another WGSL front end (naga, as in Firefox). Its arithmetic may be ordered
 * differently from Dawn's, so results are compared with what they should be and not to the bit.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { openInDeno, unavailable } from './deno.ts';
import { type Place, runnerOf } from './place.ts';
import { expectLosses, expectTokens, matrix, tiny, wrongCases } from './workload.ts';

describe.skipIf(unavailable)(`in Deno${unavailable ? ` (${unavailable})` : ''}`, () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const place of open.splice(0)) await place.close();
  });

  const opened = async (place: Promise<Place>): Promise<Place> => {
    open.push(await place);
    return place;
  };

  it('all ops and their gradients', { timeout: 300_000 }, async () => {
    const all = matrix();
    const place = await opened(openInDeno(all.plan));
    expect(await wrongCases(all, (entry, feeds) => place.run(entry, feeds))).toEqual([]);
  });

  it('TinyGPT-V’s picture, tokens with a cache, and steps of AdamW', { timeout: 300_000 }, async () => {
    const model = tiny();
    const place = await opened(openInDeno(model.plan, { folder: model.folder }));
    const runner = runnerOf(model.plan, place);
    await expectTokens(runner);
    await expectLosses(runner, model);
  });
});
