/** The files of Python that a folder for PyTorch has beside the model, as text in a module: the compiler reads no files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { banner, type Generator } from './files.ts';

const FOLDER = 'src/compiler/backends/pytorch/training';

export const pytorch: Generator = {
  name: 'pytorch',
  inputs: [FOLDER],
  async generate(root) {
    const names = readdirSync(join(root, FOLDER))
      .filter((name) => name.endsWith('.py'))
      .sort();
    const entries = names.map((name) => {
      const text = readFileSync(join(root, FOLDER, name), 'utf8').replaceAll('\r\n', '\n');
      return `  ${JSON.stringify(name)}: ${JSON.stringify(text)},\n`;
    });
    const text = `${banner(`${FOLDER}/*.py`)}export const TRAINING_FILES: Readonly<Record<string, string>> = {\n${entries.join('')}};\n`;
    return [{ path: `${FOLDER}.generated.ts`, text }];
  },
};
