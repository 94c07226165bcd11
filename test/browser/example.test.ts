/** The example page in a real Chromium without WebGPU: it captions, answers, learns, and complains of nothing. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unavailable } from './chromium.ts';
import { type Example, openExample } from './example-page.ts';

const PICTURE = fileURLToPath(import.meta.resolve('emoji-datasource-twitter/img/twitter/64/1f436.png'));

describe.skipIf(unavailable)(`the example page${unavailable ? ` (${unavailable})` : ''}`, () => {
  let example: Example;
  let page: Page;
  const text: Example['text'] = (id) => example.text(id);
  const idle: Example['idle'] = () => example.idle();
  const answerTo: Example['answerTo'] = (selector, title) => example.answerTo(selector, title);

  beforeAll(async () => {
    example = await openExample();
    ({ page } = example);
  });
  afterAll(() => example?.close());

  it('loads the model and names its backend', async () => {
    expect(await text('state')).toBe('runs on onnxruntime-web (wasm)');
    expect(await text('why')).toMatch(/^because there is no WebGPU adapter here/);
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
    expect((await example.ran()).map((row) => row.split('entry of')[0]).sort()).toEqual([
      'decode',
      'embed_tokens',
      'encode_image',
    ]);
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
    expect((await example.ran()).map((row) => row.split('entry of')[0]).sort()).toEqual(['gradient', 'update']);
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

  /** The same page again, on a machine where something is not as it should be. */
  async function opened(prepare: (page: Page) => Promise<unknown>): Promise<Page> {
    const other = await page.context().browser()!.newPage();
    await prepare(other);
    await other.goto(page.url());
    return other;
  }

  it('starts where the browser names no language that Intl knows', async () => {
    const other = await opened((fresh) =>
      fresh.addInitScript(
        "Object.defineProperty(Navigator.prototype, 'language', { get: () => 'C', configurable: true })",
      ),
    );
    await other.waitForSelector('#answer-button:not([disabled])');
    expect(await other.textContent('#state')).toBe('runs on onnxruntime-web (wasm)');
    await other.close();
  });

  it.each([
    ['the page itself', '**/main.js'],
    ['a part of it', '**/chunks/*.js'],
  ])('says so when %s does not load, instead of "loading"', async (_, address) => {
    const other = await opened((fresh) => fresh.route(address, (route) => route.abort()));
    await other.waitForSelector('#trouble:not([hidden])');
    expect(await other.textContent('#state')).toBe('the page did not start');
    expect(await other.textContent('#trouble-text')).toMatch(
      /main\.js, or a script that it imports, could not be loaded/,
    );
    await other.close();
  });

  it('has complained of nothing and asked nothing of other machines', () => {
    // the first is Chromium's own word for having no WebGPU here
    expect(example.complaints).toEqual(['No available adapters.']);
  });
});
