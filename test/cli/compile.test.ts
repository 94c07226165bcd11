/** `mdl compile`: the files it writes, and that nothing half-written stays when it cannot. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { onnx } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { openSession } from '../../src/runtime/index.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import {
  f32,
  folderWith,
  mdl,
  type Ran,
  rawSafetensors,
  SMALL,
  SMALL_WEIGHTS,
  safetensors,
  TINYGPTV,
} from './support.ts';

const SMALL_FILES = ['manifest.json', 'onnx/main.onnx', 'onnx/main.onnx_data', 'onnx/pick.onnx'];
const setUp = (): string => folderWith({ 'small.mdl': SMALL, 'w.safetensors': safetensors(SMALL_WEIGHTS) });
const compile = (folder: string, ...args: string[]): Promise<Ran> =>
  mdl(folder, 'compile', 'small.mdl', '--out', 'out', ...args);
/** what the folder has, with what its graphs' folder has */
const list = (folder: string): string[] =>
  readdirSync(join(folder, 'out'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => relative(join(folder, 'out'), join(parentPath, name)))
    .sort();
const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'out/manifest.json'), 'utf8')) as Manifest;
const graph = (folder: string, file: string): onnx.ModelProto =>
  onnx.ModelProto.decode(readFileSync(join(folder, 'out', file)));
const external = (tensor: onnx.ITensorProto): Record<string, string> =>
  Object.fromEntries(tensor.externalData!.map(({ key, value }) => [key, value]));

it('a mistake that no output depends on is an error, for both targets, and leaves nothing behind', async () => {
  const text = `model M { entry main(x: [B, 3]) -> (y: [B, 3]) { let bad = x @ x\n x } }`;
  for (const target of ['onnx', 'webgpu']) {
    const folder = folderWith({ 'm.mdl': text });
    const ran = await mdl(folder, 'compile', 'm.mdl', '--target', target, '--out', 'out');
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('error[E0302]') });
    expect(readdirSync(folder)).toEqual(['m.mdl']);
  }
  const folder = folderWith({ 'm.mdl': text });
  const ir = await mdl(folder, 'ir', 'm.mdl', '--entry', 'main');
  expect(ir).toMatchObject({ code: 1, stderr: expect.stringContaining('error[E0302]') });
});

describe('files', () => {
  it('a graph per entry, a manifest, and the weights once', async () => {
    const folder = setUp();
    const { code, stdout, stderr } = await compile(folder, '--weights', 'w.safetensors');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // pick uses fc.weight, which lies beside main
    expect(list(folder)).toEqual(SMALL_FILES);
    expect(stdout).toMatch(
      /^Small \(config base, opset 17; scaled=true\) in out\n {2}onnx\/main\.onnx +main .* ops .* parameters/,
    );
    expect(manifest(folder)).toMatchObject({
      format: 'mdl',
      version: 2,
      model: {
        name: 'Small',
        source: 'small.mdl',
        config_name: 'base',
        flags: { scaled: true },
        config: { d: 3, hidden: 2 },
      },
      entries: {
        main: {
          inputs: [{ name: 'x', dtype: 'f32', shape: ['B', 3] }],
          outputs: [{ name: 'y', shape: ['B', 2] }],
        },
      },
      weights: { origin: 'w.safetensors', trained: true },
      targets: {
        onnx: {
          opset: 17,
          files: { main: 'onnx/main.onnx', pick: 'onnx/pick.onnx' },
          weights: [{ file: 'onnx/main.onnx_data', bytes: statSync(join(folder, 'out/onnx/main.onnx_data')).size }],
        },
      },
    });
    const session = await openSession(join(folder, 'out'));
    const { y } = await session.run('main', { x: f32([1, 3], [1, 0, 0]) });
    expect(Array.from(y!.data, Number)).toEqual([15, 350]);
    await session.dispose();
  });

  it('external data: aligned, inside the file, and equal to the checkpoint', async () => {
    const folder = setUp();
    await compile(folder, '--weights', 'w.safetensors');
    const data = readFileSync(join(folder, 'out/onnx/main.onnx_data'));
    const tensors = graph(folder, 'onnx/main.onnx').graph!.initializer!.filter(
      ({ externalData }) => externalData && externalData.length > 0,
    );
    expect(tensors.map(({ name }) => name).sort()).toEqual(['fc.bias', 'fc.weight', 'scale.gain']);
    for (const tensor of tensors) {
      const { location, offset, length } = external(tensor);
      expect(location).toBe('main.onnx_data');
      expect(Number(offset) % 64).toBe(0);
      const bytes = data.subarray(Number(offset), Number(offset) + Number(length));
      expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(SMALL_WEIGHTS[tensor.name!]!.data);
    }
  });

  it('metadata: the source, the flags, the config', async () => {
    const folder = setUp();
    await compile(folder, '--init', '0', '--config', 'wide', '--set', 'scaled=false');
    const properties = Object.fromEntries(
      graph(folder, 'onnx/main.onnx').metadataProps.map(({ key, value }) => [key!, value!]),
    );
    expect(properties).toMatchObject({
      'mdl.source': 'small.mdl',
      'mdl.model': 'Small',
      'mdl.config': 'wide',
      'mdl.flags': '{"scaled":false}',
    });
    expect(JSON.parse(properties['mdl.config_values']!)).toEqual({ d: 3, hidden: 4 });
    expect(
      graph(folder, 'onnx/main.onnx')
        .graph!.node!.map(({ name }) => name)
        .join(' '),
    ).toContain('fc/');
  });

  it.each([
    ['17', 17],
    ['23', 23],
  ] as const)('--opset %s', async (option, version) => {
    const folder = setUp();
    expect((await compile(folder, '--init', '0', '--opset', option)).code).toBe(0);
    expect(Number(graph(folder, 'onnx/main.onnx').opsetImport[0]!.version)).toBe(version);
    expect(manifest(folder).targets.onnx!.opset).toBe(version);
  });

  it('--entry: only these', async () => {
    const folder = setUp();
    await compile(folder, '--init', '0', '--entry', 'pick');
    expect(list(folder)).toEqual(['config.json', 'manifest.json', 'onnx/model.onnx', 'onnx/model.onnx_data']);
    const { code, stderr } = await compile(folder, '--init', '0', '--entry', 'pik');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/error\[E0407\][\s\S]*did you mean `pick`/),
    });
  });

  it('without weights: graphs and a manifest that says so', async () => {
    const folder = setUp();
    const { stdout } = await compile(folder);
    expect(list(folder)).toEqual(SMALL_FILES.filter((name) => !name.endsWith('_data')));
    expect(manifest(folder).weights).toBeNull();
    expect(stdout).toContain('no weights: the graphs refer to');
    const session = await openSession(join(folder, 'out'));
    await expect(session.run('main', { x: f32([1, 3], [1, 0, 0]) })).rejects.toMatchObject({ code: 'R0205' });
  });

  it('a tensor that no page can read at once is named', async () => {
    const big =
      'model Big { table = Embedding(1048576, 512)\n  entry look(ids: int[B]) -> (y: [B, 512]) { table(ids) } }';
    const folder = folderWith({ 'big.mdl': `import { Embedding } from "std"\n${big}\n` });
    const { code, stderr } = await mdl(folder, 'compile', 'big.mdl', '--out', 'out');
    expect(code).toBe(0);
    expect(stderr).toContain('onnx/model.onnx_data has 2.15 GB, and browsers read less than 2 GiB at once');
  });

  it('--json prints the manifest, --quiet the result only', async () => {
    const folder = setUp();
    const { stdout } = await mdl(folder, '--json', 'compile', 'small.mdl', '--init', '5', '--out', 'out');
    expect(JSON.parse(stdout)).toMatchObject({ out: 'out', manifest: manifest(folder) });
    const loud = await compile(folder, '--weights', 'w.safetensors', '--set', 'scaled=false');
    expect(loud.stderr).toBe('unused: 1 key of components that are switched off (scaled)\n');
    const quiet = await mdl(
      folder,
      '-q',
      'compile',
      'small.mdl',
      '--weights',
      'w.safetensors',
      '--set',
      'scaled=false',
      '--out',
      'out',
    );
    expect(quiet.stderr).toBe('');
    expect(quiet.stdout).toMatch(/^Small /);
  });

  it('--init is the same seed for seed, file for file', async () => {
    const bytes = async (seed: string): Promise<Buffer> => {
      const folder = setUp();
      await compile(folder, '--init', seed);
      return readFileSync(join(folder, 'out/onnx/main.onnx_data'));
    };
    const first = await bytes('1');
    expect(await bytes('1')).toEqual(first);
    expect(await bytes('2')).not.toEqual(first);
  });

  it('TinyGPT-V: the file names that existing clients load', async () => {
    const folder = folderWith();
    const { code } = await mdl(folder, 'compile', TINYGPTV, '--config', 'nano', '--out', 'out');
    expect(code).toBe(0);
    expect(list(folder)).toEqual([
      'config.json',
      'generation_config.json',
      'manifest.json',
      'onnx/decoder_model_merged.onnx',
      'onnx/embed_tokens.onnx',
      'onnx/loss.onnx',
      'onnx/vision_encoder.onnx',
      'preprocessor_config.json',
      'processor_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const { entries, targets } = manifest(folder);
    expect(targets.onnx!.files).toEqual({
      encode_image: 'onnx/vision_encoder.onnx',
      embed_tokens: 'onnx/embed_tokens.onnx',
      decode: 'onnx/decoder_model_merged.onnx',
      loss: 'onnx/loss.onnx',
    });
    expect(entries.encode_image!.inputs).toMatchObject([{ name: 'pixel_values', shape: ['N', 3, 56, 56] }]);
    expect(entries.decode!.inputs.find(({ name }) => name === 'attention_mask')!.shape).toEqual(['B', 'P + T']);
  });
});

describe('nothing half-written', () => {
  const refusesCleanly = async (folder: string, says: RegExp, ...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await compile(folder, ...args);
    expect(stderr).toMatch(says);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  };

  it('an older artifact stays as it was when the weights turn out to be bad', async () => {
    const folder = setUp();
    await compile(folder, '--weights', 'w.safetensors');
    const before = list(folder).map((name) => [name, readFileSync(join(folder, 'out', name))]);
    writeFileSync(
      join(folder, 'nan.safetensors'),
      safetensors({ ...SMALL_WEIGHTS, 'scale.gain': f32([2], [1, Number.NaN]) }),
    );
    await refusesCleanly(
      folder,
      /^error\[C0102\]: scale\.gain holds NaN at element 1, and weights must be finite/,
      '--weights',
      'nan.safetensors',
    );
    expect(list(folder).map((name) => [name, readFileSync(join(folder, 'out', name))])).toEqual(before);
  });

  it('a newer artifact replaces it', async () => {
    const folder = setUp();
    await compile(folder, '--weights', 'w.safetensors');
    expect((await compile(folder, '--init', '1', '--opset', '23')).code).toBe(0);
    expect(manifest(folder)).toMatchObject({ targets: { onnx: { opset: 23 } }, weights: { origin: 'seed 1' } });
    expect(list(folder)).toEqual(SMALL_FILES);
  });

  it.each([
    [
      'a file where the folder should be',
      'w.safetensors',
      /^error\[C0105\]: .*w\.safetensors cannot be written: it is a file, not a folder/,
    ],
    ['a file in the path of the folder', 'w.safetensors/out', /^error\[C0105\]: .*cannot be written: /],
  ])('%s', async (_, out, says) => {
    const folder = setUp();
    const before = readdirSync(folder);
    const { code, stderr } = await mdl(folder, 'compile', 'small.mdl', '--init', '0', '--out', out);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('a folder where a file should be', async () => {
    const folder = setUp();
    mkdirSync(join(folder, 'out/onnx/pick.onnx'), { recursive: true });
    await refusesCleanly(
      folder,
      /^error\[C0105\]: .*out cannot be written: onnx\/pick\.onnx in it is a folder/,
      '--init',
      '0',
    );
    expect(readdirSync(join(folder, 'out/onnx'))).toEqual(['pick.onnx']);
  });

  it('a folder that a file system refuses, in bounded time', async () => {
    const folder = setUp();
    const { code, stderr } = await mdl(folder, 'compile', 'small.mdl', '--init', '0', '--out', '/dev/null/out');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error\[C0105\]/) });
    // Node's recursive mkdir never returns here on Linux
    const proc = await mdl(folder, 'compile', 'small.mdl', '--init', '0', '--out', '/proc/mdl/out');
    if (process.platform === 'linux')
      expect(proc).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error\[C0105\]/) });
  });

  const entry = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const DAMAGED: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    empty: [new Uint8Array(0), 'R0101'],
    'cut short in the header': [rawSafetensors({ a: entry(0, 8) }, new Uint8Array(8)).slice(0, 20), 'R0102'],
    'an oversized header': [rawSafetensors({}, new Uint8Array(0), 1n << 60n), 'R0102'],
    'a header that is no JSON': [rawSafetensors('{"a":'), 'R0103'],
    'a key twice': [
      rawSafetensors(`{"a":${JSON.stringify(entry(0, 4))},"a":${JSON.stringify(entry(0, 4))}}`, new Uint8Array(4)),
      'R0104',
    ],
    'an unknown dtype': [rawSafetensors({ a: { ...entry(0, 8), dtype: 'Q4' } }, new Uint8Array(8)), 'R0106'],
    'a shape that does not fit its bytes': [rawSafetensors({ a: entry(0, 8, [3]) }, new Uint8Array(8)), 'R0107'],
    overlapping: [rawSafetensors({ a: entry(0, 8), b: entry(4, 12) }, new Uint8Array(12)), 'R0108'],
    'with a hole': [rawSafetensors({ a: entry(0, 8), b: entry(12, 20) }, new Uint8Array(20)), 'R0109'],
    'cut short in the data': [rawSafetensors({ a: entry(0, 8) }, new Uint8Array(5)), 'R0110'],
  };
  it.each(Object.entries(DAMAGED))('weights that are damaged: %s', async (_, [bytes, code]) => {
    const folder = setUp();
    writeFileSync(join(folder, 'bad.safetensors'), bytes);
    await refusesCleanly(
      folder,
      new RegExp(`^error\\[${code}\\]: [\\s\\S]*bad\\.safetensors[\\s\\S]*mdl explain ${code}`),
      '--weights',
      'bad.safetensors',
    );
    expect(readdirSync(folder)).not.toContain('out');
  });

  it('weights that do not exist; weights and a seed together', async () => {
    await refusesCleanly(
      setUp(),
      /^error\[R0118\]: none\.safetensors cannot be opened as weights because no such file or directory;/,
      '--weights',
      'none.safetensors',
    );
    await refusesCleanly(
      setUp(),
      /^error\[C0103\]: --init is "1", and either --weights or --init was expected/,
      '--weights',
      'w.safetensors',
      '--init',
      '1',
    );
  });
});
