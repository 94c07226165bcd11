/**
 * Reverse-mode differentiation of a traced graph: the result computes the original outputs and, as
 * `gradient.<key>`, the derivative of one scalar output with respect to each trained parameter.
 *
 * Only values on a path from something trained to the output get a gradient, so a frozen branch that trains nothing
 * leaves no backward node and keeps nothing alive. A value with several users gets the sum of what they send back, in
 * reverse order of the users. Backward nodes carry the origin of the forward node they differentiate (origin.ts).
 *
 *   %0 = param w                       %0 = param w
 *   %1 = tanh(%0)                      %1 = tanh(%0)
 *   output loss = %1          →        %2 = const f32[]: 1
 *                                      %3 = mul(%1, %1)                %4 = sub(%2, %3)    @ (gradient)
 *                                      %5 = mul(%2, %4)
 *                                      output loss = %1                output gradient.w = %5
 */
import { printShape } from '../../../shared/dim.ts';
import { GraphBuilder } from '../../ir/builder.ts';
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts';
import { typeOf } from '../../ir/graph.ts';
import { describeNode } from '../../ir/print.ts';
import type { OpName } from '../../ops/attributes.ts';
import { mapResults } from '../../ops/declare.ts';
import { mapOperands } from '../../ops/operands.ts';
import { Clauses, differentiableOperands } from './clauses.ts';
import { copyNode, copySources } from './copy.ts';
import { Emit } from './emit.ts';
import { GRADIENTS } from './gradients.ts';
import { gradientOrigin } from './origin.ts';
import type { OperandGradient } from './rule.ts';

export { lastLayerFirst } from './last-layer-first.ts';
export { isBackward } from './origin.ts';
export { type RecomputeRequest, recompute } from './recompute.ts';
export { type SavedActivation, type SavedActivations, savedActivations } from './saved.ts';

export interface GradientRequest {
  /** An f32 scalar output of the graph. */
  readonly output: string;
  /** Keys of the parameters that train. */
  readonly parameters: ReadonlySet<string>;
  /** Inputs of the graph that get a gradient too. */
  readonly inputs?: ReadonlySet<string>;
  /**
   * true: attention's gradients are one attention_grad node, for a target with a kernel for it; else plain ops, of which
   * only those that are needed are written.
   */
  readonly fusedAttention?: boolean;
}

/** What gets a gradient: a parameter by key or an input by name. */
interface Wanted {
  readonly name: string;
  readonly value: ValueId;
}

/**
 * The graph with `gradient.<key>` outputs, in the graph's order of parameters, then of inputs. What the output does
 * not depend on gets zeros.
 *
 * @throws Error when the output does not exist or is no f32 scalar; when a key or an input is not in the
 * graph or not f32; when an op on the path has no derivative
 */
export function differentiate(graph: Graph, request: GradientRequest): Graph {
  const output = scalarOutput(graph, request.output);
  const wanted = wantedOf(graph, request);
  const clauses = new Clauses(graph);
  const path = valuesOnPath(graph, clauses, output, wanted);

  const builder = new GraphBuilder(graph.name);
  const emit = new Emit(builder, { fusedAttention: request.fusedAttention ?? false });
  for (const requirement of graph.requires) builder.require(requirement);
  const values = copySources(graph, builder, emit);
  const newOf = (old: ValueId): ValueId => values.get(old)!;
  for (const node of graph.nodes) {
    if (clauses.own(node)) continue;
    if (node.op === 'with_gradient') {
      values.set(node.outputs[0], newOf(node.inputs[0]));
      continue;
    }
    const made = copyNode(builder, node, mapOperands<OpName, ValueId, ValueId>(node.op, node.inputs, newOf));
    for (const [index, value] of node.outputs.entries()) values.set(value, made[index]!);
  }

  /** dL/d(value), by old value; complete once every user of the value has been visited */
  const gradients = new Map<ValueId, ValueId>();
  if (path.has(output)) gradients.set(output, emit.expand(emit.scalar(1), typeOf(graph, output).shape));
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => gradients.has(value))) continue;
    const operands = differentiableOperands(node).filter((operand) => path.has(node.inputs[operand]!));
    if (operands.length === 0) continue;
    emit.from(gradientOrigin(node.origin));
    const upstream = (output = 0): ValueId =>
      gradients.get(node.outputs[output]!) ?? emit.zeros(typeOf(graph, node.outputs[output]!).shape);
    const written = node.op === 'with_gradient' ? clauses.write(builder, node, upstream, newOf) : newOf;
    const rules = derivativesOf(emit, node, newOf, upstream, (operand) => written(node.inputs[operand]!));
    for (const operand of operands) {
      const value = node.inputs[operand]!;
      const gradient = rules[operand];
      if (!gradient) throw new Error(`${describeNode(node)} has no gradient for its operand ${operand}`);
      const sent = emit.sumTo(gradient(), typeOf(graph, value).shape);
      const before = gradients.get(value);
      gradients.set(value, before === undefined ? sent : emit.add(before, sent));
    }
  }

  for (const { name, value } of graph.outputs) builder.output(name, newOf(value));
  emit.from({ path: '(gradient)' });
  for (const { name, value } of wanted) {
    builder.output(`gradient.${name}`, gradients.get(value) ?? emit.zeros(typeOf(graph, value).shape));
  }
  return builder.build();
}

/**
 * The trained parameters (and inputs) that the output does not depend on, by key: their gradients are zeros.
 * @throws Error as `differentiate`
 */
export function unreached(graph: Graph, request: GradientRequest): string[] {
  const wanted = wantedOf(graph, request);
  const path = valuesOnPath(graph, new Clauses(graph), scalarOutput(graph, request.output), wanted);
  return wanted.filter(({ value }) => !path.has(value)).map(({ name }) => name);
}

function derivativesOf<N extends OpName>(
  emit: Emit,
  node: AnyNode & Node<N>,
  newOf: (old: ValueId) => ValueId,
  upstream: (output?: number) => ValueId,
  written: (operand: number) => ValueId,
): readonly OperandGradient[] {
  const rule = GRADIENTS[node.op as N];
  if (typeof rule !== 'function') throw new Error(`${describeNode(node)} is not differentiable: ${rule.because}`);
  const inputs = mapOperands<N, ValueId, ValueId>(node.op, node.inputs, newOf);
  const outputs = mapResults(node.outputs, newOf);
  return rule({ emit, inputs, outputs, attributes: node.attributes, upstream, written });
}

function scalarOutput(graph: Graph, name: string): ValueId {
  const output = graph.outputs.find((candidate) => candidate.name === name);
  if (!output) {
    const names = graph.outputs.map((candidate) => candidate.name).join(', ');
    throw new Error(`graph ${graph.name} has no output ${name}: its outputs are ${names}`);
  }
  const { dtype, shape } = typeOf(graph, output.value);
  if (dtype === 'f32' && shape.every((dim) => dim === 1)) return output.value;
  throw new Error(`gradients are of an f32 scalar, and output ${name} is ${dtype}${printShape(shape)}`);
}

function wantedOf(graph: Graph, { parameters, inputs = new Set() }: GradientRequest): Wanted[] {
  const wanted = [
    ...graph.parameters.filter(({ key }) => parameters.has(key)).map(({ key, value }) => ({ name: key, value })),
    ...graph.inputs.filter(({ name }) => inputs.has(name)),
  ];
  const found = new Set(wanted.map(({ name }) => name));
  for (const [what, names] of [['parameter', parameters] as const, ['input', inputs] as const]) {
    for (const name of names) if (!found.has(name)) throw new Error(`graph ${graph.name} has no ${what} ${name}`);
  }
  for (const { name, value } of wanted) {
    const { dtype } = typeOf(graph, value);
    if (dtype !== 'f32') throw new Error(`${name} is ${dtype}, and only f32 has a gradient`);
  }
  return wanted;
}

/** The f32 values that depend on something wanted and that the output depends on. */
function valuesOnPath(
  graph: Graph,
  clauses: Clauses,
  output: ValueId,
  wanted: readonly Wanted[],
): ReadonlySet<ValueId> {
  const moved = new Set(wanted.map(({ value }) => value));
  const forward = graph.nodes
    .filter((node) => !clauses.own(node))
    .map((node) => ({ ...node, inputs: differentiableOperands(node).map((operand) => node.inputs[operand]!) }));
  for (const { inputs, outputs } of forward) {
    if (!inputs.some((value) => moved.has(value))) continue;
    for (const value of outputs) if (typeOf(graph, value).dtype === 'f32') moved.add(value);
  }
  const path = new Set(moved.has(output) ? [output] : []);
  for (const { inputs, outputs } of forward.toReversed()) {
    if (!outputs.some((value) => path.has(value))) continue;
    for (const value of inputs) if (moved.has(value)) path.add(value);
  }
  return path;
}
