/**
 * Orders a training graph so that ONNX Runtime needs the least memory. Run it after all other passes.
 *
 * ONNX Runtime does not run nodes in the order of the file: it starts at the nodes whose results no other node reads and
 * walks up their operands, each time the one that is last in the file first. As `differentiate` writes them, the last is the
 * gradient of the first layer, which needs the whole chain of gradients; every other weight gradient then waits for its turn
 * and keeps its operands alive, so recomputation saves nothing.
 *
 * So the nodes are written output by output, those computed last first: all that the first layer's gradient needs, then what
 * only the second layer's needs, and so on. The walk then takes the last layer's weight gradients first, and finishes
 * each layer before the one below it starts. Where all gradients meet again in one node (statistics), the operands of that
 * node are walked the same way.
 *
 *   dh₂, dW₂, dh₁, dW₁, dh₀    →    dh₂, dh₁, dh₀, dW₁, dW₂    run as dh₂ dW₂ dh₁ dW₁ dh₀
 */
import type { AnyNode, Graph, ValueId } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';

/** The same graph, values and outputs, in another order of nodes; nodes that serve no output stay at the end. */
export function lastLayerFirst(graph: Graph): Graph {
  const position = new Map<ValueId, number>();
  for (const [at, { outputs }] of graph.nodes.entries()) for (const value of outputs) position.set(value, at);

  const placed = new Set<number>();
  const nodes: AnyNode[] = [];
  /** Everything from `from` down to 0 that `value` needs and that is not placed yet, in the old order. */
  const place = (value: ValueId): void => {
    const from = position.get(value);
    if (from === undefined) return;
    const needed = new Set([from]);
    const mine: number[] = [];
    for (let at = from; at >= 0; at--) {
      if (!needed.has(at) || placed.has(at)) continue;
      mine.push(at);
      for (const operand of graph.nodes[at]!.inputs) {
        const made = position.get(operand);
        if (made !== undefined) needed.add(made);
      }
    }
    for (const at of mine.reverse()) {
      placed.add(at);
      nodes.push(graph.nodes[at]!);
    }
  };
  const ends = graph.outputs.map(({ value }) => value);
  for (const value of ends.sort((a, b) => (position.get(b) ?? -1) - (position.get(a) ?? -1))) place(value);
  return made({ ...graph, nodes: [...nodes, ...graph.nodes.filter((_, at) => !placed.has(at))] });
}
