/** What a layout may not change, read off a text: its tokens, its comments and where they stand, its tree. */
import { mdlLexer } from '../../grammar/tokens.ts';
import { DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { createSource } from '../../src/compiler/diagnostics/span.ts';
import type { FileSyntax } from '../../src/compiler/syntax/ast.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';

/** The tree of a text that parses, without places; undefined of one that does not. */
export function treeOf(text: string): unknown {
  const bag = new DiagnosticBag();
  const file: FileSyntax | undefined = parseFile(createSource('a.mdl', text), bag);
  if (!file || bag.hasErrors) return undefined;
  return JSON.parse(
    JSON.stringify(file.declarations, (key, value: unknown) => (key === 'span' ? undefined : value)),
  ) as unknown;
}

/** Tokens but commas, and comments, in order: a comment that moves past a token is seen. */
export function sequenceOf(text: string): string[] {
  const found: string[] = [];
  const { tokens } = mdlLexer.tokenize(text);
  let end = 0;
  for (const { startOffset, endOffset, image } of tokens) {
    found.push(...commentsIn(text.slice(end, startOffset)));
    if (image !== ',') found.push(image.trimEnd());
    end = endOffset! + 1;
  }
  return [...found, ...commentsIn(text.slice(end))];
}

function commentsIn(gap: string): string[] {
  const found = gap.match(/\/\/[^\n\r]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//g) ?? [];
  return found.map((comment) => comment.replace(/\r\n?/g, '\n').trimEnd());
}

/** The numbered line comments that have code before them on their line. */
export function trailingOf(text: string): string[] {
  return [...text.matchAll(/^[ \t]*[^\s/][^\n]*(\/\/ c\d+)$/gm)].map((match) => match[1]!);
}
