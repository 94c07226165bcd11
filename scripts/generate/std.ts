/** The standard library as text in a module, so that the compiler core reads no files and runs in a page. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { banner, type Generator } from './files.ts';

const FOLDER = 'src/compiler/std';

export const std: Generator = {
  name: 'std',
  inputs: [FOLDER],
  async generate(root) {
    const names = readdirSync(join(root, FOLDER))
      .filter((name) => name.endsWith('.mdl'))
      .sort();
    // line ends as in the repository, whatever the checkout made of them
    const entries = names.map((name) => {
      const text = readFileSync(join(root, FOLDER, name), 'utf8').replaceAll('\r\n', '\n');
      return `  ${JSON.stringify(name === 'std.mdl' ? name : `std/${name}`)}: ${JSON.stringify(text)},\n`;
    });
    const text = `${banner(`${FOLDER}/*.mdl`)}export const STD_FILES: Readonly<Record<string, string>> = {\n${entries.join('')}};\n`;
    return [{ path: `${FOLDER}/std.generated.ts`, text }];
  },
};
