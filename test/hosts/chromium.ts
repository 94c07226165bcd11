/** A plan in headless Chromium: Dawn, of another version than in Node, over the same SwiftShader. */
import type { Page } from 'playwright-core';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { launch } from '../browser/chromium.ts';
import { serve } from '../browser/server.ts';
import { bundle } from './bundle.ts';
import type { Guest } from './guest.ts';
import { packAll, unpackOutputs } from './packed.ts';
import type { Place } from './place.ts';

/** @param folder with weights.safetensors, where the plan has parameters */
export async function openInChromium(plan: WebGpuPlan, folder?: string): Promise<Place> {
  const html = '<!doctype html><title>plans</title><link rel="icon" href="data:,"><script type="module" src="page.js">';
  const server = await serve({
    folders: folder === undefined ? {} : { '/weights/': folder },
    texts: {
      '/index.html': `${html}</script>`,
      '/page.js': await bundle('guest.ts'),
      '/plan.json': JSON.stringify(plan),
    },
  });
  const browser = await launch({ webgpu: true });
  const close = async (): Promise<void> => {
    await browser.close();
    await server.close();
  };
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/index.html`);
    await page.waitForFunction('globalThis.guest !== undefined', undefined, { timeout: 10_000 });
    const weights = folder === undefined ? {} : { weights: '/weights/weights.safetensors' };
    return {
      ...(await call(page, 'open', { plan: '/plan.json', ...weights })),
      run: async (entry, feeds) => unpackOutputs(await call(page, 'run', { entry, feeds: packAll(feeds) })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function call<N extends keyof Guest>(
  page: Page,
  name: N,
  argument: Parameters<Guest[N]>[0],
): Promise<Awaited<ReturnType<Guest[N]>>> {
  return (await page.evaluate(`guest.${name}(${JSON.stringify(argument)})`)) as Awaited<ReturnType<Guest[N]>>;
}
