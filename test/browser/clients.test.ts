/** @huggingface/transformers in a real Chromium loads what `mdl compile` writes, weights files and types without a word of options. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../src/recipes/vision-language/ask.ts';
import { decodeImage, openSession, preprocessImage, Tokenizer } from '../../src/runtime/index.ts';
import { folderWith, mdl, PICTURE, PRETRAINED, TINYGPTV } from '../cli/support.ts';
import { fixture } from '../support/reference.ts';
import { launch, unavailable } from './chromium.ts';
import { type Server, serve } from './server.ts';

const ORT = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));

/** Runs in the page. */
const SCRIPT = `
import { AutoModelForCausalLM, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, env, RawImage, Tensor } from '@huggingface/transformers';
env.allowLocalModels = true;
env.allowRemoteModels = false;
env.localModelPath = '/models/';
env.useBrowserCache = false;
env.backends.onnx.wasm.wasmPaths = '/ort/';
env.backends.onnx.wasm.numThreads = 1;
const added = (output, inputs) => output.tolist()[0].slice(inputs.input_ids.dims[1]).map(Number);
globalThis.page = {
  async text({ name, prompt, count }) {
    const tokenizer = await AutoTokenizer.from_pretrained(name);
    const model = await AutoModelForCausalLM.from_pretrained(name);
    const inputs = tokenizer(prompt);
    return added(await model.generate({ ...inputs, max_new_tokens: count, do_sample: false }), inputs);
  },
  async picture({ name, question, pixels, side, count }) {
    const processor = await AutoProcessor.from_pretrained(name);
    const model = await AutoModelForImageTextToText.from_pretrained(name);
    const content = [{ type: 'image' }, { type: 'text', text: question }];
    const prompt = processor.apply_chat_template([{ role: 'user', content }]);
    const blank = new RawImage(new Uint8ClampedArray(side * side * 3), side, side, 3);
    const inputs = await processor(blank, prompt);
    const pixel_values = new Tensor('float32', Float32Array.from(pixels), [1, 3, side, side]);
    return added(await model.generate({ ...inputs, pixel_values, max_new_tokens: count, do_sample: false }), inputs);
  },
};
`;

describe.skipIf(unavailable)(`transformers.js in a page${unavailable ? ` (${unavailable})` : ''}`, () => {
  let server: Server | undefined;
  let browser: Browser | undefined;
  let page: Page;
  const root = unavailable ? '' : folderWith({});
  const elsewhere: string[] = [];
  const call = async (name: string, argument: object): Promise<unknown> =>
    page.evaluate(`page.${name}(${JSON.stringify(argument)})`);

  beforeAll(async () => {
    const weights = ['--weights', PRETRAINED, '--allow-missing', '**.lora_*', '--shard-mb', '1'];
    const nano = [TINYGPTV, '--config', 'nano', ...weights];
    for (const [name, ...args] of [
      ['smollm2', fixture('folders/smollm2')],
      ['nano', ...nano],
    ] as string[][]) {
      const { code, stderr } = await mdl(root, 'compile', ...args, '--out', name!);
      expect({ code, stderr }).toMatchObject({ code: 0 });
    }
    const { outputFiles } = await build({
      stdin: { contents: SCRIPT, resolveDir: import.meta.dirname },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    });
    server = await serve({
      folders: { '/models/': root, '/ort/': ORT },
      texts: {
        '/index.html': '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
        '/page.js': outputFiles[0]!.text,
      },
    });
    const { origin } = server;
    browser = await launch();
    page = await browser.newPage();
    await page.route('**', async (route) => {
      const url = new URL(route.request().url());
      if (url.origin === origin || url.protocol === 'blob:' || url.protocol === 'data:') return route.continue();
      elsewhere.push(url.href);
      return route.abort();
    });
    await page.goto(`${origin}/index.html`);
    await page.waitForFunction('globalThis.page !== undefined', undefined, { timeout: 30_000 });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('generates the tokens of transformers from a compiled folder, its weights in a file beside the graph', async () => {
    const expected = JSON.parse(readFileSync(join(fixture('folders/smollm2'), 'expected.json'), 'utf8')) as {
      prompt: string;
      tokens: number[];
    };
    const found = await call('text', { name: 'smollm2', prompt: expected.prompt, count: 24 });
    expect(found).toEqual(expected.tokens);
  });

  it('answers about a picture with the tokens of our runtime, weights in shards: twelve of twelve', async () => {
    const image = decodeImage(readFileSync(PICTURE), { background: [255, 255, 255] });
    const pixels = Array.from(preprocessImage(image, { size: 56 }).data, Number);
    const asked = { name: 'nano', question: 'what is this?', pixels, side: 56, count: 12 };
    const session = await openSession(join(root, 'nano'));
    const codec = Tokenizer.from(readFileSync(join(root, 'nano/tokenizer.json'), 'utf8'));
    const request = { prompt: asked.question, images: [image], end: '\0' }; // an end that never comes
    const { tokens } = await ask(session, codec, request, { max_new_tokens: asked.count });
    await session.dispose();
    expect(tokens).toHaveLength(12);
    expect(await call('picture', asked)).toEqual(tokens);
    expect(elsewhere).toEqual([]);
  });
});
