/** What nodes ask of their indices: 0 ≤ every element < size, or one other that is passed over. */
import type { Dim } from '../../shared/dim.ts';
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
  return graph.nodes.flatMap((node) => demandOf(graph, node) ?? []);
}

function demandOf(graph: Graph, node: AnyNode): Demand | undefined {
  const value = node.inputs[1]!;
  const shape = (operand: number) => typeOf(graph, node.inputs[operand]!).shape;
  switch (node.op) {
    case 'gather':
    case 'gather_elements':
    case 'scatter_add':
    case 'scatter_elements_add':
      return { node, value, size: shape(0)[node.attributes.axis]! };
    case 'rotary':
      return { node, value, size: node.attributes.max_positions };
    case 'cross_entropy':
      return { node, value, size: shape(0).at(-1)!, also: node.attributes.ignore_index };
    default:
      return undefined;
  }
}
