/**
 * Where a kernel reads a value: its expressions are written once with the coordinates of its space as names, and whoever
 * asks for the value is noted. What fusion knows of access patterns is what the emitter will write.
 */

import type { Shape } from '../../../../shared/dim.ts';
import type { AnyNode, Node } from '../../../ir/graph.ts';
import { typeOf, type ValueId } from '../../../ir/graph.ts';
import type { Kernel } from '../kernel.ts';
import { type BufferLayout, sliceIn } from '../plan/buffer.ts';
import { Block } from '../text/block.ts';
import { KernelCode } from '../text/code.ts';
import { Evaluator, type GraphFacts } from '../text/evaluator.ts';
import { axis, type Index, keyOf } from '../text/expr.ts';
import { type Expression, variable } from '../text/expression.ts';
import type { Storage } from '../text/input.ts';
import { contiguous } from '../text/layout.ts';
import { Name } from '../text/name.ts';
import { REDUCTIONS, type ReduceOp, type ReduceRule } from '../text/reduce.ts';
import { SCALAR_TYPES } from '../text/scalar.ts';

/** Axes c0, c1 … of a kernel's space. */
export const spaceAxes = (shape: Shape): Index[] => shape.map((dim, n) => axis(`c${n}`, dim));

/**
 * Coordinates of a value, over axes c0, c1 … of the kernel's space and j0, j1 … of a fold's domain.
 * @param isApart whether a value is in some buffer, because this kernel does not compute it
 */
export function accesses(
  facts: GraphFacts,
  kernel: Kernel,
  value: ValueId,
  isApart: (value: ValueId) => boolean,
): readonly (readonly Index[])[] {
  const found: (readonly Index[])[] = [];
  const code = new KernelCode();
  const evaluator = new Evaluator(code, facts, NOWHERE);
  evaluator.standIn = (other, coordinates) => {
    if (!liesInBuffer(facts, other, isApart)) return undefined;
    // by its place: what is read there may be a coordinate
    return elementNamed(facts, `%${other}[${keyOf(coordinates)}]`, other);
  };
  evaluator.watch = (asked, coordinates) => {
    if (asked === value) found.push(coordinates);
  };
  const known = elementNamed(facts, 'known', value);
  evaluator.know(value, () => known);
  const own = spaceAxes(kernel.shape);
  const block = new Block(code);
  // a reduction gives one number per row; its own reads count too, at the places of its domain
  const places = new Map<AnyNode, readonly Index[]>();
  for (const reduction of kernel.reductions) {
    evaluator.know(reduction.outputs[0]!, (coordinates) => {
      if (!places.has(reduction)) places.set(reduction, coordinates);
      return elementNamed(facts, 'folded', reduction.outputs[0]!);
    });
  }
  for (const { value: root } of kernel.outputs) evaluator.element(block, root, own);
  // the last reduction reads those before it
  for (const reduction of kernel.reductions.toReversed()) {
    probeReduction(facts, evaluator, reduction as Node<ReduceOp>, places.get(reduction) ?? own);
  }
  return found;
}

/** What stands for an element that is not looked into. */
const elementNamed = ({ graph }: GraphFacts, hint: string, value: ValueId): Expression =>
  variable(new Name(hint), SCALAR_TYPES[typeOf(graph, value).dtype]);

/** No address is asked for. */
const NOWHERE: Storage = { stored: () => undefined };

/** Whether a value, or the flat tensor that it is a slice of, is in a buffer. */
function liesInBuffer({ graph, producers }: GraphFacts, value: ValueId, isApart: (value: ValueId) => boolean): boolean {
  if (isApart(value)) return true;
  if (producers.get(value)?.op !== 'slice') return false;
  const at = (buffer: ValueId): { readonly layout: BufferLayout } | undefined =>
    isApart(buffer) ? { layout: contiguous(typeOf(graph, buffer).shape) } : undefined;
  return sliceIn(value, { producers, typeOf: (other) => typeOf(graph, other) }, at) !== undefined;
}

function probeReduction(
  { graph }: GraphFacts,
  evaluator: Evaluator,
  reduction: Node<ReduceOp>,
  coordinates: readonly Index[],
): void {
  const rule = REDUCTIONS[reduction.op] as ReduceRule<ReduceOp>;
  const block = new Block(evaluator.code);
  const types = reduction.inputs.map((operand) => typeOf(graph, operand));
  const context = {
    block,
    node: reduction,
    types,
    outputType: typeOf(graph, reduction.outputs[0]),
    coordinates,
    element: (operand: number, at: readonly Index[]) => evaluator.element(block, reduction.inputs[operand]!, at),
  };
  const at = rule.domain(reduction, types, context.outputType).map((dim, n) => axis(`j${n}`, dim));
  rule.body(context, at);
  rule.finish?.(context, variable(new Name('folded'), SCALAR_TYPES[context.outputType.dtype]));
}
