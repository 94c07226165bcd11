/**
 * The playground as files that any web server can serve from any path: bundled by esbuild, with the models to start from and
 * WebAssembly beside it, so that it asks nothing of other machines.
 *
 *     npm run build     dist/
 *     npm run dev       the same, built again at each change, at http://127.0.0.1:8000
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, context, type Metafile } from 'esbuild';
import { EXAMPLES, projectFile } from './src/examples.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const repository = join(here, '..', '..');
const require = createRequire(import.meta.url);

/** Bytes, gzipped, of what a page loads before a backend is asked for: page, editor, language server, compiler. */
export const MOST_BYTES = 600_000;

export interface PageOptions {
  readonly out?: string;
  readonly minify?: boolean;
}

/** Bundles and copies. @throws Error when the sources do not compile, or are more than MOST_BYTES */
export async function buildPlayground(
  options: PageOptions = {},
): Promise<{ readonly out: string; readonly bytes: number }> {
  const { out = join(here, 'dist'), minify = true } = options;
  rmSync(out, { recursive: true, force: true });
  copyFiles(out);
  const { metafile } = await build({ ...bundle(out, minify), metafile: true });
  const bytes = firstBytes(metafile!, out);
  if (minify && bytes > MOST_BYTES)
    throw new Error(`a page loads ${bytes} bytes, gzipped, before a backend is asked for, and may load ${MOST_BYTES}`);
  return { out, bytes };
}

function bundle(outdir: string, minify: boolean): BuildOptions {
  return {
    absWorkingDir: here,
    tsconfig: join(here, 'tsconfig.json'),
    entryPoints: { main: 'src/main.ts', worker: 'src/worker/main.ts', run: 'src/run/main.ts' },
    outdir,
    bundle: true,
    splitting: true, // chunks: the layout of graphs, code of targets, the runtime: each with its first use
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    minify,
    sourcemap: true,
    legalComments: 'linked',
    logLevel: 'warning',
    chunkNames: 'chunks/[name]-[hash]',
    // of its builds the one without WebGPU: half the WebAssembly
    alias: { 'onnxruntime-web': 'onnxruntime-web/wasm' },
  };
}

/** Of the page, its style, the worker, and every chunk that they import at once. */
function firstBytes({ outputs }: Metafile, out: string): number {
  const name = (file: string): string => join(here, file);
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') add(path);
  };
  const first = ['main.js', 'main.css', 'worker.js'].map((file) => join(out, file));
  for (const file of Object.keys(outputs)) if (first.includes(name(file))) add(file);
  const texts = [...[...files].map(name), join(out, 'index.html'), join(out, 'start.js')];
  return texts.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
}

/** Everything that is not bundled. */
function copyFiles(out: string): void {
  mkdirSync(join(out, 'projects'), { recursive: true });
  mkdirSync(join(out, 'ort'), { recursive: true });
  for (const file of ['index.html', 'start.js']) cpSync(join(here, file), join(out, file));
  for (const example of EXAMPLES.flatMap(({ models }) => models))
    writeFileSync(join(out, projectFile(example)), JSON.stringify(filesOf(example.path)));
  const wasm = 'ort-wasm-simd-threaded.wasm';
  cpSync(join(dirname(require.resolve('onnxruntime-web/wasm')), wasm), join(out, 'ort', wasm));
}

/** A model's file and those that it imports, by path. */
function filesOf(path: string, files: Record<string, string> = {}): Record<string, string> {
  const text = readFileSync(join(repository, path), 'utf8');
  files[path] = text;
  for (const [, imported] of text.matchAll(/^import\s[^"]*from "(\.[^"]+)"/gm)) {
    const next = posix.join(posix.dirname(path), imported!);
    if (!Object.hasOwn(files, next)) filesOf(next, files);
  }
  return files;
}

async function watch(): Promise<void> {
  const { out } = await buildPlayground({ minify: false });
  const watching = await context(bundle(out, false));
  await watching.watch();
  const { port } = await watching.serve({ servedir: out, host: '127.0.0.1' });
  console.log(`http://127.0.0.1:${port}   (index.html and the models are copied at the start only)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--watch')) await watch();
  else {
    const { out, bytes } = await buildPlayground();
    console.log(`built in ${out}, ${Math.round(bytes / 1000)} kB gzipped at first; npm run preview shows it`);
  }
}
