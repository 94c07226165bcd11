/** Copies a graph into a builder, so that passes can add nodes and outputs to it. */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { AnyNode, Graph, Node, Origin, ValueId } from '../../ir/graph.ts';
import { typeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ops/attributes.ts';
import type { Results } from '../../ops/declare.ts';
import type { Emit } from './emit.ts';

/** Adds the node over other inputs and returns its outputs. */
export function copyNode(
  builder: GraphBuilder,
  node: AnyNode,
  inputs: AnyNode['inputs'],
  origin: Origin = node.origin,
): Results<ValueId> {
  const { op, attributes } = node as unknown as Node<OpName>;
  return builder.nodeOutputs(op, inputs, attributes, origin);
}

/** Inputs, parameters and constants of the graph in the builder: new value by old. */
export function copySources(graph: Graph, builder: GraphBuilder, emit: Emit): Map<ValueId, ValueId> {
  const values = new Map<ValueId, ValueId>();
  for (const { name, value } of graph.inputs) {
    const { dtype, shape } = typeOf(graph, value);
    values.set(value, builder.input(name, dtype, shape));
  }
  for (const { key, value } of graph.parameters) {
    const { dtype, shape } = typeOf(graph, value);
    values.set(value, builder.parameter(key, dtype, shape));
  }
  for (const { value, tensor } of graph.constants) values.set(value, emit.constant(tensor));
  return values;
}
