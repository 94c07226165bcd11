/**
 * The entries of a model as one graph, the way other programs want it: `onnx/model.onnx`.
 *
 *     embed_tokens(input_ids) → inputs_embeds ┐
 *     decode(inputs_embeds, attention_mask, …) → logits, present ┘   one graph: input_ids, attention_mask, … → logits, present
 *
 * Only ports decide. Inputs of one name are one input; an output that another entry takes as an input flows into it and leaves
 * the graph no more; all other outputs stay. What entries compute alike is computed once.
 */
import { equalShapes, printDim, symbolsOf } from '../../shared/dim.ts';
import type { AnyNode, Graph, GraphInput, GraphOutput, TensorType, ValueId } from '../ir/graph.ts';
import { typeOf } from '../ir/graph.ts';
import { made } from '../ir/made.ts';
import { printType } from '../ops/rules.ts';
import { cse } from '../passes/cse.ts';
import { dce } from '../passes/dce.ts';

/** The one graph, or why there is none. */
export type Joined = { readonly graph: Graph } | { readonly reason: string };

/** @param graphs of entries, with the outputs that they were written with */
export function joinEntries(name: string, graphs: readonly Graph[]): Joined {
  const reason = unlike(graphs) ?? twice(graphs) ?? apart(graphs);
  if (reason !== undefined) return { reason };
  const order = inOrder(graphs);
  if (!order) return { reason: `${graphs.map((graph) => graph.name).join(' and ')} take each other's outputs` };
  return { graph: dce(cse(merged(name, order))) };
}

const ports = (graph: Graph): readonly (GraphInput & { readonly type: TensorType })[] =>
  [...graph.inputs, ...graph.outputs].map((port) => ({ ...port, type: typeOf(graph, port.value) }));

/** Ports of one name are of one type. */
function unlike(graphs: readonly Graph[]): string | undefined {
  const first = new Map<string, { readonly entry: string; readonly type: TensorType }>();
  for (const graph of graphs)
    for (const { name, type } of ports(graph)) {
      const before = first.get(name);
      if (!before) first.set(name, { entry: graph.name, type });
      else if (before.type.dtype !== type.dtype || !equalShapes(before.type.shape, type.shape))
        return `${name} is ${printType(before.type)} in ${before.entry} and ${printType(type)} in ${graph.name}`;
    }
  return undefined;
}

/** An output comes of one entry, and is none of its own inputs. */
function twice(graphs: readonly Graph[]): string | undefined {
  const from = new Map<string, string>();
  for (const graph of graphs)
    for (const { name } of graph.outputs) {
      if (from.has(name)) return `${name} is an output of ${from.get(name)} and of ${graph.name}`;
      from.set(name, graph.name);
    }
  return undefined;
}

/** A size that two entries call by one name is one size only where they share a port that has it. */
function apart(graphs: readonly Graph[]): string | undefined {
  const sizes = (graph: Graph, names?: ReadonlySet<string>): Set<string> =>
    new Set(
      ports(graph)
        .filter(({ name }) => names?.has(name) ?? true)
        .flatMap(({ type }) => type.shape.flatMap(symbolsOf)),
    );
  for (const [at, graph] of graphs.entries())
    for (const other of graphs.slice(0, at)) {
      const common = new Set(ports(other).map(({ name }) => name));
      const linked = sizes(graph, common);
      const found = [...sizes(graph)].find((symbol) => sizes(other).has(symbol) && !linked.has(symbol));
      if (found !== undefined)
        return `${found} is a size of ${other.name} and of ${graph.name}, and no input or output of both has it`;
    }
  return undefined;
}

/** Each behind those whose outputs it takes; undefined where there is a cycle. */
function inOrder(graphs: readonly Graph[]): readonly Graph[] | undefined {
  const left = [...graphs];
  const order: Graph[] = [];
  while (left.length > 0) {
    const waiting = new Set(left.flatMap(({ outputs }) => outputs.map(({ name }) => name)));
    const next = left.findIndex(({ inputs }) => !inputs.some(({ name }) => waiting.has(name)));
    if (next < 0) return undefined;
    order.push(...left.splice(next, 1));
  }
  return order;
}

function merged(name: string, graphs: readonly Graph[]): Graph {
  const types: TensorType[] = [];
  const inputs: GraphInput[] = [];
  const parameters = new Map<string, ValueId>();
  const constants: Graph['constants'][number][] = [];
  const nodes: AnyNode[] = [];
  const outputs = new Map<string, ValueId>();
  const known = new Map<string, ValueId>();
  const taken = new Set(graphs.flatMap((graph) => graph.inputs.map((input) => input.name)));
  const requires = new Map<string, Graph['requires'][number]>();
  for (const graph of graphs) {
    const values = new Map<ValueId, ValueId>();
    const fresh = (old: ValueId): ValueId => {
      values.set(old, types.push(typeOf(graph, old)) - 1);
      return types.length - 1;
    };
    for (const { name: input, value } of graph.inputs) {
      const there = known.get(input);
      if (there !== undefined) values.set(value, there);
      else {
        inputs.push({ name: input, value: fresh(value) });
        known.set(input, types.length - 1);
      }
    }
    for (const { key, value } of graph.parameters) {
      const there = parameters.get(key);
      if (there === undefined) parameters.set(key, fresh(value));
      else values.set(value, there);
    }
    for (const { value, tensor } of graph.constants) constants.push({ value: fresh(value), tensor });
    for (const node of graph.nodes) {
      const operands = node.inputs.map((value) => values.get(value)!);
      nodes.push({ ...node, inputs: operands, outputs: node.outputs.map(fresh) } as unknown as AnyNode);
    }
    for (const { name: output, value } of graph.outputs) {
      known.set(output, values.get(value)!);
      if (!taken.has(output)) outputs.set(output, values.get(value)!);
    }
    for (const need of graph.requires) if (!requires.has(printDim(need.dim))) requires.set(printDim(need.dim), need);
  }
  const named = ([output, value]: readonly [string, ValueId]): GraphOutput => ({ name: output, value });
  return made({
    name,
    inputs,
    parameters: [...parameters].map(([key, value]) => ({ key, value })),
    constants,
    nodes,
    outputs: [...outputs].map(named),
    requires: [...requires.values()],
    types,
  });
}
