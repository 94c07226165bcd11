/**
 * What a name is: its declaration, its type or value under the chosen settings, its doc comment, its parameters. What an expression
 * is, at its operator or bracket.
 */
import type { Hover } from 'vscode-languageserver';
import { sizeOf } from '../../shared/tensor.ts';
import type { Definition } from '../check/binding.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import type { Model } from '../elaborate/model.ts';
import type * as ast from '../syntax/ast.ts';
import { rangeOf } from './places.ts';
import type { View } from './view.ts';
import { walk } from './walk.ts';

export function hover(view: View, offset: number): Hover | undefined {
  const before = view.toBefore(offset);
  if (before === undefined) return undefined;
  const use = view.names.at(view.path, before);
  if (!use) return builtin(view, offset) ?? expression(view, before);
  const range = view.toNow(use.span);
  const definition = use.definition.target ?? use.definition;
  const fact = factOf(view, definition, use.span);
  const lines = [`\`\`\`mdl\n${headline(view, definition, fact)}\n\`\`\``];
  if (definition.doc !== '') lines.push(definition.doc);
  const size = view.analysis.model && parametersOf(view.analysis.model, definition);
  if (size) lines.push(size);
  return { contents: { kind: 'markdown', value: lines.join('\n\n') }, ...(range ? { range } : {}) };
}

/** The type or value of the innermost expression at a place that is more than a name or a literal; the range says which. */
function expression(view: View, before: number): Hover | undefined {
  if (/\s/.test(view.before.text[before] ?? ' ')) return undefined;
  let found: { readonly span: Definition['span']; readonly text: string } | undefined;
  walk(view.syntax.declarations, (node) => {
    const { kind, span } = node;
    if (!COMPOSED.has(kind) || before < span.start || before >= span.end) return;
    const fact = view.analysis.facts.at(span);
    if (fact && (!found || span.end - span.start <= found.span.end - found.span.start))
      found = { span, text: fact.text };
  });
  if (!found) return undefined;
  const range = view.toNow(found.span);
  const value = `\`\`\`mdl\n${found.text}\n\`\`\``;
  return { contents: { kind: 'markdown', value }, ...(range ? { range } : {}) };
}

/** Kinds of expressions that have parts. */
const COMPOSED: ReadonlySet<string> = new Set([
  'binary',
  'unary',
  'call',
  'index',
  'when',
  'list',
  'tuple',
  'comprehension',
] satisfies ast.Expression['kind'][]);

/** `let q: [B, T, 64]`, `flag qk_norm = false`, `module Linear(in_features, …)` */
function headline(view: View, definition: Definition, fact: string | undefined): string {
  const { kind, name } = definition;
  if (kind === 'flag') return `flag ${name} = ${view.analysis.model?.settings.flags.get(name) ?? fact ?? '…'}`;
  const declared = signatureOf(definition);
  if (declared !== undefined) return `${kind} ${name}${declared}`;
  if (fact === undefined) return `${kind} ${name}`;
  return /^\w*\[/.test(fact) ? `${kind} ${name}: ${fact}` : `${kind} ${name} = ${fact}`;
}

/** The parameters of a module or function as they are written. */
function signatureOf({ kind, span }: Definition): string | undefined {
  if (kind !== 'module' && kind !== 'adapter' && kind !== 'function') return undefined;
  const { text } = span.source;
  if (text[span.end] !== '(') return '';
  let depth = 0;
  for (let at = span.end; at < text.length; at++) {
    if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!) && --depth === 0)
      return text
        .slice(span.end, at + 1)
        .replace(/\s+/g, ' ')
        .replace(/(?<=\() | (?=\)$)/g, '');
  }
  return '';
}

/** The type or value at a place, at the declaration, or where the name is first used. */
function factOf(view: View, definition: Definition, at: Definition['span']): string | undefined {
  const { facts, names } = view.analysis;
  const places = [at, definition.span, ...names.references(definition)];
  for (const place of places) {
    const fact = facts.at(place);
    if (fact) return fact.text;
  }
  return undefined;
}

/** `16,384 parameters`: of a submodule's first instance, of all instances of a module, of a param. */
function parametersOf(model: Model, definition: Definition): string | undefined {
  const inside = ({ source, start, end }: Definition['span']): boolean =>
    source.path === definition.span.source.path && definition.span.start >= start && definition.span.end <= end;
  if (definition.kind === 'param' || definition.kind === 'buffer') {
    const own = [...model.parameters.values()].filter(({ span }) => inside(span));
    const first = own[0];
    if (!first) return undefined;
    const places = own.length === 1 ? `\`${first.keys[0]}\`` : `${own.length} of them, first \`${first.keys[0]}\``;
    return `${count(sizeOf(first.shape))} elements: ${places}`;
  }
  const instances = [...instancesOf(model, definition)];
  const [first] = instances;
  if (first === undefined) return undefined;
  const below = (path: string): number => {
    const prefix = path === '' ? '' : `${path}.`;
    const own = [...model.parameters.values()].filter((p) => !p.buffer && p.path.startsWith(prefix));
    return own.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  };
  const sizes = new Set(instances.map(below));
  if (sizes.size > 1) return `${instances.length} instances, ${count(below(first))} parameters in \`${first}\``;
  const more = instances.length > 1 ? ` in each of ${instances.length} instances, as in \`${first}\`` : '';
  return `${count(below(first))} parameters${more}`;
}

/** Paths of the instances that a module, the model or a submodule stands for. */
function* instancesOf(model: Model, definition: Definition): Iterable<string> {
  const same = (span: Definition['span']): boolean =>
    span.source.path === definition.span.source.path && span.start === definition.span.start;
  for (const instance of model.instances) {
    if (definition.kind !== 'submodule') {
      if (same(instance.declaration.name.span)) yield instance.path;
      continue;
    }
    const member = instance.declaration.members.find((m) => m.kind === 'submodule' && same(m.name.span));
    if (member?.kind === 'submodule')
      yield instance.path === '' ? member.name.text : `${instance.path}.${member.name.text}`;
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function builtin(view: View, offset: number): Hover | undefined {
  const { text } = view.now;
  const start = /\w*$/.exec(text.slice(Math.max(0, offset - 100), offset))![0].length;
  const end = /^\w*/.exec(text.slice(offset, offset + 100))![0].length;
  const found = BUILTINS.get(text.slice(offset - start, offset + end));
  if (!found) return undefined;
  const value = `\`\`\`mdl\n${found.name}(${found.parameters.join(', ')})\n\`\`\`\n\n${found.doc}`;
  const range = rangeOf({ source: view.now, start: offset - start, end: offset + end });
  return { contents: { kind: 'markdown', value }, range };
}
