/**
 * Dead code elimination: drops nodes, parameters and constants that no output needs.
 *
 * Invariants: inputs stay (they are the entry's signature), outputs keep their order and names, the order
 * of what is kept does not change, and values are renumbered densely.
 *
 *   %0 = input x                       %0 = input x
 *   %1 = param unused                  %1 = exp(%0)
 *   %2 = exp(%0)              →        output y = %1
 *   %3 = log(%0)
 *   output y = %2
 */
import type { Graph, ValueId } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';

export function dce(graph: Graph): Graph {
  const live = new Set<ValueId>(graph.outputs.map(({ value }) => value));
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => live.has(value))) continue;
    for (const value of node.inputs) live.add(value);
  }
  const rewriter = new Rewriter(graph, {
    parameter: ({ value }) => live.has(value),
    constant: ({ value }) => live.has(value),
  });
  for (const node of graph.nodes) if (node.outputs.some((value) => live.has(value))) rewriter.copy(node);
  return rewriter.finish();
}
