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

/** file, and what says its sizes and numbers */
const MODELS: readonly (readonly [string, readonly string[]])[] = [
  ['examples/gpt.mdl', ['--init', '1']],
  ...(['llama', 'gpt2'] as const).map(
    (n) =>
      [
        `models/${n}.mdl`,
        ['--config-file', fixture(`zoo/${n}/config.json`), '--weights', fixture(`zoo/${n}/weights.safetensors`)],
      ] as const,
  ),
  ['examples/mlp.mdl', ['--init', '1']],
  ['examples/resnet.mdl', ['--init', '1']],
  [
    'models/clip.mdl',
    ['--config-file', fixture('zoo/clip/config.json'), '--weights', fixture('zoo/clip/weights.safetensors')],
  ],
];

/** Sizes that no two dims share, so that a mix-up shows. */
const SIZES = [2, 3, 4, 5, 6];

function fed(dtype: HostTensor['dtype'], shape: readonly Dim[], sizes: Map<string, number>, seed: number): HostTensor {
  for (const name of shape.flatMap(symbolsOf)) if (!sizes.has(name)) sizes.set(name, SIZES[sizes.size % SIZES.length]!);
  const concrete = shape.map((dim) => evaluateDim(dim, sizes));
  const values = Array.from({ length: sizeOf(concrete) }, (_, index) => Math.sin(seed * 9.7 + index * 12.9898));
  if (dtype === 'f32') return { dtype, shape: concrete, data: Float32Array.from(values) };
  // small, as ids and labels are
  const whole = values.map((value) => Math.floor(1.5 + 1.5 * value));
  if (dtype === 'bool') return { dtype, shape: concrete, data: Uint8Array.from(whole, (value) => (value > 0 ? 1 : 0)) };
  return { dtype, shape: concrete, data: BigInt64Array.from(whole, BigInt) };
}

describe.each([17, 23] as const)('opset %i', (opset) => {
  it.each(MODELS)('%s', async (file, given) => {
    const folder = folderWith();
    const { code, stderr } = await mdl(ROOT, 'compile', file, ...given, '--opset', String(opset), '--out', folder);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.onnx'));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) {
      const path = join(folder, name);
      const model = await opened(await imported(path), { backend: 'onnx', opset });
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
  });
});
