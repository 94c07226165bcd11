/**
 * The page as files that any web server can serve from any path: bundled by esbuild, with the model, the pictures and
 * WebAssembly beside it, so that it asks nothing of other machines.
 *
 *     npm run build     dist/
 *     npm run dev       the same, built again at each change, at http://127.0.0.1:8000
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, context } from 'esbuild';
import { SAMPLES } from './src/samples.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

export interface PageOptions {
  /** the compiled model's folder */
  readonly model?: string;
  readonly out?: string;
  readonly minify?: boolean;
}

/** Bundles and copies. @throws Error when there is no model, or the sources do not compile */
export async function buildPage(options: PageOptions = {}): Promise<string> {
  const { model = join(here, 'model'), out = join(here, 'dist'), minify = true } = options;
  rmSync(out, { recursive: true, force: true });
  copyFiles(model, out);
  await build(bundle(out, minify));
  return out;
}

function bundle(outdir: string, minify: boolean): BuildOptions {
  return {
    absWorkingDir: here,
    tsconfig: join(here, 'tsconfig.json'),
    entryPoints: { main: 'src/main.ts' },
    outdir,
    bundle: true,
    splitting: true, // chunks: the compiler, for the first lesson; ONNX Runtime, where it is what runs
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
    loader: { '.mdl': 'text' },
  };
}

/** What `mdl compile` writes and this page does not load: the plan as a module, and kernels to read. */
const UNUSED = /plan\.js$|tinygpt-v\.(js|d\.ts)$|\.wgsl$/;

/** Everything that is not bundled. */
function copyFiles(model: string, out: string): void {
  for (const file of ['manifest.json', 'plan.json'])
    if (!existsSync(join(model, file))) throw new Error(`there is no ${file} in ${model}: npm run model writes it`);
  mkdirSync(join(out, 'ort'), { recursive: true });
  mkdirSync(join(out, 'pictures'), { recursive: true });
  cpSync(model, join(out, 'model'), { recursive: true, filter: (path) => !UNUSED.test(path) });
  for (const file of ['index.html', 'start.js']) cpSync(join(here, file), join(out, file));
  const wasm = 'ort-wasm-simd-threaded.wasm';
  cpSync(join(dirname(require.resolve('onnxruntime-web/wasm')), wasm), join(out, 'ort', wasm));
  for (const [name, file] of emojiFiles())
    cpSync(require.resolve(`emoji-datasource-twitter/img/twitter/64/${file}`), join(out, 'pictures', `${name}.png`));
}

/** The picture file of each sample, by its short name. */
function emojiFiles(): readonly (readonly [string, string])[] {
  const list = JSON.parse(readFileSync(require.resolve('emoji-datasource-twitter/emoji.json'), 'utf8')) as readonly {
    readonly short_name: string;
    readonly image: string;
  }[];
  const files = new Map(list.map(({ short_name, image }) => [short_name, image]));
  return SAMPLES.map(({ file }) => [file, files.get(file)!] as const);
}

async function watch(): Promise<void> {
  const out = await buildPage({ minify: false });
  const watching = await context(bundle(out, false));
  await watching.watch();
  const { port } = await watching.serve({ servedir: out, host: '127.0.0.1' });
  console.log(`http://127.0.0.1:${port}   (index.html and the model are copied at the start only)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--watch')) await watch();
  else console.log(`built in ${await buildPage()}; npm run preview shows it`);
}
