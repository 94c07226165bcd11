/** Decoders of models/ of which fixtures hold what transformers computes in float64. */
import { expect, it } from 'vitest';
import { relativeError } from '../support/reference.ts';
import { type Case, GRADIENT_TOLERANCE, inputsOf, type Opened } from './support.ts';

export interface LanguageCase extends Case {
  /** of models that see pictures: the value of the config that stands for their features */
  readonly imageToken?: string;
}

export const CASES: readonly LanguageCase[] = [
  { name: 'llama', file: 'llama.mdl' },
  { name: 'smollm2', file: 'llama.mdl' },
  { name: 'llama3', file: 'llama.mdl' },
  { name: 'mistral', file: 'llama.mdl' },
  { name: 'qwen2', file: 'llama.mdl' },
  { name: 'qwen3', file: 'llama.mdl' },
  { name: 'gemma', file: 'gemma.mdl' },
  { name: 'gemma2', file: 'gemma-2.mdl' },
  { name: 'gpt2', file: 'gpt2.mdl' },
  { name: 'smolvlm', file: 'smolvlm.mdl', imageToken: 'image_token_id' },
  { name: 'llava', file: 'llava.mdl', imageToken: 'image_token_index' },
];

/** Of the entry `loss`. */
export const lossInputs = ({ imageToken }: LanguageCase): string[] => [
  'input_ids',
  'attention_mask',
  'position_ids',
  'labels',
  ...(imageToken ? ['pixel_values'] : []),
];

/** One of each file: the others' kernels differ in little and take as long to compile (language-models.slow.test.ts). */
export const FIRST_OF_FILE: ReadonlySet<LanguageCase> = new Set(
  CASES.filter(({ file }, i) => CASES.findIndex((other) => other.file === file) === i),
);

/** The gradient of every parameter. */
export function gradientsTest(model: LanguageCase, open: () => Promise<Opened>): void {
  it('gradients', async () => {
    const all = await open();
    const found = await all.gradients(inputsOf(all, lossInputs(model)));
    const wanted = [...all.expected.keys()].filter((name) => name.startsWith('gradient.'));
    expect(wanted.length).toBe(found.size);
    for (const name of wanted) {
      const gradient = found.get(name.slice('gradient.'.length))!;
      const want = all.expected.get(name)!;
      expect(gradient.shape).toEqual(want.shape);
      expect(relativeError(gradient.data, want.data), name).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });
}
