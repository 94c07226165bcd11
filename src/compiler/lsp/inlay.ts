/** Shapes beside what has them: after the names of a `let` and after each `|>` step. */
import type { InlayHint, Range } from 'vscode-languageserver';
import type * as ast from '../syntax/ast.ts';
import { offsetOf, positionOf } from './places.ts';
import type { View } from './view.ts';
import { walk } from './walk.ts';

export function inlayHints(view: View, range: Range): InlayHint[] {
  const from = offsetOf(view.now, range.start);
  const to = offsetOf(view.now, range.end);
  const hints: InlayHint[] = [];
  const add = (at: ast.Name['span'], end: number, prefix: string): void => {
    const fact = view.analysis.facts.at(at);
    const place = view.toNow({ ...at, start: end, end })?.start;
    if (!fact?.tensor || !place) return;
    const offset = offsetOf(view.now, place);
    if (offset < from || offset > to) return;
    hints.push({ position: positionOf(view.now, offset), label: `${prefix}${fact.text}`, paddingLeft: prefix === '' });
  };
  /** the value of a let is told after its name */
  const told = new Set<ast.Expression>();
  walk(view.syntax.declarations, (node) => {
    if (node.kind === 'let' || node.kind === 'assign') {
      told.add(node.value);
      const names = node.kind === 'let' ? node.names : [node.name];
      for (const { span } of names) add(span, span.end, ': ');
    } else if (node.kind === 'call' && node.piped && !told.has(node)) add(node.span, node.span.end, '');
  });
  return hints.sort((a, b) => a.position.line - b.position.line || a.position.character - b.position.character);
}
