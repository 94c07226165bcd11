/** From a folder of transformers to a LoRA and back: `--lora`, an adapter's own sizes, and a folder that transformers loads. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../src/compiler/workbench/folder/architectures.ts';
import { loraOfAdapter, parseLora } from '../../src/compiler/workbench/folder/lora.ts';
import { isModelFolder } from '../../src/compiler/workbench/folder/program.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { openCheckpoint } from '../../src/runtime/index.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { recordingOutput } from './output.ts';
import { folderWith, i64, mdl, safetensors } from './support.ts';

const BASE = fixture('folders/smollm2');
const IDS = i64([1, 6], [1, 5, 9, 20, 33, 7]);
const TEXT = 'the quick brown fox jumps over the lazy dog\n'.repeat(40);

let folder: string;
beforeAll(async () => {
  const row = { position_ids: i64([1, 6], [0, 1, 2, 3, 4, 5]), attention_mask: i64([1, 6], [1, 1, 1, 1, 1, 1]) };
  folder = folderWith({ 'c.txt': TEXT, 'in.safetensors': safetensors({ input_ids: IDS, labels: IDS, ...row }) });
  const { code, stderr } = await mdl(
    folder,
    ...['train', BASE, '--recipe', 'text', '--lora', 'r=2,alpha=6', '--data', 'c.txt', '--steps', '4', '--lr', '0.05'],
    ...['--length', '16', '--save-adapter', 'adapter'],
  );
  expect(code, stderr).toBe(0);
});

/** What a file of weights says of its tensors. */
const headOf = async (path: string) => {
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close();
  return checkpoint;
};

const logits = async (model: string, ...options: string[]): Promise<Float64Array> => {
  const common = ['--entry', 'loss', '--inputs', 'in.safetensors', '--outputs', 'out.safetensors'];
  const { code, stderr } = await mdl(folder, 'run', model, ...common, ...options);
  expect(code, stderr).toBe(0);
  return Float64Array.from(readTensors(join(folder, 'out.safetensors')).get('logits')!.data, Number);
};

describe('an adapter that was trained on a folder', () => {
  it('has the sizes that were asked for, on every linear layer of attention and MLP', async () => {
    expect(JSON.parse(readFileSync(join(folder, 'adapter/adapter_config.json'), 'utf8'))).toMatchObject({
      r: 2,
      lora_alpha: 6,
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    });
    const { tensors } = await headOf(join(folder, 'adapter/adapter_model.safetensors'));
    const layers = JSON.parse(readFileSync(join(BASE, 'config.json'), 'utf8')).num_hidden_layers as number;
    expect(tensors.size).toBe(layers * 7 * 2);
    expect([...tensors.keys()]).toContain('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight');
  });

  it('goes on the folder without --lora, and is folded into a folder that is a model of its own', async () => {
    const [plain, adapted] = [await logits(BASE), await logits(BASE, '--adapter', 'adapter')];
    expect(relativeError(adapted, plain)).toBeGreaterThan(1e-3);
    const { stdout } = await mdl(folder, 'export', BASE, '--adapter', 'adapter', '--merge-lora', '--out', 'tuned/');
    expect(stdout).toMatch(/^tuned\/: .*config\.json.*, model\.safetensors \(\d+ tensors/);
    expect(isModelFolder(join(folder, 'tuned'))).toBe(true);
    expect(relativeError(await logits('tuned'), adapted)).toBeLessThan(1e-5);
    const { tensors, files } = await headOf(join(folder, 'tuned/model.safetensors'));
    const base = await headOf(join(BASE, 'model.safetensors'));
    expect([...tensors.keys()].sort()).toEqual([...base.tensors.keys()].sort());
    expect(files[0]!.metadata.get('format')).toBe('pt');
  });

  it('brings everything that stands beside weights, and not the weights', () => {
    const beside = readdirSync(BASE).filter((name) => name !== 'config.json' && name !== 'model.safetensors');
    for (const name of beside)
      expect(readFileSync(join(folder, 'tuned', name)).equals(readFileSync(join(BASE, name))), name).toBe(true);
    expect(readdirSync(join(folder, 'tuned')).sort()).toEqual(readdirSync(BASE).sort());
  });
});

it('config.json names the type that is written, so that transformers rounds nothing', async () => {
  cpSync(BASE, join(folder, 'half'), { recursive: true });
  const config = JSON.parse(readFileSync(join(BASE, 'config.json'), 'utf8'));
  writeFileSync(join(folder, 'half/config.json'), JSON.stringify({ ...config, dtype: 'bfloat16' }));
  expect((await mdl(folder, 'export', 'half', '--out', 'whole')).code).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, 'whole/config.json'), 'utf8'))).toEqual({ ...config, dtype: 'float32' });
});

describe('what cannot be written is refused: C0642', () => {
  it.each([
    ['LoRA beside the weights', ['--adapter', 'adapter', '--out', 'beside'], '--merge-lora'],
    ['the folder itself', ['--out', '.'], 'read from'],
    ['weights of another name', ['--out', 'old'], 'pytorch_model.bin'],
  ])('%s', async (_, options, message) => {
    const own = folderWith({ 'old/pytorch_model.bin': 'x' });
    cpSync(BASE, own, { recursive: true });
    cpSync(join(folder, 'adapter'), join(own, 'adapter'), { recursive: true });
    const { code, stderr } = await mdl(own, 'export', '.', ...options);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^error\[C0642\]/) });
    expect(stderr).toContain(message);
    expect(existsSync(join(own, 'beside/model.safetensors'))).toBe(false);
  });
});

describe('--lora', () => {
  it('reads sizes, and refuses what is none: C0103', () => {
    expect(parseLora('r=8')).toEqual({ r: 8, alpha: 16, dropout: 0 });
    expect(parseLora('alpha=4, r=2, dropout=0.1')).toEqual({ r: 2, alpha: 4, dropout: 0.1 });
    expect(parseLora('r=4,rslora=true,alpha=3')).toEqual({ r: 4, alpha: 6, dropout: 0 });
    expect(parseLora('r=2, targets = q_proj, mlp.*')).toEqual({ ...parseLora('r=2'), targets: ['q_proj', 'mlp.*'] });
    expect(parseLora('r=2,targets=all-linear')).toEqual(parseLora('r=2'));
    for (const text of [
      '',
      '8',
      'r=0',
      'r=1.5',
      'alpha=4',
      'r=2,r=3',
      'r=2,dropout=1',
      'r=2,rank=3',
      'r=-1',
      'r=2,alpha=0',
      'r=2,rslora=1',
      'r=true',
      'r=2,targets=',
      'r=2,targets=q_proj,q_proj',
      'r=2,targets=q proj',
      'targets=q_proj',
    ])
      expect(() => parseLora(text), text).toThrow(expect.objectContaining({ code: 'C0103' }));
    const notes = [expect.stringContaining('targets=q_proj,v_proj')];
    expect(() => parseLora('r=4,target=q_proj')).toThrow(expect.objectContaining({ code: 'C0103', notes }));
  });

  it.each([
    ['q_proj,v_proj', ['q_proj', 'v_proj']],
    ['v_proj,q_proj', ['q_proj', 'v_proj']],
    ['self_attn.*,up_proj', ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'up_proj']],
    ['*gate*', ['gate_proj']],
  ])('targets=%s are the layers that train', (targets, expected) => {
    const { model } = loadModel(BASE, { lora: `r=2,targets=${targets}` }, recordingOutput());
    const layer = model.stages[0]!.trained.filter(({ path }) => path.includes('layers.0.'));
    expect([...new Set(layer.map(({ path }) => path.split('.').at(-2)))]).toEqual(expected);
  });

  it.each([
    ['q_prj', 'no layer that --lora can go on is called q_prj: did you mean q_proj? the layers are q_proj, k_proj'],
    ['lm_head', 'called lm_head: the layers are q_proj'],
    ['proj', 'called proj: the layers are'],
    ['mlp.q_proj', 'called mlp.q_proj: the layers are'],
  ])('targets=%s names none: C0690', (targets, message) => {
    expect(() => loadModel(BASE, { lora: `r=2,targets=${targets}` }, recordingOutput())).toThrow(
      expect.objectContaining({ code: 'C0690', message: expect.stringContaining(message) }),
    );
  });

  it('says what it is on', async () => {
    const asked = ['train', BASE, '--recipe', 'text', '--data', 'c.txt', '--steps', '1', '--length', '16', '--lora'];
    expect((await mdl(folder, ...asked, 'r=2')).stderr).toContain(
      'LoRA with r 2 and alpha 4 on q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj of every layer: all-linear, and targets=q_proj would choose',
    );
    const chosen = await mdl(folder, ...asked, 'r=2,rslora=true,targets=q_proj', '--save-adapter', 'one');
    expect(chosen.stderr).toContain('LoRA with r 2 and alpha 5.6569 on q_proj of every layer\n');
    expect(JSON.parse(readFileSync(join(folder, 'one/adapter_config.json'), 'utf8')).target_modules).toEqual([
      'q_proj',
    ]);
    expect(relativeError(await logits(BASE, '--adapter', 'one'), await logits(BASE))).toBeGreaterThan(0);
  });

  it('is of folders (C0640), and of architectures whose layers are known (C0641)', async () => {
    const asked = ['--lora', 'r=2'];
    const file = folderWith({ 'a.mdl': 'model M { }' });
    expect((await mdl(file, 'check', 'a.mdl', ...asked)).stderr).toContain('error[C0640]');
    for (const name of ['gpt2', 'phi3'])
      expect((await mdl(folder, 'check', fixture(`folders/${name}`), ...asked)).stderr, name).toContain('error[C0641]');
  });

  const known = Object.entries(ARCHITECTURES).filter(
    ([type, { adapts }]) => adapts && existsSync(fixture(`folders/${type}`)),
  );
  it.each(known.map(([type]) => type))('finds layers in a folder of %s, and its stage trains them alone', (type) => {
    const { model } = loadModel(fixture(`folders/${type}`), { lora: 'r=2' }, recordingOutput());
    expect(model.stages.map(({ name }) => name)).toEqual(['lora']);
    const trained = model.stages[0]!.trained;
    expect(trained.length).toBeGreaterThan(0);
    expect(trained.every(({ adapter }) => adapter !== undefined)).toBe(true);
  });

  it('of mdl import writes the lines to edit', async () => {
    expect((await mdl(folder, 'import', BASE, '--lora', 'r=2,alpha=6', '--out', 'my.mdl')).code).toBe(0);
    expect(readFileSync(join(folder, 'my.mdl'), 'utf8')).toContain('with LoRA(r = 2, alpha = 6.0)');
    const adapted = await logits(BASE, '--adapter', 'adapter');
    expect(relativeError(await logits('my.mdl', '--weights', BASE, '--adapter', 'adapter'), adapted)).toBe(0);
  });
});

it('an adapter without a config is named: C0204', () => {
  expect(() => loraOfAdapter(folder)).toThrow(expect.objectContaining({ code: 'C0204' }));
});
