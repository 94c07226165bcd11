/** Classes of tokens as the compiler's own lexer and parser give them: what the grammars of editors are compared with. */
import type { CstElement, CstNode, IToken } from 'chevrotain';
import { parser } from '../../grammar/parser.ts';
import * as t from '../../grammar/tokens.ts';

/** Words that the parser reads as keywords, by offset. */
export function keywordsOf(text: string): Set<number> {
  const { cst } = parser.parse(t.mdlLexer.tokenize(text).tokens);
  const found = new Set<number>();
  const visit = (node: CstNode): void => {
    for (const [name, children] of Object.entries(node.children)) {
      for (const child of children as CstElement[]) {
        if ('children' in child) visit(child);
        else if (name.startsWith('Kw_')) found.add(child.startOffset);
      }
    }
  };
  visit(cst!);
  return found;
}

export function classOf({ tokenType, image, startOffset }: IToken, keywords: ReadonlySet<number>): string {
  const { name } = tokenType;
  if (tokenType === t.DocComment) return 'doc comment';
  if (tokenType === t.StringLiteral) return 'string';
  if (name.endsWith('Literal')) return 'number';
  if (keywords.has(startOffset)) return 'keyword';
  if (/^\w/.test(image)) return 'name';
  return /^[()[\]{},.:]$/.test(image) ? 'punctuation' : 'operator';
}

/** Every contextual word, as a name and as a keyword. */
export const CONTEXTUAL = `config model { model = 1, key = 2, on { from = 3 } }
module Entry(key, flag) {
  model = Linear(key, flag) key "a" | "b"
  update = Linear(key, flag)
  forward(x: [B, key]) -> [B, key] { let with = x /* model
    flag x */ update(with) |> model // entry run
  }
}
`;
