/** The example page as a web server has it, built from scratch and opened in headless Chromium. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { buildPage } from '../../examples/browser/build.ts';
import { compileModel } from '../../examples/browser/model.ts';
import { buildPackage } from '../docs/built.ts';
import { folderWith } from '../support/folder.ts';
import { type LaunchOptions, launch } from './chromium.ts';
import { serve } from './server.ts';

export interface ExampleOptions extends LaunchOptions {
  /** of the address: `?backend=webgpu` */
  readonly search?: string;
}

export interface Example {
  readonly page: Page;
  /** errors and warnings on the console, answers that are no success, requests to other machines */
  readonly complaints: string[];
  /** paths asked for */
  readonly requests: string[];
  text(id: string): Promise<string>;
  /** Until what was asked for has been done. Selectors are polled from outside: the page's CSP forbids evaluation. */
  idle(): Promise<unknown>;
  /** @param expected part of what the page then says it runs on */
  chooseBackend(name: string, expected: string): Promise<void>;
  /** First cells of the table of what ran. */
  ran(): Promise<string[]>;
  /** Clicks and waits for another answer under another title. */
  answerTo(selector: string, title: string): Promise<string>;
  close(): Promise<void>;
}

/** Milliseconds until something that was asked for must be there; a software adapter compiles kernels for some seconds. */
const PATIENCE = 90_000;

export async function openExample({ webgpu = false, search = '' }: ExampleOptions = {}): Promise<Example> {
  const folder = folderWith();
  const built = buildPackage();
  compileModel(undefined, join(folder, 'model'), join(built.folder, 'dist/mdl.js'));
  const site = await buildPage({ model: join(folder, 'model'), out: join(folder, 'page') });
  // in a folder, without its files at the root of the server
  const server = await serve({ folders: { '/app/': site }, texts: {} });
  const browser = await launch({ webgpu });
  const close = async (): Promise<void> => {
    await browser.close();
    await server.close();
  };
  const page = await browser.newPage({ locale: 'en-US' });
  page.setDefaultTimeout(PATIENCE);
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => {
    if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on('request', (request) => {
    const { origin, protocol, pathname } = new URL(request.url());
    requests.push(pathname);
    if (origin !== server.origin && protocol !== 'blob:' && protocol !== 'data:')
      complaints.push(`asks ${request.url()}`);
  });
  if (webgpu) await page.addInitScript(keepDevices);

  const text = async (id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? '';
  const idle = (): Promise<unknown> => page.waitForSelector('#answer-button:not([disabled])');
  try {
    await page.goto(`${server.origin}/app/index.html${search}`);
    await idle();
  } catch (error) {
    await close();
    throw new Error(`the page did not come up: ${complaints.join('\n')}`, { cause: error });
  }
  return {
    page,
    complaints,
    requests,
    text,
    idle,
    async answerTo(selector, title) {
      await page.click(selector);
      await page.waitForSelector(`#asked:has-text("${title}")`);
      await idle();
      return text('answer');
    },
    async chooseBackend(name, expected) {
      await page.selectOption('#backend', name);
      await page.waitForSelector(`#state:has-text("${expected}")`);
      await idle();
    },
    ran: () => page.locator('#timings tbody th').allTextContents(),
    close,
  };
}

interface Devices {
  readonly devices: GPUDevice[];
}

/** Runs in the page, before its scripts: the devices that it asks for are kept where a test finds them. */
function keepDevices(): void {
  const devices: GPUDevice[] = [];
  Object.assign(globalThis, { devices });
  const { GPUAdapter } = globalThis as unknown as { GPUAdapter: { prototype: GPUAdapter } };
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await request.call(this, descriptor);
    devices.push(device);
    return device;
  };
}

/** What the driver's reset or a machine that wakes up does. */
export async function loseDevice(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const device of (globalThis as unknown as Devices).devices) device.destroy();
  });
}
