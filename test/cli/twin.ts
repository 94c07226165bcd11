/** examples/gpt.mdl with other names for its entries, as an editor gives them, and their roles in the recipe. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rename } from '../../src/compiler/check/rename.ts';
import { compile } from '../../src/compiler/index.ts';
import { memory } from '../support/project.ts';
import { ROOT } from './support.ts';

const ORIGINAL = readFileSync(join(ROOT, 'examples/gpt.mdl'), 'utf8');

/** @param names by role, which the entry is called after */
export function withNames(names: Readonly<Record<string, string>>): string {
  const roles = Object.keys(names).map((role) => `${role} = ${role}`);
  // the roles are given first: what an editor renames is the entry and every place that names it
  let text = ORIGINAL.replace('recipe "text" {', ['recipe "text" {', ...roles.map((role) => `${role},`)].join(' '));
  for (const [role, name] of Object.entries(names)) {
    const table = compile('gpt.mdl', memory({ 'gpt.mdl': text })).names!;
    const definition = table.definitionsIn('gpt.mdl').find((one) => one.kind === 'entry' && one.name === role)!;
    const renamed = rename(table, definition, name);
    if (!('edits' in renamed)) throw new Error(renamed.refused);
    const backwards = [...renamed.edits].sort((a, b) => b.span.start - a.span.start);
    for (const { span, replacement } of backwards)
      text = text.slice(0, span.start) + replacement + text.slice(span.end);
  }
  return text;
}
