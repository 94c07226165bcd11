/** What nodes ask of their indices: 0 ≤ every element < size, or one other that is passed over. */
import type { Dim } from '../../shared/dim.ts';
import { indicesOf } from '../ir/facts.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';

export interface Demand {
  readonly node: AnyNode;
  /** i64 */
  readonly value: ValueId;
  readonly size: Dim;
  /** cross_entropy's ignore_index */
  readonly also?: number;
}

export function demandsOf(graph: Graph): Demand[] {
  return graph.nodes.flatMap((node) => {
    const asked = indicesOf(node, (value) => typeOf(graph, value));
    if (!asked) return [];
    const { operand, ...bounds } = asked;
    return [{ node, value: node.inputs[operand]!, ...bounds }];
  });
}
