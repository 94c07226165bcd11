/** An imported ONNX file written for PyTorch: what the exporter's module gave, step by step with a cache and without. */
import { beforeAll, expect, it } from 'vitest';
import { inputsAndOutputs } from '../onnx-import/cases.ts';
import { imported } from '../onnx-import/support.ts';
import { fixture, relativeError } from '../support/reference.ts';
import { describeTorch, type Result, runJobs, written } from './support.ts';

describeTorch('imported files', () => {
  let results: Readonly<Record<'masked' | 'decoder', () => Result>>;
  const DECODER = 'decoder-old';

  beforeAll(async () => {
    const folderOf = async (name: string): Promise<string> => {
      const { path, weightsPath } = await imported(fixture(`onnx-import/${name}.onnx`), [], [], { positions: 32 });
      return written(path, { weights: [weightsPath!] });
    };
    const named = (name: string, names: readonly string[]) =>
      Object.fromEntries(names.map((input, index) => [input, inputsAndOutputs(name).inputs[index]!]));
    const past = [0, 1].flatMap((layer) => ['key', 'value'].map((kept) => `past_key_values.${layer}.${kept}`));
    results = runJobs({
      masked: {
        folder: await folderOf('masked-old'),
        entry: 'main_graph',
        inputs: named('masked-old', ['input_ids', 'attention_mask']),
      },
      decoder: {
        folder: await folderOf(DECODER),
        entry: 'main_graph',
        inputs: named(DECODER, ['input_ids', 'attention_mask', 'position_ids', ...past]),
        past: ['past_key_values', past],
      },
    });
  });

  it.each([
    ['masked', 'masked-old'],
    ['decoder', DECODER],
  ] as const)('%s', (job, name) => {
    const found = results[job]().get('0')!;
    expect(relativeError(found.data, inputsAndOutputs(name).outputs[0]!.data)).toBeLessThan(1e-5);
  });
});
