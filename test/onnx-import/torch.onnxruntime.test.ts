/**
 * Files of PyTorch's two exporters (test/fixtures/onnx-import/make.py, make_transformers.py): imported and compiled again they compute what the file does in
 * onnxruntime, and what the module did in float64.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { mdl } from '../cli/support.ts';
import { fixture, relativeError } from '../support/reference.ts';
import { inputsAndOutputs } from './cases.ts';
import { type Imported, imported, opened, originalOutputs, portsOf, RUNS } from './support.ts';

const MODELS = ['mlp', 'cnn', 'encoder', 'plain', 'shapes', 'recurrent', 'masked', 'eager', 'decoder'];
const CASES = [...MODELS.flatMap((name) => [`${name}-old`, `${name}-new`]), 'bare-old'];
const TOLERANCE = 1e-5;

const fileOf = (name: string): string => fixture(`onnx-import/${name}.onnx`);

const made = new Map<string, Promise<Imported>>();
function once(name: string): Promise<Imported> {
  // the exporter gives the sum of two sizes a name of its own
  const dims = name === 'decoder-new' ? ['S53=past_sequence_length + sequence_length'] : [];
  const found = made.get(name) ?? imported(fileOf(name), dims, [], name.startsWith('decoder') ? { positions: 32 } : {});
  made.set(name, found);
  return found;
}

describe.each(CASES)('%s', (name) => {
  it.each(RUNS)('on %s', async (_, request) => {
    const model = await opened(await once(name), request);
    const { inputs, outputs: want } = inputsAndOutputs(name);
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

  it.each(['masked-old', 'masked-new', 'eager-old', 'eager-new'])('has attention with a mask in %s', async (name) => {
    const { text } = await once(name);
    expect(text).toContain('attention(');
    expect(text).not.toContain('softmax');
    expect(text).toContain('[Layer() for i in range(2)]');
  });

  it.each(['decoder-old', 'decoder-new'])(
    'has attention of shared heads, rotary embeddings and a cache in %s',
    async (name) => {
      const { text } = await once(name);
      expect(text).toMatch(/attention\(\s*rotary1, cached\(rotary2, "key"\)/);
      expect(text).toContain('rotary(indices, dims = 4, max_positions = 32)');
      expect(text).toContain('cache PastSequenceLength "past_key_values" -> "present"');
      expect(text).toContain('k_proj = Linear(16, 8, with_bias = false)');
      expect(text).not.toMatch(/softmax|expand\(\[BatchSize, 2, 2|sin\(/);
    },
  );

  it('says how a rotary embedding that the file computes for any position becomes one of a number of them', async () => {
    const { text, notes } = await imported(fileOf('decoder-old'));
    expect(text).toContain('sin(');
    expect(notes).toContain(
      'rotary embeddings are written with cos and sin, for any position: --positions N makes them rotary(…)',
    );
  });

  it('is a list of layers where only their repetition says so', async () => {
    const { text } = await once('bare-old');
    expect(text).toContain('layers = [Layer() for i in range(3)]');
    expect(text).toContain('fc     = Linear(8, 24)');
    expect(text.match(/^module /gm)).toHaveLength(1);
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
    const [ids, mask] = inputsAndOutputs('encoder-old').inputs as [HostTensor, HostTensor];
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
