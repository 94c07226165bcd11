/** Renaming a declaration: every place that has to change, or why it cannot be done. */
import type { Span } from '../diagnostics/span.ts';
import { RESERVED_WORDS } from '../syntax/parse.ts';
import type { Definition } from './binding.ts';
import type { NameTable } from './name-table.ts';
import { isStd } from './references.ts';

export interface Edit {
  readonly span: Span;
  readonly replacement: string;
}

export type Renamed = { readonly edits: readonly Edit[] } | { readonly refused: string };

/** Renames a definition of a program without errors in all of its files. */
export function rename(table: NameTable, definition: Definition, to: string): Renamed {
  const places = table.references(definition).filter(({ source, start, end }) => {
    // `base` also marks the module that is adapted, and an alias the name that it stands for
    return source.text.slice(start, end) === definition.name;
  });
  const refused = refusal(table, definition, to, places);
  return refused === undefined ? { edits: places.map((span) => ({ span, replacement: to })) } : { refused };
}

function refusal(
  table: NameTable,
  { kind, name, span }: Definition,
  to: string,
  places: readonly Span[],
): string | undefined {
  if (isStd(span.source.path)) return `${name} belongs to the standard library`;
  if (kind === 'base') return 'what an adapter adapts is always called base';
  if (kind === 'param' || kind === 'buffer' || kind === 'submodule')
    return `${name} is part of checkpoint keys and of patterns that name them: give it another name and \`key "${name}"\` by hand`;
  if (!/^[A-Za-z_]\w*$/.test(to)) return `${JSON.stringify(to)} is no name: one is made of letters, digits and _`;
  if (RESERVED_WORDS.has(to) || table.builtins.has(to)) return `${to} is a word of the language or a built-in function`;
  if (kind === 'dimension' && !/^[A-Z]/.test(to)) return `${name} is a dimension, and those start with a capital`;
  const unclear = table.open.find(({ text }) => text === name);
  if (unclear) return `what ${name} stands for is not known in ${unclear.span.source.path}`;
  // whether the new name would be hidden by another, or hide it, is not asked: it must be new where it is used
  for (const path of new Set(places.map(({ source }) => source.path))) {
    const taken = table.namesIn(path).some(({ span: { source, start, end } }) => source.text.slice(start, end) === to);
    if (taken || table.open.some(({ text, span: at }) => text === to && at.source.path === path))
      return `${path} has a name ${to} already`;
  }
  return undefined;
}
