/**
 * Bundles src into dist (`npm run build`), well under two seconds:
 *
 *     dist/mdl.js              the command line, a program of its own
 *     dist/runtime.js          the runtime for Node; shares chunks with the command line
 *     dist/compiler.js         the compiler core, for Node and pages alike
 *     dist/compiler.browser.js the same with its packages brought along, for pages
 *     dist/webgpu.js           the WebGPU half of the runtime for Node, which generated modules import
 *     dist/webgpu.browser.js   the same for pages, with nothing else in it
 *     dist/runtime.browser.js  the runtime for pages; brings its packages along, except onnxruntime-web; the decoders of JPEG and
 *                              WebP are chunks that it loads when a picture wants them
 *
 * Entries keep their names. What the command line imports dynamically goes to dist/chunks, so that `mdl --help` starts
 * without it. With `--types` (when the package is packed) the declarations go to dist/types as well. Plain JavaScript, because it runs when a package is installed, before anything is built.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const HASHBANG = '#!/usr/bin/env node\n';

/** Output name → entry, by the kind of place it runs in. */
const TARGETS = [
  {
    entries: {
      mdl: 'src/compiler/cli/main.ts',
      runtime: 'src/runtime/index.ts',
      webgpu: 'src/runtime/webgpu/index.ts',
    },
    options: { platform: 'node', target: 'node20', packages: 'external', splitting: true },
  },
  {
    entries: { compiler: 'src/compiler/index.ts' },
    options: { platform: 'neutral', target: 'es2022', packages: 'external' },
  },
  {
    entries: { 'compiler.browser': 'src/compiler/index.ts' },
    options: { platform: 'browser', target: 'es2022' },
  },
  {
    entries: { 'runtime.browser': 'src/runtime/index.browser.ts' },
    options: {
      platform: 'browser',
      target: 'es2022',
      external: ['onnxruntime-web', 'onnxruntime-web/*'],
      splitting: true,
    },
  },
  {
    entries: { 'webgpu.browser': 'src/runtime/webgpu/index.browser.ts' },
    options: { platform: 'browser', target: 'es2022' },
  },
];

const sources = new Set(TARGETS.flatMap(({ entries }) => Object.values(entries)));
const missing = [...sources].filter((entry) => !existsSync(join(root, entry)));
if (missing.length > 0) {
  console.error(`build: ${missing.join(' and ')} not found: scripts/build.mjs names the entries, and each must exist`);
  process.exit(1);
}

const started = performance.now();
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
        sourcemap: 'linked',
        chunkNames: 'chunks/[name]-[hash]',
        legalComments: 'none',
        logLevel: 'error', // esbuild prints its errors with their places
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
await removeOldChunks(new Set(outputs.map((output) => output.path)));

const entries = outputs.filter(({ path }) => dirname(path) === dist && path.endsWith('.js'));
for (const { path, text } of entries) {
  console.log(`${relative(root, path).padEnd(24)} ${(text.length / 1024).toFixed(0).padStart(5)} KiB`);
}
console.log(`built in ${Math.round(performance.now() - started)} ms`);

if (process.argv.includes('--types')) {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const { status } = spawnSync(tsc, ['-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error('build: the declarations were not written, see the type errors above');
    process.exit(1);
  }
  console.log('dist/types');
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

/** Chunk names change with their contents: those of earlier builds would pile up. */
async function removeOldChunks(current) {
  const chunks = join(dist, 'chunks');
  for (const name of await readdir(chunks)) {
    const path = join(chunks, name);
    if (!current.has(path)) await rm(path);
  }
}
