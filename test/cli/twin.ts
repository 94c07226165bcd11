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

/** The same model, whose ports generation and training find by roles and types: no output is called as its use, and `loss` has two scalars. */
export const WITH_PORTS = [
  [
    'entry embed_tokens(input_ids: int[B, T]) -> (inputs_embeds: [B, T, width]) { wte(input_ids) }',
    'entry embed_tokens(ids: int[B, T]) -> (rows: [B, T, width]) { wte(ids) }',
  ],
  ['    inputs_embeds: [B, T, width], attention_mask', '    states: [B, T, width], attention_mask'],
  [') -> (logits: [B, T, vocab]) cache', ') -> (scores: [B, T, vocab]) cache'],
  ['    logits_of(inputs_embeds, attention_mask', '    logits_of(states, attention_mask'],
  ['-> (loss: [], logits: [B, T, vocab]) {', '-> (scores: [B, T, vocab], peak: [], total: []) {'],
  ['(next_token_loss(logits, labels), logits)', '(logits, max(logits), next_token_loss(logits, labels))'],
  ['train **', 'train **\n  minimize loss.total'],
].reduce((text, [from, to]) => {
  if (!text.includes(from!)) throw new Error(`examples/gpt.mdl has no ${from}`);
  return text.replace(from!, to!);
}, ORIGINAL);
