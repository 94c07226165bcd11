/** What page tests of the WebGPU backend stand on: an adapter in headless Chromium, and a device loss that a page can see. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, unavailable } from './chromium.ts';
import { type Server, serve } from './server.ts';

describe.skipIf(unavailable)(`Chromium with WebGPU${unavailable ? ` (${unavailable})` : ''}`, () => {
  let server: Server | undefined;
  let browser: Browser | undefined;
  let page: Page;
  beforeAll(async () => {
    server = await serve({ folders: {}, texts: { '/index.html': '<!doctype html><title>gpu</title>' } });
    browser = await launch({ webgpu: true });
    page = await browser.newPage();
    await page.goto(`${server.origin}/index.html`); // WebGPU wants a secure context, which 127.0.0.1 is
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('has an adapter with a device of at least the default limits', async () => {
    const limits = (await page.evaluate(`(async () => {
      const device = await (await navigator.gpu.requestAdapter()).requestDevice();
      const { maxStorageBuffersPerShaderStage: buffers, maxComputeWorkgroupStorageSize: shared } = device.limits;
      device.destroy();
      return { buffers, shared };
    })()`)) as { readonly buffers: number; readonly shared: number };
    expect(limits.buffers).toBeGreaterThanOrEqual(8);
    expect(limits.shared).toBeGreaterThanOrEqual(16_384);
  });

  it('tells a page that its device is lost', async () => {
    const reason = await page.evaluate(`(async () => {
      const device = await (await navigator.gpu.requestAdapter()).requestDevice();
      device.destroy();
      return (await device.lost).reason;
    })()`);
    expect(reason).toBe('destroyed');
  });
});
