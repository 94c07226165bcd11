/** From an element that a template makes to the point of its kernel's space that reads it: how epilogues find their place. */
import { equalShapes } from '../../../../shared/dim.ts';
import { type AnyNode, typeOf, type ValueId } from '../../../ir/graph.ts';
import { isContraction, type KernelOutput } from '../kernel.ts';
import { type Index, keyOf, reshapeCoordinates } from './expr.ts';
import type { ValueFacts } from './input.ts';
import { isReduction } from './reduce.ts';
import { isPointwise } from './scalar.ts';

/** Values that a kernel writes. */
interface Written {
  readonly outputs: readonly Pick<KernelOutput, 'value' | 'auxiliary'>[];
}

/**
 * Coordinates in a kernel's space of the point that reads the element of `value` at `start`: forward through pointwise
 * ops of the same shape and views that are one to one. Undefined when some element would be read elsewhere or twice.
 */
export function forwardCoordinates(
  facts: ValueFacts,
  kernel: Written,
  value: ValueId,
  start: readonly Index[],
  isStored: (value: ValueId) => boolean,
): readonly Index[] | undefined {
  const { graph } = facts;
  const at = new Map<ValueId, readonly Index[]>([[value, start]]);
  const roots = new Set(kernel.outputs.flatMap((output) => (output.auxiliary ? [] : [output.value])));
  const [root] = [...roots] as [ValueId];
  const inside = insideOf(facts, kernel, isStored);
  for (const node of inside) {
    const from = node.inputs.filter((operand) => at.has(operand));
    if (from.length === 0) continue;
    const texts = new Set(from.map((operand) => keyOf(at.get(operand)!)));
    if (texts.size !== 1) return undefined;
    const operand = from[0]!;
    const shapes = [typeOf(graph, operand).shape, typeOf(graph, node.outputs[0]!).shape] as const;
    const coordinates = at.get(operand)!;
    if (isPointwise(node.op) && equalShapes(...shapes)) at.set(node.outputs[0]!, coordinates);
    else if (node.op === 'reshape') {
      at.set(node.outputs[0]!, reshapeCoordinates(coordinates, shapes[0], shapes[1]));
    } else if (node.op === 'transpose') {
      const { permutation } = node.attributes;
      at.set(
        node.outputs[0]!,
        permutation.map((axis) => coordinates[axis]!),
      );
    } else if (node.op === 'barrier' || node.op === 'stop_gradient') at.set(node.outputs[0]!, coordinates);
    else return undefined;
  }
  const found = at.get(root);
  const keyAt = (value: ValueId): string | undefined => {
    const own = at.get(value);
    return own && keyOf(own);
  };
  return [...roots].every((other) => keyAt(other) === keyAt(root)) ? found : undefined;
}

/** Nodes that a kernel computes, in the graph's order. */
function insideOf(facts: ValueFacts, kernel: Written, isStored: (value: ValueId) => boolean): AnyNode[] {
  const own = new Set(kernel.outputs.map(({ value }) => value));
  const seen = new Set<AnyNode>();
  const open = [...own];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = facts.producers.get(value);
    if (!node || seen.has(node) || isContraction(node, facts.graph.types) || isReduction(node.op)) continue;
    if (isStored(value) && !own.has(value)) continue;
    seen.add(node);
    open.push(...node.inputs);
  }
  return [...seen].sort((a, b) => facts.order.get(a)! - facts.order.get(b)!);
}
