/**
 * The example page on WebGPU in a real Chromium, on a software adapter: the answers of ONNX Runtime, the kernels that ran, a
 * lost device and the way back. A lesson there: example-webgpu.slow.test.ts.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from './chromium.ts';
import { type Example, loseDevice, openExample } from './example-page.ts';

describe.skipIf(unavailable)(`the example page on WebGPU${unavailable ? ` (${unavailable})` : ''}`, () => {
  let example: Example;
  let page: Page;
  const text: Example['text'] = (id) => example.text(id);

  beforeAll(async () => {
    example = await openExample({ webgpu: true, search: '?backend=webgpu' });
    ({ page } = example);
  });
  afterAll(() => example?.close());

  it('runs there when asked to, without loading ONNX Runtime', async () => {
    expect(await text('state')).toBe('runs on webgpu (swiftshader)');
    const caption = await example.answerTo('#samples button:has(img[alt="cat"])', 'cat · a caption');
    expect(caption).toBe('a picture of a cat');
    expect(await text('speed')).toMatch(/^6 tokens: /);
    expect(example.requests.filter((path) => /ort|\.onnx/.test(path))).toEqual([]);
  });

  it('shows each kernel with its line of the model and its time', async () => {
    expect(await text('timings-hint')).toContain('timestamps');
    const shown = await example.ran();
    expect(shown.filter((row) => /\.mdl:\d+:\d+/.test(row)).length).toBeGreaterThan(10);
    const cells = await page.locator('#timings tbody tr:first-child td').allTextContents();
    expect(Number(cells[1])).toBeGreaterThan(0);
    expect(cells[2]).toMatch(/FLOP\/s$/);
    expect(cells[3]).toMatch(/B\/s$/);
  });

  it('shows whole entries when kernels are not to be timed', async () => {
    await page.uncheck('#profile');
    await example.answerTo('#samples button:has(img[alt="pear"])', 'pear · a caption');
    expect((await example.ran()).map((row) => row.split('entry of')[0]).sort()).toEqual([
      'decode',
      'embed_tokens',
      'encode_image',
    ]);
    await page.check('#profile');
  });

  it('says when the device is lost, and goes on with another', { timeout: 120_000 }, async () => {
    await loseDevice(page);
    await page.click('#caption-button');
    await page.waitForSelector('#trouble:not([hidden])');
    expect(await text('trouble-text')).toMatch(/^the WebGPU device is lost/);
    expect(await text('state')).toBe('the device is lost');
    await page.click('#recover');
    await page.waitForSelector('#state:has-text("runs on webgpu")');
    expect(await page.isVisible('#trouble')).toBe(false);
    await page.click('#caption-button');
    await page.waitForSelector('#answer[aria-busy="false"]:has-text("pear")');
    await example.idle();
    expect(await text('answer')).toBe('a picture of a pear');
  });

  it('takes ONNX Runtime by itself where the adapter is software, and says why', async () => {
    await example.chooseBackend('auto', 'onnxruntime-web');
    await page.waitForSelector('#why:has-text("swiftshader")');
    expect(await text('why')).toBe(
      'because there is no WebGPU adapter here (tried: navigator.gpu has only the software adapter swiftshader)',
    );
  });

  it('has complained of nothing and asked nothing of other machines', () => {
    expect(example.complaints).toEqual([]);
  });
});
