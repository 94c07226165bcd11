/**
 * Where a kernel reads a value: its expressions are written once with the coordinates of its space as names, and whoever
 * asks for the value is noted. What fusion knows of access patterns is what the emitter will write.
 */

import type { AnyNode, Node } from '../../../ir/graph.ts';
import { typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Kernel } from '../kernel.ts';
import { Block, KernelCode } from '../text/code.ts';
import { Evaluator, type GraphFacts } from '../text/evaluator.ts';
import type { Coordinate } from '../text/index-math.ts';
import { REDUCTIONS, type ReduceOp, type ReduceRule } from '../text/reduce.ts';
import { contiguous } from '../text/strided.ts';

/**
 * Coordinates of a value, as texts over c0, c1 … of the kernel's space and j0, j1 … of a fold's domain.
 * @param isApart whether a value is in some buffer, because this kernel does not compute it
 */
export function accesses(
  facts: GraphFacts,
  kernel: Kernel,
  value: ValueId,
  isApart: (value: ValueId) => boolean,
): readonly (readonly Coordinate[])[] {
  const { graph } = facts;
  const found: (readonly Coordinate[])[] = [];
  const code = new KernelCode();
  const evaluator = new Evaluator(code, facts, {
    stored: (other) =>
      isApart(other) ? { key: `%${other}`, element: 'f32', layout: contiguous(typeOf(graph, other).shape) } : undefined,
  });
  evaluator.watch = (asked, coordinates) => {
    if (asked === value) found.push(coordinates.map((text) => code.expanded(text)));
  };
  evaluator.know(value, () => 'known');
  const own = kernel.shape.map((dim, axis) => (dim === 1 ? '0u' : `c${axis}`));
  const block = new Block(code);
  // a phase gives one number per row; its own reads count too, at the places of its domain
  const places = new Map<AnyNode, readonly Coordinate[]>();
  for (const phase of kernel.phases) {
    evaluator.know(phase.outputs[0]!, (coordinates) => {
      if (!places.has(phase)) places.set(phase, coordinates);
      return 'folded';
    });
  }
  for (const { value: root } of kernel.outputs) evaluator.element(block, root, own);
  // the last phase reads those before it
  for (const phase of kernel.phases.toReversed()) {
    probePhase(facts, evaluator, phase as Node<ReduceOp>, places.get(phase) ?? own);
  }
  return found;
}

function probePhase(
  { graph }: GraphFacts,
  evaluator: Evaluator,
  phase: Node<ReduceOp>,
  coordinates: readonly Coordinate[],
): void {
  const rule = REDUCTIONS[phase.op] as ReduceRule<ReduceOp>;
  const block = new Block(evaluator.code);
  const types = phase.inputs.map((operand) => typeOf(graph, operand));
  const context = {
    block,
    node: phase,
    types,
    outputType: typeOf(graph, phase.outputs[0]!),
    coordinates,
    element: (operand: number, at: readonly Coordinate[]) => evaluator.element(block, phase.inputs[operand]!, at),
  };
  const at = rule.domain(phase, types, context.outputType).map((_, axis) => `j${axis}`);
  rule.body(context, at);
  rule.finish?.(context, 'folded');
}
