/** What MDL compiles to ONNX comes back: every entry, at both opsets, with the outputs that the file gives in onnxruntime. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Dim, evaluateDim, symbolsOf } from '../../src/shared/dim.ts';
import { type HostTensor, sizeOf } from '../../src/shared/tensor.ts';
import { folderWith, mdl, ROOT } from '../cli/support.ts';
import { fixture, relativeError } from '../support/reference.ts';
import { imported, opened, originalOutputs, portsOf } from './support.ts';

const TOLERANCE = 1e-5;

/** file, what says its sizes and numbers, and what the text of one of its entries is made of */
const MODELS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['examples/gpt.mdl', ['--config', 'tiny', '--init', '1'], ['attention(', 'cached(', 'causal = true']],
  ['examples/mlp.mdl', ['--init', '1'], ['Linear(']],
  ['examples/resnet.mdl', ['--init', '1'], ['Conv2d(']],
  ['models/tinygpt-v.mdl', ['--config', 'nano', '--init', '1'], ['attention(', 'rotary(', 'cached(']],
  [
    'models/phi.mdl',
    ['--init', '1', ...settings({ hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, vocab_size: 40 })],
    ['rotary(', 'dims = 4', 'cached('],
  ],
  zoo('llama', 'llama', ['attention(', 'rotary(', 'cached(']),
  zoo('qwen3', 'llama', ['theta = 1', 'cached(']),
  zoo('gemma', 'gemma', ['rotary(', 'cached(']),
  zoo('gemma2', 'gemma-2', ['window = ', 'soft_cap = ', 'cached(']),
  zoo('gpt2', 'gpt2', ['attention(', 'cached(']),
  zoo('bert', 'bert', ['attention(']),
  zoo('vit', 'vit', ['attention(']),
  zoo('siglip', 'siglip', ['attention(']),
  zoo('clip', 'clip', ['attention(', 'causal = true']),
];

function settings(values: Readonly<Record<string, number>>): readonly string[] {
  const heads = {
    num_attention_heads: 4,
    num_key_value_heads: 4,
    max_position_embeddings: 32,
    partial_rotary_factor: 0.5,
  };
  return Object.entries({ ...values, ...heads }).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}

function zoo(name: string, file: string, has: readonly string[]): (typeof MODELS)[number] {
  const folder = `zoo/${name}`;
  const given = [
    '--config-file',
    fixture(`${folder}/config.json`),
    '--weights',
    fixture(`${folder}/weights.safetensors`),
  ];
  return [`models/${file}.mdl`, given, has];
}

/** Sizes that no two dims share, so that a mix-up shows. */
const SIZES = [2, 3, 4, 5, 6];

function fed(dtype: HostTensor['dtype'], shape: readonly Dim[], sizes: Map<string, number>, seed: number): HostTensor {
  for (const name of shape.flatMap(symbolsOf)) if (!sizes.has(name)) sizes.set(name, SIZES[sizes.size % SIZES.length]!);
  const concrete = shape.map((dim) => evaluateDim(dim, sizes));
  const values = Array.from({ length: sizeOf(concrete) }, (_, index) => Math.sin(seed * 9.7 + index * 12.9898));
  if (dtype === 'f32') return { dtype, shape: concrete, data: Float32Array.from(values) };
  // small, as ids and labels are; a mask shows the first of each row
  const row = concrete.at(-1) ?? 1;
  const whole = values.map((value, index) => (value > 0 || index % row === 0 ? 1 : 0));
  if (dtype === 'bool') return { dtype, shape: concrete, data: Uint8Array.from(whole, (value) => (value > 0 ? 1 : 0)) };
  return { dtype, shape: concrete, data: BigInt64Array.from(whole, BigInt) };
}

describe.each([17, 23] as const)('opset %i', (opset) => {
  it.each(MODELS)('%s %j', async (file, given, has) => {
    const folder = folderWith();
    const { code, stderr } = await mdl(ROOT, 'compile', file, ...given, '--opset', String(opset), '--out', folder);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.onnx'));
    expect(files.length).toBeGreaterThan(0);
    const texts: string[] = [];
    for (const name of files) {
      const path = join(folder, name);
      const back = await imported(path);
      texts.push(back.text);
      const model = await opened(back, { backend: 'onnx', opset });
      const { graph } = model.loaded.model.entry(model.entry)!;
      const sizes = new Map<string, number>();
      const inputs = graph.inputs.map(({ value }, index) => {
        const { dtype, shape } = graph.types[value]!;
        return fed(dtype, shape, sizes, index);
      });
      const ports = portsOf(model);
      const feeds = Object.fromEntries(ports.inputs.map((input, index) => [input, inputs[index]!]));
      const results = await model.session.run(model.entry, feeds);
      const original = await originalOutputs(path, inputs);
      expect(ports.outputs.length, name).toBe(original.length);
      for (const [index, output] of ports.outputs.entries()) {
        expect(results[output]!.shape, `${name} ${output}`).toEqual(original[index]!.shape);
        expect(relativeError(results[output]!.data, original[index]!.data), `${name} ${output}`).toBeLessThan(
          TOLERANCE,
        );
      }
      await model.close();
    }
    for (const part of has) expect(texts.join('\n')).toContain(part);
    // what attention is made of is written as attention, but for a classifier's own softmax
    expect(texts.join('\n')).not.toMatch(/softmax\([^)]*\) @|log\(0\.0\)/);
  });
});
