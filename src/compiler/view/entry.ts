/** The graph of an entry, node by node. */
import { addDims, type Dim, mulDims, productOf, symbolsOf } from '../../shared/dim.ts';
import type { ViewEntry, ViewNode } from '../../shared/view.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../ir/graph.ts';
import { printAttribute } from '../ir/print.ts';
import type { AttributeValue } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';
import { printType } from '../ops/rules.ts';
import { flopsOf } from './flops.ts';
import { ELEMENT_BYTES } from './tree.ts';

/** Sizes that costs are shown at first: one row, a prompt of 64 tokens, nothing in the cache. */
const SIZES: Readonly<Record<string, number>> = { T: 64, P: 0 };
const ROWS = 1;

/** @param graph after the passes, as targets get it */
export function entryOf(graph: Graph): ViewEntry {
  const nodes: ViewNode[] = [];
  const made = new Map<ValueId, number>();
  const given = new Map<ValueId, string>();
  for (const { name, value } of graph.inputs) {
    made.set(value, nodes.length);
    nodes.push({
      kind: 'input',
      label: name,
      path: '',
      type: typeText(graph, value),
      detail: [],
      from: [],
      flops: 0,
      bytes: 0,
    });
  }
  for (const { key, value } of graph.parameters) given.set(value, `${key} ${typeText(graph, value)}`);
  for (const { value } of graph.constants) given.set(value, `constant ${typeText(graph, value)}`);
  for (const node of graph.nodes) {
    const index = nodes.length;
    nodes.push(nodeOf(graph, node, made, given));
    for (const value of node.outputs) made.set(value, index);
  }
  for (const { name, value } of graph.outputs) {
    const from = made.get(value);
    const type = typeText(graph, value);
    nodes.push({
      kind: 'output',
      label: name,
      path: '',
      type,
      detail: [],
      from: from === undefined ? [] : [from],
      flops: 0,
      bytes: 0,
    });
  }
  const ports = [...graph.inputs, ...graph.outputs].map(({ value }) => bytesOf(graph, value));
  return { name: graph.name, dims: dimsOf(graph), nodes, ports: ports.reduce<Dim>(addDims, 0) };
}

function nodeOf(
  graph: Graph,
  node: AnyNode,
  made: ReadonlyMap<ValueId, number>,
  given: ReadonlyMap<ValueId, string>,
): ViewNode {
  const attributes = Object.entries(node.attributes as Readonly<Record<string, AttributeValue | undefined>>);
  const { path, source } = node.origin;
  return {
    kind: 'op',
    label: node.op,
    path,
    ...(source === undefined ? {} : { source }),
    type: typeText(graph, node.outputs[0]),
    detail: [
      ...attributes.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${printAttribute(value)}`])),
      ...node.inputs.flatMap((value) => given.get(value) ?? []),
    ],
    from: [...new Set(node.inputs.flatMap((value) => made.get(value) ?? []))],
    flops: flopsOf(graph, node),
    bytes: specOf(node.op).traits.view ? 0 : node.outputs.map((value) => bytesOf(graph, value)).reduce<Dim>(addDims, 0),
  };
}

const typeText = (graph: Graph, value: ValueId): string => printType(typeOf(graph, value));

function bytesOf(graph: Graph, value: ValueId): Dim {
  const { dtype, shape } = typeOf(graph, value);
  return mulDims(productOf(shape), ELEMENT_BYTES[dtype]);
}

function dimsOf(graph: Graph): ViewEntry['dims'] {
  const names = graph.inputs.flatMap(({ value }) => typeOf(graph, value).shape.flatMap(symbolsOf));
  return [...new Set(names)].map((name) => ({ name, size: Object.hasOwn(SIZES, name) ? SIZES[name]! : ROWS }));
}
