/** Names of entries where a role is given, and of the output that is meant: `recipe "text" { decode = step }`, `minimize objective.total` in a stage. */
import { ROLE_PORTS } from '../../shared/roles.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Program } from './program.ts';
import type { References } from './references.ts';

/** The clause of a stage that gives the role `loss`. */
export const MINIMIZE = 'minimize';

/** The role that a clause or a setting gives. */
const roleOf = (clause: string): string => (clause === MINIMIZE ? 'loss' : clause);

/**
 * Binds an expression that is the name of an entry of the model, or of an output of one; reports any other.
 * @param role what takes it, for messages: `decode`
 */
export function bindEntry(
  { model }: Pick<Program, 'model'>,
  { table, bag }: Pick<References, 'table' | 'bag'>,
  role: string,
  given: ast.Expression,
): void {
  if (!model) return; // of a file of modules, a stage is checked where a model imports it
  const output = given.kind === 'member' && Object.hasOwn(ROLE_PORTS, roleOf(role)) ? given.member : undefined;
  const value = output && given.kind === 'member' ? given.object : given;
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
    if (output) checkOutput(entry, output, bag);
    return;
  }
  const near = fix(didYouMean(value.text, names, span));
  const notes = near.length > 0 ? [] : [`the entries are ${names.join(', ') || '(none)'}`];
  bag.add(diagnose('unknown_role_entry', { role, name: value.text }, span, { notes, suggestions: near }));
}

/** Reports an output that the entry does not name. */
function checkOutput(
  { name: entry, signature }: ast.EntryMember,
  { text: name, span }: ast.Name,
  bag: References['bag'],
): void {
  const outputs = (signature.result ?? []).flatMap((result) => (result.name ? [result.name.text] : []));
  if (outputs.includes(name)) return;
  const near = fix(didYouMean(name, outputs, span));
  const notes = near.length > 0 ? [] : [`its outputs are ${outputs.join(', ') || '(none)'}`];
  bag.add(diagnose('unknown_role_output', { entry: entry.text, name }, span, { notes, suggestions: near }));
}
