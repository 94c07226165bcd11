/** The example page in a real Chromium, as built for a web server: it captions, answers, learns, and complains of nothing. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../examples/browser/build.ts';
import { compileModel } from '../../examples/browser/model.ts';
import { type Built, buildPackage } from '../docs/built.ts';
import { launch, unavailable } from './chromium.ts';
import { type Server, serve } from './server.ts';

const PICTURE = fileURLToPath(import.meta.resolve('emoji-datasource-twitter/img/twitter/64/1f436.png'));

describe.skipIf(unavailable)(`the example page${unavailable ? ` (${unavailable})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'mdl-page-'));
  let built: Built | undefined;
  let server: Server | undefined;
  let browser: Browser | undefined;
  let page: Page;
  const complaints: string[] = [];

  const text = async (id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? '';
  /** Until what was asked for has been done. Selectors are polled from outside: the page's CSP forbids evaluation. */
  const idle = (): Promise<unknown> => page.waitForSelector('#answer-button:not([disabled])');
  /** Clicks and waits for another answer under another title. */
  const answerTo = async (selector: string, title: string): Promise<string> => {
    await page.click(selector);
    await page.waitForSelector(`#asked:has-text("${title}")`);
    await idle();
    return text('answer');
  };

  beforeAll(async () => {
    built = buildPackage();
    compileModel(undefined, join(folder, 'model'), join(built.folder, 'dist/mdl.js'));
    server = await serve({
      folders: { '/app/': await buildPage({ model: join(folder, 'model'), out: join(folder, 'page') }) },
      texts: {},
    });
    const { origin } = server;
    browser = await launch();
    page = await browser.newPage({ locale: 'en-US' });
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('response', (response) => {
      if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
    });
    page.on('request', (request) => {
      const { origin: asked, protocol } = new URL(request.url());
      if (asked !== origin && protocol !== 'blob:' && protocol !== 'data:') complaints.push(`asks ${request.url()}`);
    });
    // in a folder, without its files at the root of the server
    await page.goto(`${origin}/app/index.html`);
    await idle();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    built?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loads the model and names its backend', async () => {
    expect(await text('state')).toBe('runs on onnxruntime-web (wasm)');
  });

  it('captions the samples, one click each', async () => {
    expect(await answerTo('#samples button:has(img[alt="cat"])', 'cat · a caption')).toBe('a picture of a cat');
    expect(await answerTo('#samples button:has(img[alt="pear"])', 'pear · a caption')).toBe('a picture of a pear');
    expect(await page.getAttribute('#samples button:has(img[alt="pear"])', 'aria-pressed')).toBe('true');
  });

  it('captions a picture that is dropped', async () => {
    const data = readFileSync(PICTURE).toString('base64');
    const transfer = await page.evaluateHandle((base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const dropped = new (
        globalThis as unknown as { DataTransfer: new () => { items: { add(file: File): void } } }
      ).DataTransfer();
      dropped.items.add(new File([bytes], 'rex.png', { type: 'image/png' }));
      return dropped;
    }, data);
    await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer });
    await page.waitForSelector('#asked:has-text("rex.png · a caption")');
    await idle();
    expect(await text('answer')).toBe('a picture of a dog');
  });

  it('answers a typed question by keyboard alone, and shows what ran', async () => {
    await page.focus('#question');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('What kind of thing is this?');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#asked:has-text("What kind")');
    await idle();
    expect(await text('answer')).toBe('animal');
    expect(await text('speed')).toMatch(/^\d+ tokens: the first after \d+ ms, then [\d.]+ ms each$/);
    const rows = await page.locator('#timings tbody th').allTextContents();
    expect(rows.map((row) => row.split('entry of')[0]).sort()).toEqual(['decode', 'embed_tokens', 'encode_image']);
  });

  it('says so when a file is no picture', async () => {
    await page.setInputFiles('#file', { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.waitForSelector('#trouble:not([hidden])');
    expect(await text('trouble-text')).toBe('notes.png is no picture that this browser reads');
    await page.click('#dismiss');
    expect(await page.isVisible('#trouble')).toBe(false);
  });

  it('learns the name of a picture, and keeps those it knew', { timeout: 120_000 }, async () => {
    const hedgehog = '#samples button:has(img[alt^="hedgehog"])';
    expect(await answerTo(hedgehog, 'hedgehog · a caption')).not.toContain('hedgehog');
    await page.fill('#noun', 'Hedgehog');
    await page.click('#teach-button');
    await page.waitForSelector('#lesson:has-text("Now ask again")', { timeout: 90_000 });
    await page.waitForSelector('#answer[aria-busy="false"]:has-text("hedgehog")');
    await idle();
    expect(await text('answer')).toBe('a picture of a hedgehog');
    const label = (await page.getAttribute('#loss', 'aria-label'))!;
    const [, first, last] = /^loss over 60 training steps: from ([\d.]+) to ([\d.]+)$/.exec(label)!;
    expect(Number(last)).toBeLessThan(0.1 * Number(first));
    const rows = await page.locator('#timings tbody th').allTextContents();
    expect(rows.map((row) => row.split('entry of')[0]).sort()).toEqual(['gradient', 'update']);
    expect(await answerTo('#samples button:has(img[alt="cat"])', 'cat · a caption')).toBe('a picture of a cat');
  });

  it('stops a lesson when told to, and goes on from what was learned', { timeout: 60_000 }, async () => {
    await page.fill('#steps', '200');
    await page.click('#teach-button');
    await page.waitForSelector('#lesson:has-text("training")');
    await page.click('#stop-button');
    await page.waitForSelector('#lesson:not(:has-text("training"))');
    await idle();
    expect(Number(/^(\d+) steps/.exec(await text('lesson'))![1])).toBeLessThan(200);
    expect(await page.isVisible('#stop-button')).toBe(false);
  });

  it('has a name for every control, and a heading for every part', async () => {
    const unnamed = await page
      .locator('button, input, select')
      .evaluateAll((controls) =>
        (controls as unknown as { labels?: { length: number }; textContent: string; outerHTML: string }[])
          .filter(
            ({ labels, textContent, outerHTML }) => !labels?.length && !textContent.trim() && !/alt="./.test(outerHTML),
          )
          .map(({ outerHTML }) => outerHTML),
      );
    expect(unnamed).toEqual([]);
    expect(await page.locator('h1, h2').allTextContents()).toEqual([
      'TinyGPT-V nano',
      'Picture',
      'Ask',
      'Teach',
      'What ran',
    ]);
  });

  it('has complained of nothing and asked nothing of other machines', () => {
    expect(complaints).toEqual([]);
  });
});
