/** From a name to its declaration, to its other places, and to another name. */
import type { Location, Range, TextEdit } from 'vscode-languageserver';
import type { Definition } from '../check/binding.ts';
import { rename as renamed } from '../check/rename.ts';
import type { Span } from '../diagnostics/span.ts';
import { rangeOf } from './places.ts';
import type { View } from './view.ts';

/** The URI of a file of the program. */
type UriOf = (path: string) => string;

export function definition(view: View, offset: number, uriOf: UriOf): Location | undefined {
  const before = view.toBefore(offset);
  if (before === undefined) return undefined;
  const imported = importedFile(view, before);
  if (imported !== undefined) {
    const start = { line: 0, character: 0 };
    return { uri: uriOf(imported), range: { start, end: start } };
  }
  const found = view.names.at(view.path, before)?.definition;
  return found && locationOf(view, origin(found).span, uriOf);
}

export function references(view: View, offset: number, uriOf: UriOf, declaration: boolean): Location[] {
  const before = view.toBefore(offset);
  const found = before === undefined ? undefined : view.names.at(view.path, before)?.definition;
  if (!found) return [];
  const { span } = found;
  const isDeclaration = (at: Span): boolean => at.source.path === span.source.path && at.start === span.start;
  return view.names
    .references(found)
    .filter((at) => declaration || !isDeclaration(at))
    .flatMap((at) => locationOf(view, at, uriOf) ?? []);
}

/** The name that would be renamed. */
export function renameable(view: View, offset: number): { range: Range; placeholder: string } | undefined {
  const before = view.toBefore(offset);
  const use = before === undefined ? undefined : view.names.at(view.path, before);
  const range = use && view.toNow(use.span);
  return range && { range, placeholder: view.before.text.slice(use.span.start, use.span.end) };
}

/** Edits by URI, or why there are none. */
export function rename(
  view: View,
  offset: number,
  to: string,
  uriOf: UriOf,
): { changes: Record<string, TextEdit[]> } | { refused: string } {
  if (view.before.text !== view.now.text) return { refused: 'the file does not parse: mend it first' };
  const found = view.names.at(view.path, offset)?.definition;
  if (!found) return { refused: 'there is no name here that can be changed' };
  const result = renamed(view.names, found, to);
  if ('refused' in result) return result;
  const changes: Record<string, TextEdit[]> = {};
  for (const { span, replacement } of result.edits) {
    const uri = uriOf(span.source.path);
    changes[uri] ??= [];
    changes[uri].push({ range: rangeOf(span), newText: replacement });
  }
  return { changes };
}

/** What an import's other name is a name for. */
function origin(definition: Definition): Definition {
  return definition.target ? origin(definition.target) : definition;
}

function locationOf(view: View, span: Span, uriOf: UriOf): Location | undefined {
  const range = span.source.path === view.path ? view.toNow(span) : rangeOf(span);
  return range && { uri: uriOf(span.source.path), range };
}

/** The path of a file whose name in an import stands at an offset. */
function importedFile(view: View, offset: number): string | undefined {
  for (const declaration of view.syntax.declarations) {
    if (declaration.kind !== 'import') continue;
    const { span, value } = declaration.from;
    if (offset < span.start || offset > span.end) continue;
    if (value === 'std' || value.startsWith('std/')) return `${value}.mdl`;
    const parts = view.path.split('/').slice(0, -1);
    for (const part of value.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '.') parts.push(part);
    }
    return parts.join('/');
  }
  return undefined;
}
