/**
 * One plan in two places: in Node, on the package `webgpu`, and in headless Chromium. Both are Dawn, of different versions,
 * over the same SwiftShader.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import type { Feeds } from '../../src/runtime/feeds.ts';
import type { Runner } from '../../src/runtime/session.ts';
import { manifestOf, openPlan, type WebGpuOptions } from '../../src/runtime/webgpu/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { testDevice } from '../support/adapter.ts';
import { launch } from './chromium.ts';
import { packAll, unpackOutputs } from './packed.ts';
import type { Plans } from './plans.page.ts';
import { serve } from './server.ts';

type Tensors = Readonly<Record<string, HostTensor>>;

/** Runs entries of a plan. */
export interface Place {
  readonly backend: string;
  run(entry: string, feeds: Feeds): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}

/** @param weights of the plan's parameters */
export async function openInNode(plan: WebGpuPlan, weights: WebGpuOptions['weights']): Promise<Place> {
  const device = await testDevice();
  const session = await openPlan({ plan, weights, device });
  await Promise.all(Object.keys(plan.entries).map((entry) => session.load(entry)));
  return {
    backend: session.info().backend,
    run: (entry, feeds) => session.run(entry, feeds),
    async close() {
      await session.dispose();
      device.destroy();
    },
  };
}

/** @param folder with weights.safetensors, where the plan has parameters */
export async function openInChromium(plan: WebGpuPlan, folder?: string): Promise<Place> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('plans.page.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const html = '<!doctype html><title>plans</title><link rel="icon" href="data:,"><script type="module" src="page.js">';
  const server = await serve({
    folders: folder === undefined ? {} : { '/weights/': folder },
    texts: {
      '/index.html': `${html}</script>`,
      '/page.js': outputFiles[0]!.text,
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
    await page.waitForFunction('globalThis.plans !== undefined', undefined, { timeout: 10_000 });
    const weights = folder === undefined ? {} : { weights: '/weights/weights.safetensors' };
    return {
      backend: await call(page, 'open', { plan: '/plan.json', ...weights }),
      run: async (entry, feeds) => unpackOutputs(await call(page, 'run', { entry, feeds: packAll(feeds) })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function call<N extends keyof Plans>(
  page: Page,
  name: N,
  argument: Parameters<Plans[N]>[0],
): Promise<Awaited<ReturnType<Plans[N]>>> {
  return (await page.evaluate(`plans.${name}(${JSON.stringify(argument)})`)) as Awaited<ReturnType<Plans[N]>>;
}

/**
 * Runs everything in both places, with the same inputs, and goes on with the second's results.
 * @param differences gets a line for each run that is not the same
 */
export function runnerOfBoth(
  plan: WebGpuPlan,
  [first, second]: readonly [Place, Place],
  differences: string[],
): Runner {
  return {
    manifest: manifestOf(plan),
    async run(entry, feeds) {
      const [here, there] = await Promise.all([first.run(entry, feeds), second.run(entry, feeds)]);
      const different = bitDifference(here, there);
      if (different !== undefined) differences.push(`${entry}: ${different}`);
      return there;
    },
  };
}

/** Undefined where all tensors are the same to the bit; else the first that is not, and by how much of its largest number. */
export function bitDifference(here: Tensors, there: Tensors): string | undefined {
  const bits = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (const [name, tensor] of Object.entries(here)) {
    const other = there[name];
    if (other?.dtype !== tensor.dtype || other.shape.join() !== tensor.shape.join()) return `${name} has another type`;
    const theirs = bits(other);
    if (bits(tensor).every((byte, i) => byte === theirs[i])) continue;
    const [a, b] = [numbers(tensor), numbers(other)];
    const off = Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / Math.max(...a.map(Math.abs));
    return `${name} is off by ${off.toExponential(1)}`;
  }
  return undefined;
}

const numbers = ({ data }: HostTensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
