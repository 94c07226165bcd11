import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import * as browser from '../../src/runtime/index.browser.ts';
import * as node from '../../src/runtime/index.ts';

const entry = (name: string) => fileURLToPath(new URL(`../../src/runtime/${name}`, import.meta.url));

/** Files and packages that end up in the bundle of an entry, and what it imports from outside. */
async function bundle(name: string, platform: 'browser' | 'node') {
  const external = ['onnxruntime-web', 'onnxruntime-node', 'webgpu'];
  const result = await build({
    entryPoints: [entry(name)],
    bundle: true,
    splitting: true, // what a page loads when it asks for it is not what it loads
    outdir: 'out',
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform,
    external,
  });
  const imports = Object.values(result.metafile.outputs).flatMap((output) =>
    output.imports.filter(({ external }) => external).map(({ path }) => path),
  );
  const outputs = Object.entries(result.metafile.outputs);
  const loaded = [outputs.find(([, { entryPoint }]) => entryPoint)!];
  for (const [, { imports }] of loaded)
    for (const { path, kind } of imports)
      if (kind === 'import-statement')
        loaded.push(...outputs.filter((output) => output[0] === path && !loaded.includes(output)));
  const paths = loaded.map(([path]) => path);
  const sizes = result.outputFiles
    .filter(({ path }) => paths.some((one) => path.endsWith(one)))
    .map(({ contents }) => gzipSync(contents, { level: 9 }).length);
  const gzipped = sizes.reduce((sum, size) => sum + size, 0);
  return { files: Object.keys(result.metafile.inputs), imports: [...new Set(imports)], gzipped };
}

describe('the page’s runtime', () => {
  it('needs nothing of Node, and of the compiler neither does', async () => {
    const page = await bundle('index.browser.ts', 'browser');
    expect(page.imports).toEqual(['onnxruntime-web']);
    expect(page.files.filter((file) => /\.node\.ts$|src\/compiler/.test(file))).toEqual([]);
    const server = await bundle('index.ts', 'node');
    expect(server.imports.filter((path) => path.startsWith('onnx'))).toEqual(['onnxruntime-node']);
    expect(server.files.filter((file) => /\.browser\.ts$|src\/compiler/.test(file))).toEqual([]);
  });

  it('has a WebGPU half that is small and needs nothing', async () => {
    const page = await bundle('webgpu/index.browser.ts', 'browser');
    expect(page.imports).toEqual([]);
    expect(page.files.filter((file) => /node_modules|onnx|explanations|\.node\.ts$|src\/compiler/.test(file))).toEqual(
      [],
    );
    // all of it: the trainer, its state in 8 bits and the packing of int4 weights included
    expect(page.gzipped).toBeLessThan(46.25 * 1024);
    const server = await bundle('webgpu/index.ts', 'node');
    expect(server.imports.filter((path) => !isBuiltin(path))).toEqual(['webgpu']); // fflate asks for `module`, Node's own
  });

  it('has the names of Node’s, except where the files come from', () => {
    const only = (a: object, b: object) => Object.keys(a).filter((name) => !(name in b));
    expect(only(node, browser).sort()).toEqual(['fileSource', 'writeSafetensors']);
    expect(only(browser, node).sort()).toEqual(['blobSource', 'urlSource']);
  });
});
