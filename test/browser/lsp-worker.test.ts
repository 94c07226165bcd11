/** The language server in a worker of a real page: the same server as of `mdl lsp`, without a process or a disk. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, unavailable } from './chromium.ts';
import { type Server, serve } from './server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const WORKER = `
import { BrowserMessageReader, BrowserMessageWriter, createConnection } from 'vscode-languageserver/browser';
import { Server } from './src/compiler/lsp/server.ts';
const connection = createConnection(new BrowserMessageReader(self), new BrowserMessageWriter(self));
new Server(connection, { read: () => undefined });
connection.listen();
`;

/** Requests of the protocol are plain objects between a page and its worker. */
const PAGE = `
const worker = new Worker('/worker.js');
const waiting = new Map();
window.published = {};
worker.onmessage = ({ data }) => {
  if (data.method === 'textDocument/publishDiagnostics') window.published[data.params.uri] = data.params.diagnostics;
  else if (data.id !== undefined && !data.method) waiting.get(data.id)(data.result);
};
let last = 0;
window.ask = (method, params) => new Promise((resolve) => {
  waiting.set(++last, resolve);
  worker.postMessage({ jsonrpc: '2.0', id: last, method, params });
});
window.tell = (method, params) => worker.postMessage({ jsonrpc: '2.0', method, params });
`;

describe.skipIf(unavailable)(`in a worker of a page${unavailable ? ` (${unavailable})` : ''}`, () => {
  let server: Server | undefined;
  let browser: Browser | undefined;
  let page: Page;
  const complaints: string[] = [];
  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: WORKER, resolveDir: ROOT, loader: 'ts' },
      bundle: true,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
      write: false,
      logLevel: 'error',
    });
    const html = `<!doctype html><title>lsp</title><link rel="icon" href="data:,"><script>${PAGE}</script>`;
    server = await serve({ folders: {}, texts: { '/index.html': html, '/worker.js': outputFiles[0]!.text } });
    browser = await launch();
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${server.origin}/index.html`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const ask = async <T>(method: string, params: unknown): Promise<T> =>
    (await page.evaluate(`ask(${JSON.stringify(method)}, ${JSON.stringify(params)})`)) as T;
  const tell = (method: string, params: unknown): Promise<unknown> =>
    page.evaluate(`tell(${JSON.stringify(method)}, ${JSON.stringify(params)})`);

  it('answers about TinyGPT-V from open buffers alone', async () => {
    const { capabilities } = await ask<{ capabilities: object }>('initialize', {
      processId: null,
      rootUri: 'memory:/',
      capabilities: {},
      initializationOptions: { config: 'nano' },
    });
    expect(capabilities).toMatchObject({ hoverProvider: true });
    await tell('initialized', {});
    for (const name of ['phi-2', 'eva-vit', 'q-former', 'tinygpt-v']) {
      const text = readFileSync(`${ROOT}models/${name}.mdl`, 'utf8');
      await tell('textDocument/didOpen', {
        textDocument: { uri: `memory:/models/${name}.mdl`, languageId: 'mdl', version: 1, text },
      });
    }
    const text = readFileSync(`${ROOT}models/phi-2.mdl`, 'utf8').split('\n');
    const line = text.findIndex((row) => row.includes('let q_rot'));
    const textDocument = { uri: 'memory:/models/phi-2.mdl' };
    const position = { line, character: text[line]!.indexOf('q_rot') };
    const hover = await ask<{ contents: { value: string } }>('textDocument/hover', { textDocument, position });
    expect(hover.contents.value).toBe('```mdl\nlet q_rot: [B, 4, T, 32]\n```');
    expect(Object.values((await page.evaluate('published')) as object).flat()).toEqual([]);
    await tell('textDocument/didChange', {
      textDocument: { ...textDocument, version: 2 },
      contentChanges: [{ range: { start: position, end: { line, character: position.character + 5 } }, text: 'q_rat' }],
    });
    await ask('textDocument/hover', { textDocument, position });
    const published = (await page.evaluate('published')) as Record<string, { code: string }[]>;
    expect(published[textDocument.uri]!.map(({ code }) => code)).toContain('E0105');
    expect(complaints).toEqual([]);
  });
});
