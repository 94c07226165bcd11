/** The scalars of a loss entry: what training logs and validation averages. */
import type { NodeSink } from '../ir/editor.ts';
import { type Graph, type GraphOutput, typeOf, type ValueId } from '../ir/graph.ts';

/** Outputs of shape [] that are numbers, in the order of the entry. */
export function scalarsOf(graph: Graph): readonly GraphOutput[] {
  return graph.outputs.filter(({ value }) => {
    const { dtype, shape } = typeOf(graph, value);
    return shape.length === 0 && dtype !== 'bool';
  });
}

/** A number as f32. */
export function asFloat(b: NodeSink, value: ValueId): ValueId {
  return b.typeOf(value).dtype === 'f32' ? value : b.node('cast', [value], { to: 'f32' });
}
