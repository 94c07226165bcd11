/** Imported files run on WebGPU: what PyTorch's exporters wrote gives what the modules gave in float64. */
import { describe, expect, it } from 'vitest';
import { fixture, relativeError } from '../support/reference.ts';
import { inputsAndOutputs } from './cases.ts';
import { imported, opened, portsOf } from './support.ts';

const CASES: readonly (readonly [string, readonly string[]])[] = [
  ['cnn-old', []],
  ['masked-new', []],
  ['eager-old', []],
  ['decoder-old', []],
  ['decoder-new', ['S53=past_sequence_length + sequence_length']],
];

describe('webgpu', () => {
  it.each(CASES)('%s', async (name, dims) => {
    const model = await opened(await imported(fixture(`onnx-import/${name}.onnx`), dims, [], { positions: 32 }), {
      backend: 'webgpu',
      opset: 17,
    });
    const { inputs, outputs: want } = inputsAndOutputs(name);
    const { inputs: names, outputs } = portsOf(model);
    const feeds = Object.fromEntries(names.map((input, index) => [input, inputs[index]!]));
    const results = await model.session.run(model.entry, feeds);
    expect(outputs).toHaveLength(want.length);
    for (const [index, output] of outputs.entries())
      expect(relativeError(results[output]!.data, want[index]!.data), output).toBeLessThan(1e-5);
    await model.close();
  });
});
