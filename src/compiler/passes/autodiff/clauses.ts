/**
 * `backward` clauses of a graph: the nodes that are computed from an upstream_gradient. The forward part of a gradient graph is
 * made without them; they are copied where the gradient of their with_gradient is known, once for all of its operands.
 *
 *   %y = round(%x)                                       %1 = round(%0)
 *   %g = upstream_gradient(call=0)                       %2 = …          dL/d%r
 *   %d = clamp(%g, −1, 1)                         →      %3 = clamp(%2, −1, 1)
 *   %r = with_gradient(%y, %x, %d, call=0)               gradient.x = %3
 *
 * A clause may call bodies that have clauses of their own. Those have no part here: nothing is differentiated twice.
 */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts';
import { copyNode } from './copy.ts';
import { gradientOrigin } from './origin.ts';

/** Which operands of a node a gradient goes back to, if it goes back at all. */
export function differentiableOperands({ op, inputs }: AnyNode): readonly number[] {
  if (op === 'stop_gradient') return [];
  if (op !== 'with_gradient') return [...inputs.keys()];
  return Array.from({ length: (inputs.length - 1) / 2 }, (_, index) => index + 1);
}

/** The operands whose values make those of the result. */
const sourcesOf = ({ op, inputs }: AnyNode): readonly ValueId[] =>
  op === 'with_gradient' ? inputs.slice(0, 1) : inputs;

export class Clauses {
  /** nodes of clauses by what they make, with their places in the graph */
  private readonly makers = new Map<ValueId, { readonly node: AnyNode; readonly place: number }>();

  constructor({ nodes }: Graph) {
    for (const [place, node] of nodes.entries()) {
      if (node.op !== 'upstream_gradient' && !sourcesOf(node).some((value) => this.makers.has(value))) continue;
      for (const value of node.outputs) this.makers.set(value, { node, place });
    }
  }

  /** Whether the node belongs to a clause. */
  own({ outputs }: AnyNode): boolean {
    return outputs.some((value) => this.makers.has(value));
  }

  /**
   * Adds what one call's clause computes from the gradient that comes back to it.
   * @param newOf new values of those outside of the clause
   * @returns the new value of an operand of the call
   */
  write(
    builder: GraphBuilder,
    { attributes: { call } }: Node<'with_gradient'>,
    upstream: () => ValueId,
    newOf: (old: ValueId) => ValueId,
  ): (operand: ValueId) => ValueId {
    const made = new Map<ValueId, ValueId>();
    const latest = (old: ValueId): ValueId => made.get(old) ?? newOf(old);
    return (operand) => {
      for (const node of this.needed(operand, made)) {
        if (node.op === 'upstream_gradient' && node.attributes.call === call) made.set(node.outputs[0], upstream());
        else if (node.op === 'with_gradient') made.set(node.outputs[0], latest(node.inputs[0]));
        else {
          const outputs = copyNode(builder, node, node.inputs.map(latest), gradientOrigin(node.origin));
          for (const [index, value] of node.outputs.entries()) made.set(value, outputs[index]!);
        }
      }
      return latest(operand);
    };
  }

  /** The clause's nodes that make the value and are not copied yet, in the graph's order. */
  private needed(value: ValueId, made: ReadonlyMap<ValueId, ValueId>): AnyNode[] {
    const found = new Map<number, AnyNode>();
    const open = [value];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const maker = this.makers.get(next);
      if (!maker || made.has(next) || found.has(maker.place)) continue;
      found.set(maker.place, maker.node);
      open.push(...sourcesOf(maker.node));
    }
    return [...found].sort(([a], [b]) => a - b).map(([, node]) => node);
  }
}
