/** The files of Python that a folder for PyTorch has beside the model, as text in a module: the compiler reads no files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { banner, type Generator } from './files.ts';

const FOLDER = 'src/compiler/backends/pytorch';
/** the constant that has the files of a folder */
const TABLES = { training: 'TRAINING_FILES', inference: 'INFERENCE_FILES' } as const;

export const pytorch: Generator = {
  name: 'pytorch',
  inputs: Object.keys(TABLES).map((name) => `${FOLDER}/${name}`),
  async generate(root) {
    return Object.entries(TABLES).map(([folder, table]) => ({
      path: `${FOLDER}/${folder}.generated.ts`,
      text: tableOf(root, `${FOLDER}/${folder}`, table),
    }));
  },
};

function tableOf(root: string, folder: string, table: string): string {
  const names = readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.py'))
    .sort();
  const entries = names.map((name) => {
    const text = readFileSync(join(root, folder, name), 'utf8').replaceAll('\r\n', '\n');
    return `  ${JSON.stringify(name)}: ${JSON.stringify(text)},\n`;
  });
  return `${banner(`${folder}/*.py`)}export const ${table}: Readonly<Record<string, string>> = {\n${entries.join('')}};\n`;
}
