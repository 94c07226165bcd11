/**
 * Takes out what only differentiation reads: the result of a body with a `backward` clause is the body's. The clause is left
 * without users, for dce. A graph that is still to be differentiated leaves this pass out.
 *
 *   %2 = round(%0)                                   %2 = round(%0)
 *   %3 = upstream_gradient(call=0)            →      %3 = upstream_gradient(call=0)
 *   %4 = with_gradient(%2, %0, %3, call=0)           output y = %2
 *   output y = %4
 */
import type { Graph } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';

export function writtenGradients(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === 'with_gradient')) return graph;
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (node.op === 'with_gradient') rewriter.replace(node.outputs[0], rewriter.valueOf(node.inputs[0]));
    else rewriter.copy(node);
  }
  return rewriter.finish();
}
