/** Floating-point operations of a node as it is written, before any fusion: what its op's record says, else what its traits do. */
import { type Dim, productOf } from '../../shared/dim.ts';
import { ownFlops } from '../ir/facts.ts';
import { type AnyNode, type Graph, typeOf } from '../ir/graph.ts';
import { specOf } from '../ops/index.ts';

/** At the sizes of the graph's dims: a polynomial in them. */
export function flopsOf(graph: Graph, node: AnyNode): Dim {
  const own = ownFlops(node, (value) => typeOf(graph, value));
  if (own !== undefined) return own;
  const { pointwise, reduction, view } = specOf(node.op).traits;
  if (view) return 0;
  const [folded] = node.inputs;
  if (reduction && folded !== undefined) return productOf(typeOf(graph, folded).shape);
  return pointwise ? productOf(typeOf(graph, node.outputs[0]).shape) : 0;
}
