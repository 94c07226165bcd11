/** docs/builtins.md: every built-in function of the language with its parameters and meaning. */
import { builtinSignature } from '../../src/compiler/elaborate/builtin.ts';
import type { Generator } from './files.ts';

/** What the page needs of a built-in function. */
export interface DocumentedBuiltin {
  readonly name: string;
  readonly doc: string;
  /** `axis?` may be left out, `sizes**` takes further named arguments */
  readonly parameters: readonly string[];
}

/** A group of functions under one heading. */
export interface BuiltinFamily {
  readonly title: string;
  readonly builtins: readonly DocumentedBuiltin[];
}

/** Text in a cell of a table. */
function cell(text: string): string {
  return text.trim().replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}

export function builtinsPage(families: readonly BuiltinFamily[]): string {
  const count = families.reduce((sum, { builtins }) => sum + builtins.length, 0);
  const sections = families.map(({ title, builtins }) => {
    const rows = builtins.map((builtin) => `| \`${cell(builtinSignature(builtin))}\` | ${cell(builtin.doc)} |`);
    return [`## ${title}\n`, '| Function | Meaning |', '| --- | --- |', ...rows, ''].join('\n');
  });
  return [
    '<!-- generated from src/compiler/elaborate/builtins by scripts/generate.ts; do not edit, run `npm run generate` -->\n# Built-in functions\n',
    `The ${count} functions that need no import; [the language](language.md) tells the rest. \`?\` marks arguments that may be\nleft out. Every argument may be given by name. Axes count from 0, or from −1 at the end.\n`,
    ...sections,
  ].join('\n');
}

export const builtins: Generator = {
  name: 'builtins',
  inputs: ['src/compiler/elaborate/builtins/index.ts'],
  async generate() {
    const { VALUE_BUILTINS } = await import('../../src/compiler/elaborate/builtins/values.ts');
    const { IMAGE_BUILTINS } = await import('../../src/compiler/elaborate/builtins/images.ts');
    const { TENSOR_BUILTINS } = await import('../../src/compiler/elaborate/builtins/tensors.ts');
    const { TRAINING_BUILTINS } = await import('../../src/compiler/elaborate/builtins/training.ts');
    const { SHAPE_BUILTINS } = await import('../../src/compiler/elaborate/builtins/shapes.ts');
    const text = builtinsPage([
      { title: 'Compile-time values, conversions and initialisers', builtins: VALUE_BUILTINS },
      { title: 'Computing with tensors', builtins: [...TENSOR_BUILTINS, ...IMAGE_BUILTINS] },
      { title: 'Training and gradients', builtins: TRAINING_BUILTINS },
      { title: 'Moving and making elements', builtins: SHAPE_BUILTINS },
    ]);
    return [{ path: 'docs/builtins.md', text }];
  },
};
