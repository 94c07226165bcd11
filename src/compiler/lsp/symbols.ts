/** The outline of a file, and what of it can be folded. */
import { type DocumentSymbol, type FoldingRange, SymbolKind } from 'vscode-languageserver';
import { mdlLexer } from '../../../grammar/tokens.ts';
import { lineOf, type SourceFile, type Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { View } from './view.ts';

const KINDS: Readonly<Record<ast.Declaration['kind'] | ast.Member['kind'], SymbolKind>> = {
  import: SymbolKind.Namespace,
  flag: SymbolKind.Boolean,
  config: SymbolKind.Object,
  function: SymbolKind.Function,
  module: SymbolKind.Class,
  model: SymbolKind.Class,
  adapter: SymbolKind.Class,
  adapt: SymbolKind.Operator,
  quantise: SymbolKind.Operator,
  stage: SymbolKind.Event,
  recipe: SymbolKind.Object,
  layout: SymbolKind.Object,
  'let-member': SymbolKind.Constant,
  param: SymbolKind.Field,
  submodule: SymbolKind.Property,
  forward: SymbolKind.Method,
  entry: SymbolKind.Method,
  merge: SymbolKind.Method,
};

export function documentSymbols(view: View): DocumentSymbol[] {
  const symbolOf = (
    { kind, span }: { kind: keyof typeof KINDS; span: Span },
    name: string,
    at: Span,
    children: DocumentSymbol[] = [],
  ): DocumentSymbol[] => {
    const [range, selectionRange] = [view.toNow(span), view.toNow(at)];
    if (!range || !selectionRange) return [];
    return [{ name, detail: kind, kind: KINDS[kind], range, selectionRange, children }];
  };
  return view.syntax.declarations.flatMap((declaration) => {
    switch (declaration.kind) {
      case 'import':
        return symbolOf(declaration, declaration.from.value, declaration.from.span);
      case 'adapt':
        return symbolOf(declaration, declaration.patterns.map(({ text }) => text).join(', '), declaration.adapter.span);
      case 'quantise':
        return symbolOf(declaration, declaration.patterns.map(({ text }) => text).join(', '), declaration.as.span);
      case 'recipe':
        return symbolOf(declaration, declaration.recipe.value, declaration.recipe.span);
      case 'module':
      case 'model':
      case 'adapter': {
        const members = declaration.members.flatMap((member) =>
          'name' in member
            ? symbolOf(member, member.name.text, member.name.span)
            : symbolOf(member, 'forward', member.span),
        );
        return symbolOf(declaration, declaration.name.text, declaration.name.span, members);
      }
      default:
        return symbolOf(declaration, declaration.name.text, declaration.name.span);
    }
  });
}

/** Brackets over several lines, and comments of several lines. By tokens: a file need not parse. */
export function foldingRanges(source: SourceFile): FoldingRange[] {
  const ranges: FoldingRange[] = [];
  const open: number[] = [];
  for (const { image, startLine, startOffset } of mdlLexer.tokenize(source.text).tokens) {
    if ('([{'.includes(image)) open.push(startLine!);
    else if (')]}'.includes(image)) {
      const start = open.pop();
      const end = lineOf(source, startOffset) - 1;
      if (start !== undefined && end > start) ranges.push({ startLine: start - 1, endLine: end - 1 });
    }
  }
  for (const match of source.text.matchAll(/^[ \t]*\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)+/gm)) {
    const startLine = lineOf(source, match.index) - 1;
    ranges.push({ startLine, endLine: lineOf(source, match.index + match[0].length) - 1, kind: 'comment' });
  }
  return ranges;
}
