/** The package in what people build pages and servers with. A bundle must come out without the optional backends. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { project, provide, run } from './support.ts';

/** What a page does: compile a model from text, and be ready to open one. */
const PAGE = `import { compile } from 'mdl-compiler';
import { openSession, RuntimeError } from 'mdl-compiler/runtime';
import { openPlan } from 'mdl-compiler/webgpu';
const source = 'model M { entry e(x: [B, 2]) -> (y: [B, 2]) { x + 1.0 } }';
const { model, diagnostics } = compile('m.mdl', { read: (path) => (path === 'm.mdl' ? source : undefined) });
export const compiled = model ? model.name + ' compiled' : JSON.stringify(diagnostics());
export const ready = [openSession, openPlan, RuntimeError].map((x) => typeof x).join();
`;
const PRINT = "import { compiled, ready } from './page.js';\nconsole.log(compiled, ready);\n";

function user(files: Readonly<Record<string, string>>, tools: readonly string[]): string {
  const folder = project(files);
  provide(folder, inject('tarball'), tools);
  return folder;
}

/** Runs the bundle: pages have no `process`, so neither does it get Node's modules from us. */
async function expectItRuns(folder: string, file: string): Promise<void> {
  const { code, text } = await run(folder, process.execPath, file);
  expect(text).toContain('M compiled function,function,function');
  expect(code).toBe(0);
}

it('esbuild', async () => {
  const build = `import { build } from 'esbuild';
const result = await build({ entryPoints: ['main.js'], bundle: true, format: 'esm', platform: 'browser', outfile: 'out/main.mjs' });
if (result.errors.length > 0) process.exit(1);
`;
  const folder = user({ 'page.js': PAGE, 'main.js': PRINT, 'build.mjs': build }, ['esbuild', '@esbuild']);
  const { code, text } = await run(folder, process.execPath, 'build.mjs');
  expect(code, text).toBe(0);
  await expectItRuns(folder, 'out/main.mjs');
});

it('Vite', async () => {
  const build = `import { build } from 'vite';
await build({ logLevel: 'warn', build: { outDir: 'out', minify: false, rollupOptions: { input: 'main.js', output: { entryFileNames: 'main.mjs' } } } });
`;
  const folder = user({ 'page.js': PAGE, 'main.js': PRINT, 'build.mjs': build }, ['vite']);
  const { code, text } = await run(folder, process.execPath, 'build.mjs');
  expect(code, text).toBe(0);
  await expectItRuns(folder, 'out/main.mjs');
});

it('webpack', async () => {
  const build = `import { createRequire } from 'node:module';
const webpack = createRequire(import.meta.url)('webpack');
webpack({ mode: 'production', entry: './main.js', context: process.cwd(), output: { path: process.cwd() + '/out', filename: 'main.js', publicPath: '/' }, target: 'web', performance: false }, (error, stats) => {
  if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exit(1); }
});
`;
  const folder = user({ 'page.js': PAGE, 'main.js': PRINT, 'build.mjs': build }, ['webpack']);
  const { code, text } = await run(folder, process.execPath, 'build.mjs');
  expect(code, text).toBe(0);
  const page = `globalThis.self = globalThis; await import('./out/main.js');`;
  const { text: printed } = await run(folder, process.execPath, '--input-type=module', '-e', page);
  expect(printed).toContain('M compiled function,function,function');
});

it('Next.js, app router: a page rendered on the server, and a component of the browser', async () => {
  const files = {
    'app/layout.jsx':
      'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }\n',
    'app/page.jsx': `import { compiled, ready } from '../lib/page.js';
import Client from './client.jsx';
export default function Page() { return <main><p>server {compiled} {ready}</p><Client /></main>; }
`,
    'app/client.jsx': `'use client';
import { compiled, ready } from '../lib/page.js';
export default function Client() { return <p>client {compiled} {ready}</p>; }
`,
    'lib/page.js': PAGE,
    'next.config.mjs':
      'export default { outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname } };\n',
  };
  const folder = user(files, ['next', 'react', 'react-dom']);
  const { code, text } = await run(folder, process.execPath, 'node_modules/next/dist/bin/next', 'build', '--webpack');
  expect(code, text).toBe(0);
  const html = readFileSync(join(folder, '.next/server/app/index.html'), 'utf8').replaceAll('<!-- -->', '');
  expect(html).toContain('server M compiled function,function,function');
  expect(html).toContain('client M compiled function,function,function');
  expect(readdirSync(join(folder, '.next/static/chunks')).length).toBeGreaterThan(0);
});
