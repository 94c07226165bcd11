/**
 * Files of PyTorch's two exporters (test/fixtures/onnx-import/make.py): imported and compiled again they compute what the file does in
 * onnxruntime, and what the module did in float64.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { mdl } from '../cli/support.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { type Imported, imported, opened, originalOutputs, portsOf, RUNS } from './support.ts';

const MODELS = ['mlp', 'cnn', 'encoder', 'plain', 'shapes', 'recurrent'];
const CASES = MODELS.flatMap((name) => [`${name}-old`, `${name}-new`]);
const TOLERANCE = 1e-5;

const fileOf = (name: string): string => fixture(`onnx-import/${name}.onnx`);

/** Inputs in the order in which the modules take them. */
const INPUTS: Readonly<Record<string, readonly string[]>> = {
  encoder: ['input_ids', 'attention_mask'],
  plain: ['input_ids'],
  shapes: ['x', 'ids'],
};

function tensorsOf(name: string): { readonly inputs: readonly HostTensor[]; readonly outputs: readonly HostTensor[] } {
  const all = readTensors(fixture(`onnx-import/${name}.safetensors`));
  const host = (key: string): HostTensor => {
    const { shape, data } = all.get(key)!;
    return { dtype: data instanceof BigInt64Array ? 'i64' : 'f32', shape, data: data as HostTensor['data'] };
  };
  const count = [...all.keys()].filter((key) => key.startsWith('out.')).length;
  return {
    inputs: (INPUTS[name.split('-')[0]!] ?? ['x']).map((key) => host(`in.${key}`)),
    outputs: Array.from({ length: count }, (_, index) => host(`out.${index}`)),
  };
}

const made = new Map<string, Promise<Imported>>();
function once(name: string): Promise<Imported> {
  const found = made.get(name) ?? imported(fileOf(name));
  made.set(name, found);
  return found;
}

describe.each(CASES)('%s', (name) => {
  it.each(RUNS)('on %s', async (_, request) => {
    const model = await opened(await once(name), request);
    const { inputs, outputs: want } = tensorsOf(name);
    const { inputs: names, outputs } = portsOf(model);
    const results = await model.session.run(
      model.entry,
      Object.fromEntries(names.map((input, index) => [input, inputs[index]!])),
    );
    const original = await originalOutputs(fileOf(name), inputs);
    expect(outputs).toHaveLength(want.length);
    for (const [index, output] of outputs.entries()) {
      expect(results[output]!.shape, output).toEqual(want[index]!.shape);
      expect(relativeError(results[output]!.data, want[index]!.data), `${output} and PyTorch`).toBeLessThan(TOLERANCE);
      expect(relativeError(results[output]!.data, original[index]!.data), `${output} and the file`).toBeLessThan(
        TOLERANCE,
      );
    }
    await model.close();
  });
});

describe('what is written', () => {
  it('is modules and a list of equal layers, of both exporters', async () => {
    for (const name of ['encoder-old', 'encoder-new']) {
      const { text } = await once(name);
      expect(text).toContain('layers    = [Layer() for i in range(3)]');
      expect(text).toContain('qkv  = Linear(8, 24)');
      expect(text).toMatch(/\|> layers\(.*\) \|> norm/);
      expect(text.match(/^module /gm)).toHaveLength(2);
    }
  });

  it('has modules of std and composites where the file has their parts', async () => {
    const { text } = await once('plain-old');
    expect(text).toContain('LayerNorm(8, eps = 1e-6)');
    expect(text).toContain('gelu(');
    expect(text).toContain('|> attention(');
    expect(text).not.toMatch(/erf|rsqrt|softmax/);
    expect((await once('mlp-old')).text).toContain('BatchNorm1d(10)');
  });

  it('keeps the keys of the checkpoint', async () => {
    const { loaded, close } = await opened(await once('encoder-new'), RUNS[0]![1]);
    const keys = [...loaded.model.parameters.keys()];
    for (const key of ['embed.weight', 'layers.2.attn.qkv.weight', 'layers.0.norm2.bias', 'position_ids'])
      expect(keys).toContain(key);
    await close();
  });
});

describe('an imported model', () => {
  it('is trained by a loss and a stage that are added to it', async () => {
    const { text, path, weightsPath } = await once('encoder-old');
    const entry = `
  entry loss(input_ids: int[B, T], attention_mask: int[B, T], labels: int[B, T]) -> (loss: []) {
    let x = embed(input_ids) + positions(position_ids[:, :T])
    let y = norm(layers(x, reshape(attention_mask, [B, 1, 1, T]) == 0))
    cross_entropy(linear(y, embed.weight), labels)
  }
}
stage tune { train **  optimize adamw()  schedule constant(lr = 0.02, iters = 30, epochs = 1) }
`;
    const folder = dirname(path);
    writeFileSync(join(folder, 'trained.mdl'), text.replace(/\}\s*$/, entry));
    const { encodeSafetensors } = await import('../../src/runtime/index.ts');
    const [ids, mask] = tensorsOf('encoder-old').inputs as [HostTensor, HostTensor];
    const batch = new Map([
      ['input_ids', ids],
      ['attention_mask', mask],
      ['labels', ids],
    ]);
    writeFileSync(join(folder, 'batch.safetensors'), encodeSafetensors(batch));
    const { code, stdout, stderr } = await mdl(
      folder,
      'train',
      'trained.mdl',
      ...['--weights', weightsPath!, '--batch', 'batch.safetensors', '--stage', 'tune', '--out', 'run', '--json'],
    );
    expect({ code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ code: 0, stderr: '' });
    const log = readFileSync(join(folder, 'run', 'log.jsonl'), 'utf8');
    const losses = [...log.matchAll(/"loss":([\d.e-]+)/g)].map((match) => Number(match[1]));
    expect(losses.length).toBeGreaterThan(10);
    expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]!);
  });
});
