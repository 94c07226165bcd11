/** What an ONNX file may not do: be half imported, name code, reach out of its folder, take for ever. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compiler/index.ts';
import { importOnnx } from '../../src/compiler/onnx-import/index.ts';
import { CLI_CATALOGUE } from '../../src/compiler/workbench/errors.ts';
import { importOnnxFile } from '../../src/compiler/workbench/onnx-import.ts';
import { bytesSource } from '../../src/runtime/weights/source.ts';
import { folderWith, mdl } from '../cli/support.ts';
import { memory } from '../support/project.ts';
import { fixture } from '../support/reference.ts';
import { floats, node, onnx } from './files.ts';

const SETTINGS = { name: 'm', dims: new Map(), inputs: new Map() };
const importBytes = (bytes: Uint8Array, settings: Partial<typeof SETTINGS> = {}) =>
  importOnnx(bytesSource(bytes), () => Promise.reject(new Error('no file is beside it')), { ...SETTINGS, ...settings });

async function problemsOf(bytes: Uint8Array): Promise<readonly string[]> {
  const result = await importBytes(bytes);
  if (result.kind === 'imported') return [];
  return result.problems.map(({ what, why, count, first }) => `${what}: ${why} · ${count} · ${first}`);
}

async function textOf(bytes: Uint8Array): Promise<string> {
  const result = await importBytes(bytes);
  if (result.kind === 'refused') throw new Error(result.problems.map(({ what, why }) => `${what}: ${why}`).join('\n'));
  const found = compile('m.mdl', memory({ 'm.mdl': result.model.text }));
  expect(found.diagnostics().filter(({ severity }) => severity === 'error')).toEqual([]);
  return result.model.text;
}

describe('a file that is not imported', () => {
  it('says everything that stands in the way, each kind once', async () => {
    const bytes = onnx({
      inputs: [
        ['x', ['B', 4]],
        ['s', ['B'], 8],
      ],
      nodes: [
        node('NonZero', ['x'], ['n'], 'first'),
        node('NonZero', ['x'], ['n2'], 'second'),
        node('Relu', ['x'], ['r'], 'r', [{ name: 'slope', type: 1, f: 2 }]),
        { ...node('Attention', ['x', 'x', 'x'], ['a'], 'contrib'), domain: 'com.microsoft' },
        node('ArgMax', ['x'], ['m'], 'last', [{ name: 'select_last_index', type: 2, i: 1 }]),
        node('Add', ['n', 'n2'], ['sum'], 'of what is not there'),
      ],
      outputs: ['sum', 'r', 'a', 'm', 'nowhere'],
    });
    expect(await problemsOf(bytes)).toEqual([
      'the input "s": it is of STRING, which MDL has not · 1 · ',
      'NonZero: MDL has no such operator · 2 · first',
      'Relu: its attribute "slope" is not one that is read · 1 · r',
      'com.microsoft.Attention: MDL knows no such operator of this domain · 1 · contrib',
      'ArgMax: its attribute select_last_index is 1, and only 0 is read · 1 · last',
      'the output "nowhere": nothing makes it · 1 · ',
    ]);
  });

  it('reads Mod of what is known, as PyTorch writes attention, and says so of nothing else', async () => {
    const bytes = onnx({
      nodes: [
        node('Shape', ['x'], ['shape'], '', [{ name: 'start', type: 2, i: 1 }]),
        node('Shape', ['three'], ['divisor']),
        node('Mod', ['shape', 'divisor'], ['left'], 'mod'), // 4 mod 3
        node('Expand', ['x1', 'left'], ['y']),
        node('Mod', ['x', 'x'], ['z'], 'of numbers'),
      ],
      initialisers: [floats('three', [3]), floats('x1', [1])],
      outputs: ['y', 'z'],
    });
    expect(await problemsOf(bytes)).toEqual(['Mod: MDL has no such operator · 1 · of numbers']);
  });

  it('names sizes that have to be numbers, and how to give them', async () => {
    const conv = onnx({
      inputs: [['image', ['B', 3, 'height', '']]],
      nodes: [
        node('Conv', ['image', 'w'], ['y'], 'conv', [
          { name: 'auto_pad', type: 3, s: new TextEncoder().encode('SAME_UPPER') },
        ]),
      ],
      initialisers: [floats('w', [4, 3, 3, 3])],
      outputs: ['y'],
    });
    expect(await problemsOf(conv)).toEqual([
      'Conv: the height of its operand is Height, and MDL needs a number: fix it with --dim Height=SIZE · 1 · conv',
    ]);
    const fixed = await importBytes(conv, {
      dims: new Map<never, never>([
        ['height', 8],
        ['Image3', 6],
      ] as never),
    });
    expect(fixed.kind).toBe('imported');
  });

  it('C0484 on the command line, with the list', async () => {
    const folder = folderWith({
      'm.onnx': onnx({ nodes: [node('NonZero', ['x'], ['n'], 'a "node"')], outputs: ['n'] }),
    });
    const { code, stderr } = await mdl(folder, 'import', 'm.onnx', '--out', 'm.mdl');
    expect(code).toBe(1);
    expect(stderr).toContain('error[C0484]: m.onnx cannot be imported: one thing in it is nothing that MDL has');
    expect(stderr).toContain('NonZero: MDL has no such operator (the node "a \\"node\\"")');
  });

  it('C0485 for a setting of another form, C0486 for one beside a folder, C0487 for a file of another format', async () => {
    const folder = folderWith({ 'm.onnx': onnx({ nodes: [node('Relu', ['x'], ['y'])], outputs: ['y'] }) });
    const of = async (...args: string[]) => (await mdl(folder, 'import', ...args, '--out', 'm.mdl')).stderr;
    expect(await of('m.onnx', '--dim', 'B')).toContain('C0485');
    expect(await of('m.onnx', '--input', 'x=one')).toContain('C0485');
    expect(await of(fixture('folders/gpt2'), '--dim', 'B=1')).toContain('C0486');
    expect(await of(fixture('folders/gpt2/model.safetensors'))).toContain('C0487');
    expect(await of('m.onnx', '--dim', 'Q=1')).toContain('--dim Q: the file has no dimension of this name');
    expect(CLI_CATALOGUE.import_exists.code).toBe('C0467');
  });
});

describe('names of a file', () => {
  const HOSTILE = 'x: [1]) -> (y: [1]) { x }\n}\nmodule Evil() { "\u2028" }';

  it('are identifiers and quoted keys in the program, whatever they say', async () => {
    const bytes = onnx({
      name: HOSTILE,
      inputs: [[HOSTILE, [`${HOSTILE} B`, 4]]],
      nodes: [
        node('MatMul', [HOSTILE, `${HOSTILE}w`], ['a'], `/${HOSTILE}/relu/MatMul`),
        node('Relu', ['a'], ['train'], '/let/param/Relu'),
        node('Add', ['train', 'linear.gather'], [`${HOSTILE}out`], '/linear/x'),
      ],
      initialisers: [floats(`${HOSTILE}w`, [4, 4]), floats('linear.gather', [4])],
      outputs: [`${HOSTILE}out`],
    });
    const text = await textOf(bytes);
    expect(text).not.toContain('module Evil');
    expect(text).toContain('key "linear"');
    expect(text).toContain('key "gather"');
  });

  it('that one name would stand for twice get two', async () => {
    const bytes = onnx({
      inputs: [
        ['a.b', ['B', 4]],
        ['a_b', ['B', 4]],
        ['relu', ['B', 4]],
      ],
      nodes: [node('Add', ['a.b', 'a_b'], ['s']), node('Add', ['s', 'relu'], ['a.b!'])],
      outputs: ['a.b!'],
    });
    expect(await textOf(bytes)).toContain('(a_b: [B, 4], a_b_2: [B, 4], relu_2: [B, 4]) -> (a_b_3: [B, 4])');
  });
});

describe('hostile files', () => {
  it('R0113 for data outside of the folder', async () => {
    const bytes = onnx({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      initialisers: [
        {
          name: 'w',
          dims: [4, 4],
          dataType: 1,
          dataLocation: 1,
          externalData: [{ key: 'location', value: '../secret' }],
        },
      ],
      outputs: ['y'],
    });
    const folder = folderWith({ 'inner/m.onnx': bytes, secret: new Uint8Array(64) });
    const out = join(folder, 'm.mdl');
    const options = { out, force: false, dim: [], input: [] };
    await expect(importOnnxFile(join(folder, 'inner/m.onnx'), options)).rejects.toMatchObject({ code: 'R0113' });
  });

  it('end in an error or a program, wherever they are cut or changed', async () => {
    const whole = new Uint8Array(readFileSync(fixture('onnx-import/mlp-old.onnx')));
    const folder = folderWith();
    const codes = new Set<string>();
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed % below;
    };
    for (let round = 0; round < 150; round++) {
      const bytes = whole.slice(0, round % 3 === 0 ? random(whole.length) : whole.length);
      for (let flips = round % 3 === 0 ? 0 : 1 + random(4); flips > 0; flips--)
        bytes[random(bytes.length)] = random(256);
      const file = join(folder, 'm.onnx');
      writeFileSync(file, bytes);
      try {
        await importOnnxFile(file, { out: join(folder, 'm.mdl'), force: true, dim: [], input: [] });
        codes.add('imported');
      } catch (error) {
        codes.add(String((error as { code?: string }).code ?? error));
      }
    }
    for (const code of codes) expect(code).toMatch(/^(imported|[CR]\d{4})$/);
    expect(codes.size).toBeGreaterThan(2);
  });

  it('claim no sizes that are reserved before they are read', async () => {
    const bytes = onnx({
      nodes: [node('Reshape', ['x', 'shape'], ['y']), node('ConstantOfShape', ['shape'], ['z'])],
      initialisers: [
        {
          name: 'shape',
          dims: [3],
          dataType: 7,
          rawData: new Uint8Array(BigInt64Array.from([1n << 40n, 1n << 40n, 4n]).buffer),
        },
      ],
      outputs: ['y', 'z'],
    });
    expect((await problemsOf(bytes)).length).toBeGreaterThan(0);
  });
});
