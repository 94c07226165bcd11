/** A mistake in the model is what a command says first, whatever else it would find wrong with data, weights or tokenizers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, mdl, ROOT } from './support.ts';

const gpt = readFileSync(join(ROOT, 'examples/gpt.mdl'), 'utf8');
const files = {
  'text.mdl': gpt.replace('MLP(width, 4 * width', 'MLP(2 * width, width'),
  'arrays.mdl': `import { Linear } from "std"
model M {
  fc = Linear(4, 5)
  entry loss(x: [B, 3]) -> (loss: []) { mean(fc(x)) }
}
recipe "tensors" {}
stage s { train ** schedule constant(lr = 0.1, iters = 3, epochs = 1) batch 4 }
`,
  'corpus.txt': 'Some text to learn from.\n'.repeat(60),
  'rows.csv': 'y\n1\n2\n3\n4\n5\n',
};

describe.each([
  ['text.mdl', ['--config', 'bytes'], 'corpus.txt', 'tie_embeddings'],
  ['arrays.mdl', [], 'rows.csv', undefined],
] as const)('%s', (file, config, data, flag) => {
  const judged = [file, ...config, '--init', '1'];
  it.each([
    ['train', [...judged, '--data', data]],
    ['train', [...judged, '--data', 'nowhere']],
    ['evaluate', [...judged, '--data', data]],
    ...(flag === undefined
      ? []
      : [
          ['evaluate', [...judged, '--data', data, '--tokenizer', 'nowhere.json']] as const,
          ['generate', [file, ...config, '--prompt', 'Some']] as const,
          ['ablate', [...judged, '--data', data, '--flags', flag, '--steps', '1', '--out', 'ablation']] as const,
        ]),
  ] as const)('%s %j', async (command, args) => {
    const { code, stderr } = await mdl(folderWith(files), command, ...args);
    expect({ code, codes: stderr.match(/(?<=error\[)\w+/g) }).toEqual({ code: 1, codes: ['E0303'] });
  });
});
