/** Every node of a syntax tree that has a kind, parents first. */
import type * as ast from '../syntax/ast.ts';

type Node = ast.Declaration | ast.Member | ast.Statement | ast.Expression;

export function walk(root: object, visit: (node: Node) => void): void {
  const stack: object[] = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if ('kind' in node) visit(node as Node);
    const children = Object.entries(node);
    for (let index = children.length - 1; index >= 0; index--) {
      const [key, child] = children[index] as [string, unknown];
      if (key !== 'span' && key !== 'source' && typeof child === 'object' && child !== null) stack.push(child);
    }
  }
}
