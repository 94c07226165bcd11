/** docs/recipes.md: what each recipe can be told, from the declarations that files are checked against. */
import { DECLARATIONS } from '../../src/recipes/declarations.ts';
import type { SettingTable } from '../../src/shared/recipe.ts';
import type { Roles } from '../../src/shared/roles.ts';
import type { Generator } from './files.ts';

const HEAD = `<!-- generated from src/recipes by scripts/generate.ts; do not edit, run \`npm run generate\` -->
# Recipes

A recipe says how one kind of model meets data: how batches are made from a data set, how a prompt is put to the model, how
answers are judged. Below are the settings of each: of the model, and the clauses that it adds to a \`stage\`. A clause with
the name of a setting holds in its place during the stage. An unknown name and a value that does not fit are errors.

An entry that is called as a role plays it. Where the model's entries have other names, a setting with the name of the role names the entry:
\`recipe "text" { loss = objective, embed_tokens = embed, decode = step }\`.
`;

export const recipes: Generator = {
  name: 'recipes',
  inputs: ['src/recipes/declarations.ts'],
  async generate() {
    const sections = DECLARATIONS.map(
      ({ name, doc, roles = {}, settings, clauses, fileNames = {} }) =>
        `## ${name}\n\nFor ${doc}.\n\n${entries(roles)}${table('Setting', settings)}\n\n${table('Clause of a stage', clauses)}\n${files(fileNames)}`,
    );
    return [{ path: 'docs/recipes.md', text: [HEAD, ...sections].join('\n') }];
  },
};

function table(head: string, settings: SettingTable): string {
  const rows = Object.entries(settings).map(([name, { doc, expected, fallback }]) => {
    const otherwise = fallback === undefined ? '' : `; ${JSON.stringify(fallback)} when not given`;
    return `| \`${name}\` | ${expected}${otherwise} | ${doc} |`;
  });
  return [`| ${head} | Value | Meaning |`, '| --- | --- | --- |', ...rows].join('\n');
}

function entries(roles: Roles): string {
  const rows = Object.entries(roles).map(([role, doc]) => `| \`${role}\` | ${doc} |`);
  return rows.length === 0
    ? ''
    : `${['| Role of an entry | What it is for |', '| --- | --- |', ...rows].join('\n')}\n\n`;
}

function files(names: { readonly [role: string]: string }): string {
  const rows = Object.entries(names).map(([entry, file]) => `\`${entry}\` is written to \`onnx/${file}\``);
  return rows.length === 0 ? '' : `\nOf the ONNX files ${rows.join(', ')}; other entries to \`onnx/<entry>.onnx\`.\n`;
}
