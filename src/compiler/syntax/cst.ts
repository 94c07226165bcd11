/** The concrete syntax tree as Chevrotain makes it: children by name, put back into the order of the text. */
import type { CstElement, CstNode, IToken } from 'chevrotain';

export function isToken(element: CstElement): element is IToken {
  return !('children' in element);
}

/** Offset of its first character. */
export function startOf(element: CstElement): number {
  return isToken(element) ? element.startOffset : element.location!.startOffset;
}

/** The tokens and nodes of a node in the order of the text, its doc comments left out. */
export function childrenOf({ children }: CstNode): CstElement[] {
  let all: CstElement[] = [];
  let names = 0;
  for (const name in children) {
    if (name === 'DocComment') continue;
    all = names++ === 0 ? children[name]!.slice() : all.concat(children[name]!);
  }
  // the children of one name are in order
  return names < 2 ? all : all.sort((a, b) => startOf(a) - startOf(b));
}
