/** Compiler and runtime in a real Chromium: the same diagnostics, graphs and tokens as in Node, and nothing else. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compile, diagnosticsToJson, type ModelOptions } from '../../src/compiler/index.ts';
import { ask, decodeImage, encodeImage, openSession, preprocessImage, Tokenizer } from '../../src/package/runtime.ts';
import { type Built, buildPackage } from '../docs/built.ts';
import { buildOnnx } from '../support/build.ts';
import { readJson } from '../support/reference.ts';
import { launch, unavailable } from './chromium.ts';
import { type Server, serve } from './server.ts';

const require = createRequire(import.meta.url);
const PICTURE = require.resolve('emoji-datasource-twitter/img/twitter/64/1f431.png');
const ORT = dirname(require.resolve('onnxruntime-web'));

const HTML = `<!doctype html>
<title>mdl</title>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "onnxruntime-web": "/ort/ort.wasm.min.mjs" } }</script>
<script type="module" src="/page.mjs"></script>`;

const MODELS = Object.fromEntries(
  ['tinygpt-v', 'eva-vit', 'q-former', 'phi-2'].map((name) => {
    const path = `models/${name}.mdl`;
    return [path, readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')];
  }),
);

const WRONG = `import { Linear } from "std"
config small { width = 8, heads = 3 }
module Half(d) {
  proj = Linear(d, d / heads)
  forward(x: [B, d]) -> [B, d / heads] { prj(x) }
}
model M {
  half = Half(width)
  entry run(x: [B, width]) -> (y: [B, 4]) { half(x) }
}
`;

interface Compiled {
  readonly report: ReturnType<typeof diagnosticsToJson>;
  readonly graphs: Readonly<Record<string, string>>;
}

interface Answered {
  readonly tokens: readonly number[];
  readonly text: string;
  readonly backend: string;
  readonly embeds: readonly number[];
}

function compileHere(path: string, files: Readonly<Record<string, string>>, options: ModelOptions): Compiled {
  const compilation = compile(path, { read: (name) => files[name] }, options);
  const artifact = compilation.model && buildOnnx(compilation.model, { opset: 17 });
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  return {
    report: diagnosticsToJson(compilation.diagnostics()),
    graphs: Object.fromEntries([...(artifact?.files(null) ?? [])].map(([name, bytes]) => [name, hash(bytes)])),
  };
}

describe.skipIf(unavailable)(`in a page${unavailable ? ` (${unavailable})` : ''}`, () => {
  let built: Built | undefined;
  let server: Server | undefined;
  let browser: Browser | undefined;
  let page: Page;
  /** what the page complained about, and what it asked of other machines */
  const complaints: string[] = [];
  const elsewhere: string[] = [];

  const call = async <R>(name: string, argument: unknown): Promise<R> =>
    (await page.evaluate(`page.${name}(${JSON.stringify(argument)})`)) as R;

  beforeAll(async () => {
    built = buildPackage();
    const made = await built.run('node dist/mdl.js compile models/tinygpt-v.mdl --config nano --init 0 --out nano');
    expect(made.stderr).toBe('');
    const { outputFiles } = await build({
      entryPoints: [join(built.folder, 'dist/compiler.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    });
    server = await serve({
      folders: {
        '/dist/': join(built.folder, 'dist'),
        '/nano/': join(built.folder, 'nano'),
        '/ort/': ORT,
        '/img/': dirname(PICTURE),
      },
      texts: {
        '/index.html': HTML,
        '/page.mjs': readFileSync(fileURLToPath(new URL('page.mjs', import.meta.url)), 'utf8'),
        '/compiler.js': outputFiles[0]!.text,
      },
    });
    const { origin } = server;
    browser = await launch();
    page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('response', (response) => {
      if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
    });
    await page.route('**', async (route) => {
      const url = new URL(route.request().url());
      if (url.origin === origin || url.protocol === 'blob:' || url.protocol === 'data:') return route.continue();
      elsewhere.push(url.href);
      return route.abort();
    });
    await page.goto(`${origin}/index.html`);
    await page.waitForFunction('globalThis.page !== undefined', undefined, { timeout: 10_000 });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(() => {
    complaints.length = 0;
  });

  it('compiles TinyGPT-V from strings to the same bytes as Node', async () => {
    const argument = { path: 'models/tinygpt-v.mdl', files: MODELS, config: 'nano' };
    const here = compileHere(argument.path, MODELS, { config: 'nano' });
    expect(Object.keys(here.graphs)).toHaveLength(4);
    expect(await call<Compiled>('compile', argument)).toEqual(here);
    expect(complaints).toEqual([]);
  });

  it('reports the same diagnostics at the same places', async () => {
    const files = { 'wrong.mdl': WRONG };
    const there = await call<Compiled>('compile', { path: 'wrong.mdl', files });
    expect(there.report.diagnostics.length).toBeGreaterThan(0);
    expect(there).toEqual(compileHere('wrong.mdl', files, {}));
    expect(complaints).toEqual([]);
  });

  it('runs a compiled model on onnxruntime-web: the tokens and image embeddings of Node', async () => {
    const prompt = 'what is this?';
    const tokens = 16;
    const folder = join(built!.folder, 'nano');
    const session = await openSession(folder);
    const codec = Tokenizer.from(readFileSync(join(folder, 'tokenizer.json'), 'utf8'));
    const image = readFileSync(PICTURE);
    const answer = await ask(session, codec, { prompt, images: [image] }, { max_new_tokens: tokens });
    const embeds = (await encodeImage(session, preprocessImage(image, { size: 56 }))).data as Float32Array;
    await session.dispose();

    const there = await call<Answered>('answer', {
      model: '/nano',
      tokenizer: '/nano/tokenizer.json',
      picture: '/img/1f431.png',
      prompt,
      tokens,
      size: 56,
    });
    expect(there).toMatchObject({ backend: 'onnxruntime-web (wasm)', tokens: answer.tokens, text: answer.text });
    const largest = embeds.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const worst = embeds.reduce((most, x, i) => Math.max(most, Math.abs(x - there.embeds[i]!)), 0);
    expect(there.embeds).toHaveLength(embeds.length);
    expect(worst / largest).toBeLessThan(1e-5);
    expect(complaints).toEqual([]);
  });

  it('decodes pictures to the bits of Node, once the decoders that it needs are loaded', async () => {
    const formats = readJson<Record<'jpeg' | 'png' | 'webp' | 'oriented', { file: string }[]>>('image/formats.json');
    const background = [255, 255, 255] as const;
    const files = [...formats.jpeg, ...formats.webp, ...formats.oriented, ...formats.png].map(({ file }) => file);
    const here = files.map((file) => {
      const { data } = decodeImage(Buffer.from(file, 'base64'), { background, exif_orientation: true });
      return createHash('sha256').update(data).digest('hex');
    });
    const [jpeg, webp, png] = [formats.jpeg, formats.webp, formats.png].map(([one]) => one!.file);
    const first = await call<string[]>('decode', { files: [jpeg, webp, png], background });
    expect(first).toEqual(['R0408', 'R0408', here[files.indexOf(png!)]]);
    expect(await call<string[]>('decode', { files, background, load: true })).toEqual(here);
    expect(complaints).toEqual([]);
  });

  it('says what is missing when a URL has no model', async () => {
    await expect(call('answer', { model: '/nowhere' })).rejects.toThrow(/\/nowhere.*404/);
    expect(complaints.some((text) => text.includes('404'))).toBe(true); // the browser's own note of the request
  });

  it('has fetched nothing from other machines', () => {
    expect(elsewhere).toEqual([]);
  });
});
