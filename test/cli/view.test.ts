/** `mdl view`: the file for a model, for what it compiles to, and for ONNX of others; both say the same of one model. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import { viewerFrom } from '../../src/compiler/cli/commands/view.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import type { ModelView } from '../../src/shared/view.ts';
import { costsByPath, firstSizes } from '../../src/viewer/costs.ts';
import { folderWith, mdl, ROOT } from './support.ts';

const NET = `import { Linear, LayerNorm } from "std"
config base { width = 4 }
module Block(width) {
  fc   = Linear(width, 2 * width)
  norm = LayerNorm(2 * width)
  out  = Linear(2 * width, width)
  forward(x: [B, width]) -> [B, width] { x |> fc |> norm |> relu |> out }
}
model Net {
  blocks = [Block(width) for i in range(2)]
  entry run(x: [B, width]) -> (y: [B, width]) {
    for block in blocks { x = block(x) }
    x
  }
}
`;

/** the viewer as `npm run build` makes it, which a clone need not have run */
beforeAll(async () => {
  if (existsSync(join(ROOT, 'dist/viewer.js'))) return;
  await build({
    absWorkingDir: ROOT,
    entryPoints: { viewer: 'src/viewer/page.ts' },
    outdir: 'dist',
    bundle: true,
    format: 'esm',
    minify: true,
  });
});

function viewIn(file: string): ModelView {
  const [, json] = /<script type="application\/json" id="view">(.*)<\/script>/.exec(readFileSync(file, 'utf8'))!;
  return JSON.parse(json!) as ModelView;
}

const flops = (view: ModelView): number => {
  const [entry] = view.entries;
  return costsByPath(entry!, firstSizes(entry)).get('')!.flops;
};

it('a model: one file that asks nothing of other machines', async () => {
  const folder = folderWith({ 'net.mdl': NET.replace('model Net', '/// </script><b>\nmodel Net') });
  const { code, stdout } = await mdl(folder, 'view', 'net.mdl', '--out', 'view.html');
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('view.html: Net, 1 entries') });
  const html = readFileSync(join(folder, 'view.html'), 'utf8');
  expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
  expect(html.match(/<\/script>/g)).toHaveLength(2);
  expect(viewIn(join(folder, 'view.html'))).toMatchObject({ name: 'Net', parameters: 184 });
});

it('a compiled folder, and a graph of it, say the same as the model', async () => {
  const folder = folderWith({ 'net.mdl': NET });
  await mdl(folder, 'view', 'net.mdl', '--out', 'model.html');
  expect((await mdl(folder, 'compile', 'net.mdl', '--init', '0', '--out', 'out')).code).toBe(0);
  expect((await mdl(folder, 'view', 'out', '--out', 'folder.html')).code).toBe(0);
  const { targets } = JSON.parse(readFileSync(join(folder, 'out/manifest.json'), 'utf8')) as Manifest;
  const file = join('out', targets.onnx!.files.run!);
  expect((await mdl(folder, 'view', file, '--out', 'graph.html')).code).toBe(0);
  const [model, compiled, graph] = ['model', 'folder', 'graph'].map((name) => viewIn(join(folder, `${name}.html`))) as [
    ModelView,
    ModelView,
    ModelView,
  ];
  for (const other of [compiled, graph]) {
    expect(other.parameters).toBe(model.parameters);
    expect(other.tree.children.map(({ label, parameters }) => [label, parameters])).toEqual([['blocks', 184]]);
    expect(other.entries[0]!.nodes.filter(({ kind }) => kind === 'input').map(({ type }) => type)).toEqual([
      'f32[B, 4]',
    ]);
    // products are the same; ONNX has biases and functions as ops of their own
    expect(flops(other) / flops(model)).toBeGreaterThan(0.9);
    expect(flops(other) / flops(model)).toBeLessThan(1.2);
  }
});

it('refuses what is no ONNX file, and a folder for another target, by name', async () => {
  const folder = folderWith({ 'net.mdl': NET });
  writeFileSync(join(folder, 'empty.onnx'), '');
  const empty = await mdl(folder, 'view', 'empty.onnx', '--out', 'view.html');
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining('C0504') });
  expect((await mdl(folder, 'compile', 'net.mdl', '--target', 'pytorch', '--out', 'torch')).code).toBe(0);
  const torch = await mdl(folder, 'view', 'torch', '--out', 'view.html');
  expect(torch).toMatchObject({ code: 1, stderr: expect.stringContaining('it was not compiled for onnx') });
  expect(existsSync(join(folder, 'view.html'))).toBe(false);
});

it('says where it looked for the viewer, where there is none', () => {
  expect(() => viewerFrom(folderWith())).toThrow(expect.objectContaining({ code: 'C0505' }));
});
