/** The playground in a browser: built once into a temporary folder, served, and what tests do in it again and again. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { buildPlayground } from '../../examples/playground/build.ts';
import { folderWith } from '../support/folder.ts';
import { launch } from './chromium.ts';
import { type Server, serve } from './server.ts';

export interface Playground {
  readonly origin: string;
  readonly browser: Browser;
  /** gzipped, of what loads before a backend is asked for */
  readonly bytes: number;
  close(): Promise<void>;
}

export async function openPlayground(options: { readonly webgpu?: boolean } = {}): Promise<Playground> {
  const folder = folderWith();
  const { out, bytes } = await buildPlayground({ out: join(folder, 'page') });
  const server: Server = await serve({ folders: { '/': `${out}/` }, texts: {} });
  const browser = await launch(options);
  return {
    origin: server.origin,
    browser,
    bytes,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** A page that is ready, and what it complained of since. */
export async function openPage(
  { origin, browser }: Playground,
  { hash = '', width = 1440, height = 900 } = {},
): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const complaints: string[] = [];
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) complaints.push(request.url());
  });
  await page.goto(`${origin}/index.html${hash}`);
  await page.waitForSelector('html[data-ready]');
  return { page, complaints };
}

/** The text of the facts above the tabs, once they have all of these. */
export async function facts(page: Page, ...words: readonly string[]): Promise<string> {
  await page.waitForSelector(`#facts${words.map((word) => `:has-text("${word}")`).join('')}`);
  return (await page.textContent('#facts'))!;
}

/** Replaces the whole text of the editor. */
export async function retype(page: Page, text: string): Promise<void> {
  await page.click('.cm-content');
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** Trains in the tab Train, which is in view, and waits for the end of it. */
export async function trainIn(
  page: Page,
  { steps, rate, backend }: { readonly steps: number; readonly rate: number; readonly backend: string },
): Promise<void> {
  await page.fill('#panel-train label:text-is("steps") + input', String(steps));
  await page.fill('#panel-train input[placeholder="the schedule"]', String(rate));
  await page.selectOption('#panel-train select:has(option[value="reference"])', backend);
  await page.click('#panel-train button.main');
  await page.waitForSelector('button:text-is("Download weights"):visible, #panel-train .trouble:visible');
  expect(await page.locator('#panel-train .trouble:visible').allTextContents()).toEqual([]);
}
