/**
 * Bundles src into dist (`npm run build`), in about a second:
 *
 *     dist/mdl.js              the command line, a program of its own
 *     dist/runtime.js          the runtime for Node; shares chunks with webgpu.js
 *     dist/webgpu.js           the WebGPU half of the runtime for Node, which generated modules import
 *     dist/compiler.js         the compiler core, for Node and pages alike
 *     dist/train.js            training in Node: the compiler, the runtime and recipes together
 *     dist/train.browser.js    training in pages
 *     dist/runtime.browser.js  the runtime for pages; the decoders of JPEG and WebP are chunks that load when a picture wants them
 *     dist/viewer.{js,css}     what `mdl view` puts into the page that it writes
 *     dist/webgpu.browser.js   the WebGPU half of the runtime for pages, with nothing else in it; the kernels of its self-test are a chunk
 *
 * With `--types` (`npm run build`, and so when the project is installed) the declarations (dist/types) are written too, by tsc, which
 * runs beside.
 *
 * Entries keep their names. What the command line imports dynamically goes to dist/chunks, so that `mdl --help` starts
 * without it. Plain JavaScript, because it runs when the project is installed, before anything is built.
 *
 * With `--package`, and for `npm pack` and `npm publish` (which run this script), every library is brought along, so that
 * installing the package installs nothing else; the libraries' licences (dist/THIRD-PARTY-NOTICES.txt) and the declarations are
 * written, and the source maps left out. The backends, large and native, stay outside: BACKENDS.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { noticesOf } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const HASHBANG = '#!/usr/bin/env node\n';
const typed = process.argv.includes('--types');
const packaged = process.argv.includes('--package') || ['pack', 'publish'].includes(process.env.npm_command ?? '');

/** optional peers: a user installs the one that is wanted */
const BACKENDS = ['onnxruntime-node', 'onnxruntime-web', 'onnxruntime-web/*', 'webgpu'];

/** For Node: in the project packages are loaded from node_modules, which builds faster. */
const NODE = {
  platform: 'node',
  target: 'node20',
  splitting: true,
  ...(packaged ? { external: BACKENDS } : { packages: 'external' }),
};
const NEUTRAL = { platform: 'browser', target: 'es2022', external: BACKENDS };

/** Output name → entry, by the kind of place it runs in. */
const TARGETS = [
  {
    entries: { mdl: 'src/compiler/cli/main.ts' },
    options: {
      ...NODE,
      ...(packaged ? { banner: { js: commonJsGlobals() }, minifySyntax: true, minifyWhitespace: true } : {}),
    },
  },
  {
    entries: {
      runtime: 'src/package/runtime.ts',
      webgpu: 'src/runtime/webgpu/index.ts',
      train: 'src/compiler/workbench/library.ts',
    },
    options: NODE,
  },
  { entries: { compiler: 'src/compiler/index.ts' }, options: NEUTRAL },
  // the kernels of its self-test are a chunk that loads when a test is asked for
  { entries: { 'webgpu.browser': 'src/runtime/webgpu/index.browser.ts' }, options: { ...NEUTRAL, splitting: true } },
  {
    entries: { viewer: 'src/viewer/page.ts' },
    options: { platform: 'browser', target: 'es2022', minify: true, sourcemap: false },
  },
  {
    // together, so that a page which has both has one runtime
    entries: {
      'runtime.browser': 'src/package/runtime.browser.ts',
      'train.browser': 'src/compiler/workbench/library.browser.ts',
    },
    options: { ...NEUTRAL, splitting: true },
  },
];

const sources = new Set(TARGETS.flatMap(({ entries }) => Object.values(entries)));
const missing = [...sources].filter((entry) => !existsSync(join(root, entry)));
if (missing.length > 0) {
  console.error(`build: ${missing.join(' and ')} not found: scripts/build.mjs names the entries, and each must exist`);
  process.exit(1);
}

const started = performance.now();
if (packaged) await rm(dist, { recursive: true, force: true }); // nothing of another build is packed
const declarations = packaged || typed ? writeDeclarations() : undefined;
let results;
try {
  results = await Promise.all(
    TARGETS.map(({ entries, options }) =>
      build({
        absWorkingDir: root,
        entryPoints: entries,
        outdir: 'dist',
        bundle: true,
        format: 'esm',
        sourcemap: packaged ? false : 'linked',
        chunkNames: 'chunks/[name]-[hash]',
        legalComments: 'none', // the notices file has the licences
        logLevel: 'error', // esbuild prints its errors with their places
        metafile: true,
        write: false,
        ...options,
      }),
    ),
  );
} catch {
  console.error('build: failed, see the errors above');
  process.exit(1);
}

const outputs = results.flatMap((result) => result.outputFiles);
const program = join(dist, 'mdl.js');
await mkdir(join(dist, 'chunks'), { recursive: true });
for (const { path, text } of outputs) await writeFile(path, withHashbang(path, text));
await chmod(program, 0o755);
await removeOld(dist, new Set(outputs.map((output) => output.path)));
await removeOld(join(dist, 'chunks'), new Set(outputs.map((output) => output.path)));

const entries = outputs.filter(({ path }) => dirname(path) === dist && path.endsWith('.js'));
for (const { path, text } of entries) {
  console.log(`${relative(root, path).padEnd(24)} ${(text.length / 1024).toFixed(0).padStart(5)} KiB`);
}
console.log(`built in ${Math.round(performance.now() - started)} ms`);

if (packaged) {
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  await writeFile(join(dist, 'THIRD-PARTY-NOTICES.txt'), noticesOf(root, inputs));
}
if (declarations) {
  if ((await declarations) !== 0) {
    console.error('build: the declarations were not written, see the type errors above');
    process.exit(1);
  }
  console.log(
    `dist/types${packaged ? ', dist/THIRD-PARTY-NOTICES.txt' : ''} after ${Math.round(performance.now() - started)} ms`,
  );
}

/** @returns the exit status of tsc */
function writeDeclarations() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const child = spawn(tsc, ['-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve) => child.on('close', resolve));
}

/** What CommonJS libraries inside a module ask Node for. */
function commonJsGlobals() {
  return [
    "import { createRequire as requireOf } from 'node:module';",
    'const require = requireOf(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;',
  ].join('\n');
}

/** A banner of esbuild would also head the chunks. The line that is added shifts the source map by one. */
function withHashbang(path, text) {
  if (path === program && !text.startsWith('#!')) return HASHBANG + text;
  if (path === `${program}.map` && !outputs.find((output) => output.path === program).text.startsWith('#!')) {
    const map = JSON.parse(text);
    return JSON.stringify({ ...map, mappings: `;${map.mappings}` });
  }
  return text;
}

/** Chunk names change with their contents, and entries come and go: those of earlier builds would pile up. */
async function removeOld(folder, current) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() && !current.has(path)) await rm(path);
  }
}
