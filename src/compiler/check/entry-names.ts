/** Names of entries where a role is given: `recipe "text" { decode = step }`, `minimize objective` in a stage. */
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Program } from './program.ts';
import type { References } from './references.ts';

/** The clause of a stage that gives the role `loss`. */
export const MINIMIZE = 'minimize';

/**
 * Binds an expression that is the name of an entry of the model; reports any other.
 * @param role what takes it, for messages: `decode`
 */
export function bindEntry(
  { model }: Pick<Program, 'model'>,
  { table, bag }: Pick<References, 'table' | 'bag'>,
  role: string,
  value: ast.Expression,
): void {
  if (!model) return; // of a file of modules, a stage is checked where a model imports it
  const { span } = value;
  const entries = model.declaration.members.filter((member) => member.kind === 'entry');
  const names = entries.map(({ name }) => name.text);
  if (value.kind !== 'name') {
    const text = value.kind === 'string' ? value.value : undefined;
    const meant = text !== undefined && names.includes(text) ? text : undefined;
    const suggestions = meant ? [{ message: `write \`${meant}\``, span, replacement: meant }] : [];
    bag.add(diagnose('role_not_entry', { role }, span, { suggestions }));
    return;
  }
  const entry = entries.find(({ name }) => name.text === value.text);
  if (entry) {
    const { name, doc } = entry;
    table.bind(value, { kind: 'entry', name: name.text, definition: table.define(entry, 'entry', name, doc) });
    return;
  }
  const near = fix(didYouMean(value.text, names, span));
  const notes = near.length > 0 ? [] : [`the entries are ${names.join(', ') || '(none)'}`];
  bag.add(diagnose('unknown_role_entry', { role, name: value.text }, span, { notes, suggestions: near }));
}
