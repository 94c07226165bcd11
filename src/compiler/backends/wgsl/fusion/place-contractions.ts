/**
 * Which kernel does a product or an attention: one of its own, which takes what is computed from its result as its epilogue
 * where each point of that needs one element of it.
 */
import { productOf } from '../../../../shared/dim.ts';
import { type AnyNode, type Node, typeOf, type ValueId } from '../../../ir/graph.ts';
import { gradientOperands } from '../dialect.ts';
import type { AttentionPass, Kernel } from '../kernel.ts';
import { aligned, viewed } from '../text/evaluator.ts';
import { axis, delinearise, type Index, isAffine, linearise } from '../text/expr.ts';
import { isView } from '../text/inline.ts';
import { spaceAxes } from './accesses.ts';
import type { FusionState } from './state.ts';

export function placeContraction(state: FusionState, node: AnyNode, order: number): void {
  const value = node.outputs[0];
  const readers = state.order.readersOf(value);
  // the kernel takes no epilogue that needs what is computed from its second result
  const auxiliary = node.outputs.flatMap((other) => state.auxiliary.get(other) ?? []);
  const free = (host: Kernel): boolean =>
    auxiliary.every(({ into }) =>
      [...state.order.readersOf(into)].every((reader) => !state.order.reaches(reader, host)),
    );
  let kernel: Kernel | undefined;
  if (!state.mustStore(value) && readers.size === 1) {
    const [reader] = readers as unknown as [Kernel];
    const busy = reader.contraction !== undefined || reader.reductions.length > 0;
    if (!busy && state.forward(reader, value) !== undefined && free(reader)) kernel = reader;
    else state.borders.add(value, busy ? 'reader has work of its own' : 'other elements');
  }
  if (!kernel) {
    state.stored.add(value);
    state.borders.add(value, 'several readers');
    const host = state.mergeTarget(value, node);
    if (host && free(host)) {
      state.order.takeOver(host, { value, into: value });
      kernel = host;
    } else kernel = state.kernel({ value, into: value }, order);
  }
  for (const output of auxiliary) state.order.takeOver(kernel, output);
  kernel.contraction = node as NonNullable<Kernel['contraction']>;
  const hasBias = node.op === 'linear' || node.op === 'conv2d';
  for (const [index, operand] of node.inputs.entries()) {
    // a mask and a bias are read once per result, with whatever is fused into them
    if (index > 2 || (hasBias && index === 2)) state.order.read(operand, kernel);
    else readStrided(state, node, operand, kernel);
  }
}

/** One kernel for what the others need of each query, one for dq, one for dk and dv, as far as they are wanted. */
export function placeAttentionGradient(state: FusionState, node: Node<'attention_grad'>, order: number): void {
  const [dq, dk, dv] = node.outputs as [ValueId, ValueId, ValueId];
  const { statistics, makesThem } = gradientOperands(node);
  const add = (pass: AttentionPass, values: readonly ValueId[]): void => {
    const outputs = values.map((value) => ({ value, into: value }));
    const { shape } = typeOf(state.graph, values[0]!);
    const kernel: Kernel = { outputs, shape, columns: 0, contraction: node, pass, reductions: [], order };
    state.order.add(kernel);
    for (const value of values) {
      state.stored.add(value);
      state.borders.add(value, 'gradients of attention');
    }
    if (pass !== 'statistics') state.order.read(statistics, kernel);
    for (const [index, operand] of node.inputs.entries()) {
      if (index < 4) readStrided(state, node, operand, kernel);
      else state.order.read(operand, kernel);
    }
  };
  if (state.isWanted(dq)) add('query', [dq]);
  if (state.isWanted(dk) || state.isWanted(dv)) add('key_value', [dk, dv]);
  if (makesThem) add('statistics', [statistics]);
}

/**
 * Templates load operands many times, so only views that are strides are folded into them. A GEMM needs its leading
 * axes to merge as well.
 */
function readStrided(state: FusionState, node: AnyNode, operand: ValueId, kernel: Kernel): void {
  state.order.read(operand, kernel);
  const { graph, facts } = state;
  const { shape } = typeOf(graph, operand);
  const leading = shape.slice(0, -1);
  let at: readonly Index[] =
    node.op === 'linear'
      ? [...delinearise(axis('m', productOf(leading)), leading), axis('k', shape.at(-1) ?? 1)]
      : spaceAxes(shape);
  let value = operand;
  for (;;) {
    const own = facts.producers.get(value);
    if (!own || !isView(own.op) || state.mustStore(value)) break;
    const [source] = own.inputs as [ValueId];
    at = aligned(viewed(graph, own, value, at), typeOf(graph, source).shape);
    value = source;
  }
  const stored = isAffine(linearise(at, typeOf(graph, value).shape)) ? value : operand;
  if (stored === value && state.leaves.has(value)) return;
  state.forced.add(stored);
  state.borders.add(stored, 'operand of a template');
}
