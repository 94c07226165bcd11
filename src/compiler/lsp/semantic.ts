/** Classes of tokens: by the lexer what words are, by the name table what names stand for. */
import { type SemanticTokens, SemanticTokensBuilder } from 'vscode-languageserver';
import { Identifier, mdlLexer } from '../../../grammar/tokens.ts';
import type { DefinitionKind } from '../check/binding.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import { BUILTINS } from '../elaborate/builtins/index.ts';
import { positionOf } from './places.ts';
import type { View } from './view.ts';

export const TOKEN_TYPES = [
  'keyword',
  'comment',
  'string',
  'number',
  'operator',
  'class',
  'function',
  'parameter',
  'variable',
  'property',
  'enumMember',
  'typeParameter',
  'namespace',
] as const;
export const TOKEN_MODIFIERS = ['declaration', 'defaultLibrary', 'documentation'] as const;
type Type = (typeof TOKEN_TYPES)[number];

const BY_KIND: Readonly<Record<DefinitionKind, Type>> = {
  module: 'class',
  model: 'class',
  adapter: 'class',
  function: 'function',
  flag: 'enumMember',
  config: 'namespace',
  'config field': 'property',
  stage: 'namespace',
  layout: 'namespace',
  entry: 'function',
  argument: 'parameter',
  let: 'variable',
  param: 'property',
  buffer: 'property',
  submodule: 'property',
  dimension: 'typeParameter',
  output: 'variable',
  import: 'class',
  base: 'class',
};

interface Piece {
  readonly start: number;
  readonly text: string;
  readonly type: Type;
  readonly modifiers: number;
}

/** @param view undefined of a file that never parsed: then names have no classes */
export function semanticTokens(source: SourceFile, view: View | undefined): SemanticTokens {
  const builder = new SemanticTokensBuilder();
  for (const { start, text, type, modifiers } of pieces(source, view).sort((a, b) => a.start - b.start)) {
    // a token is on one line
    let at = start;
    for (const line of text.split('\n')) {
      const { line: row, character } = positionOf(source, at);
      const length = line.replace(/\r$/, '').length;
      if (length > 0) builder.push(row, character, length, TOKEN_TYPES.indexOf(type), modifiers);
      at += line.length + 1;
    }
  }
  return builder.build();
}

function pieces(source: SourceFile, view: View | undefined): Piece[] {
  const { tokens } = mdlLexer.tokenize(source.text);
  const found: Piece[] = [];
  let end = 0;
  const comments = (to: number): void => {
    for (const match of source.text.slice(end, to).matchAll(/\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g))
      found.push({ start: end + match.index, text: match[0], type: 'comment', modifiers: 0 });
  };
  for (const { startOffset, endOffset, image, tokenType } of tokens) {
    comments(startOffset);
    end = endOffset! + 1;
    const add = (type: Type, modifiers = 0): void => {
      found.push({ start: startOffset, text: image, type, modifiers });
    };
    const { name } = tokenType;
    if (name === 'DocComment') add('comment', 4);
    else if (name === 'StringLiteral') add('string');
    else if (name.endsWith('Literal')) add('number');
    else if (tokenType !== Identifier && !(tokenType.CATEGORIES ?? []).includes(Identifier)) {
      if (name.startsWith('Kw_')) add('keyword');
      else if (!/^[()[\]{},.:]$/.test(image)) add('operator');
    } else {
      const named = classOf(view, startOffset, image);
      if (named) add(named.type, named.modifiers);
      else if (name.startsWith('Kw_')) add('keyword');
    }
  }
  comments(source.text.length);
  return found;
}

function classOf(view: View | undefined, offset: number, image: string): Pick<Piece, 'type' | 'modifiers'> | undefined {
  const before = view?.toBefore(offset);
  const use = before === undefined ? undefined : view!.names.at(view!.path, before);
  if (use && use.span.start === before) {
    const { kind, span, target } = use.definition;
    const declared = span.start === before && span.source.path === view!.path;
    return { type: BY_KIND[target?.kind ?? kind], modifiers: declared ? 1 : 0 };
  }
  return BUILTINS.has(image) ? { type: 'function', modifiers: 2 } : undefined;
}
