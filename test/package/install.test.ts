/** `npm install` of the tarball, and the command line and the API from there. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { project, REPOSITORY, run, write } from './support.ts';

const MODEL = `import { Linear } from "std"
model Classifier {
  up = Linear(4, 3)
  entry classify(images: [B, 4]) -> (scores: [B, 3]) { images |> up |> softmax }
}
`;

/** fenced blocks and code in a line */
const CODE = /^ *```[\s\S]*?^ *```|`[^`\n]*`/gm;

let user: string;
let installed: string;
beforeAll(async () => {
  user = project({ 'model.mdl': MODEL });
  installed = join(user, 'node_modules/mdl-compiler');
  const { code, text } = await run(user, 'npm', 'install', inject('tarball'), '--no-audit', '--no-fund');
  expect(code, text).toBe(0);
});

const mdl = (...args: string[]) => run(user, 'npx', '--no-install', 'mdl', ...args);

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('what is installed', () => {
  it('is small, and runs no script of any package', () => {
    const lock = JSON.parse(readFileSync(join(user, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(packages.map(([path]) => path)).toEqual(['node_modules/mdl-compiler']);
    expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    const bytes = filesUnder(join(user, 'node_modules')).reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeLessThan(40e6);
  });

  it('has a licence for every library that is bundled', () => {
    const notices = readFileSync(join(installed, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['chevrotain', 'commander', 'onnx-proto', 'protobufjs', 'ts-morph', 'lodash-es'])
      expect(notices).toMatch(new RegExp(`^${name} \\d.* \\(.+\\)`, 'm'));
    expect(notices).toContain('Independent JPEG Group');
  });

  it('has no link that leads nowhere', () => {
    const texts = filesUnder(installed).filter((file) => file.endsWith('.md'));
    expect(texts.length).toBeGreaterThan(5);
    const dead = texts.flatMap((file) =>
      [
        ...readFileSync(file, 'utf8')
          .replace(CODE, '')
          .matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g),
      ]
        .map(([, target]) => target!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(dirname(file), normalize(target))))
        .map((target) => `${file.slice(installed.length + 1)} → ${target}`),
    );
    expect(dead).toEqual([]);
  });
});

describe('the command line', () => {
  it('compiles to both targets and runs on the reference backend with nothing else installed', async () => {
    const onnx = await mdl('compile', 'model.mdl', '--init', '0', '--out', 'out/onnx');
    expect(onnx, onnx.text).toMatchObject({ code: 0 });
    const webgpu = await mdl('compile', 'model.mdl', '--init', '0', '--target', 'webgpu', '--out', 'out/webgpu');
    expect(webgpu, webgpu.text).toMatchObject({ code: 0 });
    expect(readFileSync(join(user, 'out/webgpu/model.d.ts'), 'utf8')).toContain('createClassifier');
    const check = await mdl('check', join('node_modules/mdl-compiler/models/tinygpt-v.mdl'), '--config', 'nano');
    expect(check, check.text).toMatchObject({ code: 0 });
  });

  it('begins a project of the files that come along', async () => {
    const init = await mdl('init', 'text', 'mine');
    expect(init, init.text).toMatchObject({ code: 0 });
    const check = await mdl('check', 'mine/model.mdl');
    expect(check, check.text).toMatchObject({ code: 0 });
  });

  it('names the backend that is missing and how to install it', async () => {
    write(user, {
      'run.mjs': `import { openSession } from 'mdl-compiler/runtime';
const session = await openSession('out/onnx');
await session.run('classify', { images: { dtype: 'f32', shape: [1, 4], data: new Float32Array(4) } });
`,
    });
    const { code, text } = await run(user, process.execPath, 'run.mjs');
    expect(code).toBe(1);
    expect(text).toContain('R0235');
    expect(text).toContain('npm install onnxruntime-node');
  });
});

it('runs from ES modules and from CommonJS once the backend is there', async () => {
  symlinkSync(join(REPOSITORY, 'node_modules/onnxruntime-node'), join(user, 'node_modules/onnxruntime-node'), 'dir');
  const body = `
  const host = { read: (path) => path === 'm.mdl' ? ${JSON.stringify(MODEL)} : undefined };
  const { model } = compile('m.mdl', host);
  if (!model) throw new Error('no model');
  const session = await openSession('out/onnx');
  const { scores } = await session.run('classify', { images: { dtype: 'f32', shape: [1, 4], data: new Float32Array(4) } });
  console.log(model.name, scores.shape.join('x'), typeof webgpuBackend);
  await session.dispose();
`;
  write(user, {
    'use.mjs': `import { compile } from 'mdl-compiler';
import { openSession } from 'mdl-compiler/runtime';
import { webgpuBackend } from 'mdl-compiler/webgpu';
${body}`,
    'use.cjs': `const { compile } = require('mdl-compiler');
const { openSession } = require('mdl-compiler/runtime');
const { webgpuBackend } = require('mdl-compiler/webgpu');
(async () => {${body}})();`,
  });
  for (const file of ['use.mjs', 'use.cjs']) {
    const { code, text } = await run(user, process.execPath, '--no-warnings', file);
    expect(code, text).toBe(0);
    expect(text).toBe('Classifier 1x3 function\n');
  }
});

it('is what the registry would get: no tests, no sources, no maps', () => {
  const list = execFileSync('tar', ['-tzf', inject('tarball')], { encoding: 'utf8' }).split('\n');
  const inside = list.filter((file) => /^package\/(?:src|test|bench|scripts|node_modules)\/|\.map$/.test(file));
  expect(inside).toEqual(['package/src/compiler/std/std.mdl']); // the docs link to it, to be read
});
