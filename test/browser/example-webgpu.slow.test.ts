/**
 * A lesson on the example page, on WebGPU in a real Chromium as on ONNX Runtime. Few steps, because every kernel is compiled
 * for the CPU.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from './chromium.ts';
import { type Example, openExample } from './example-page.ts';

const STEPS = 3;
const HEDGEHOG = '#samples button:has(img[alt^="hedgehog"])';

describe.skipIf(unavailable)(`the example page on WebGPU${unavailable ? ` (${unavailable})` : ''}`, () => {
  let example: Example;
  let page: Page;
  const text: Example['text'] = (id) => example.text(id);

  beforeAll(async () => {
    example = await openExample({ webgpu: true, search: '?backend=webgpu' });
    ({ page } = example);
  });
  afterAll(() => example?.close());

  /** The loss over a lesson's steps, first and last. */
  async function lesson(): Promise<{ first: number; last: number; exact: number }> {
    await page.fill('#noun', 'hedgehog');
    await page.fill('#steps', String(STEPS));
    await page.click('#teach-button');
    await page.waitForSelector('#lesson:has-text("Now ask again")');
    await page.waitForSelector('#answer[aria-busy="false"]:has-text("a picture")');
    await example.idle();
    const label = (await page.getAttribute('#loss', 'aria-label'))!;
    const [, first, last] = /^loss over 3 training steps: from ([\d.]+) to ([\d.]+)$/.exec(label)!;
    const [, exact] = /, loss (\d+\.\d{4})\./.exec(await text('lesson'))!;
    return { first: Number(first), last: Number(last), exact: Number(exact) };
  }

  it('learns as ONNX Runtime does, and answers with what it learned', { timeout: 240_000 }, async () => {
    await example.chooseBackend('onnx', 'onnxruntime-web');
    await example.answerTo(HEDGEHOG, 'hedgehog · a caption');
    expect(await text('timings-hint')).toContain('ONNX Runtime tells no kernels apart');
    const expected = await lesson();
    await page.reload(); // forgets it
    await example.idle();
    await example.answerTo(HEDGEHOG, 'hedgehog · a caption');
    const losses = await lesson();
    expect(losses.last).toBeLessThan(losses.first);
    expect(losses.first).toBe(expected.first);
    expect(Math.abs(losses.exact - expected.exact)).toBeLessThan(2e-4); // both rounded to 1e-4
    expect((await example.ran()).some((row) => row.includes('(gradient)'))).toBe(true);
    const answer = await text('answer');
    expect(await text('state')).toBe('runs on webgpu (swiftshader)');
    // what was learned on one backend is known on the other
    await example.chooseBackend('onnx', 'onnxruntime-web');
    expect(await example.answerTo('#caption-button', 'hedgehog · a caption')).toBe(answer);
  });

  it('has complained of nothing and asked nothing of other machines', () => {
    expect(example.complaints).toEqual([]);
  });
});
