/**
 * The text form of a graph: what `mdl ir` prints and golden tests compare. `read.ts` reads it back exactly.
 *
 *   graph block
 *     %0 = input x: f32[B, 4]
 *     %1 = param mlp.fc1.weight: f32[8, 4]
 *     %2 = const f32[]: 0.5
 *     %3 = linear(%0, %1): f32[B, 8]  @ mlp.fc1 models/block.mdl:12:5
 *     %4, %5 = split(%3, axis=1, sizes=[4, 4]): f32[B, 4], f32[B, 4]
 *     output y = %5
 *
 * Dims that must be at least 0 stand before the nodes: `requires T - 4 >= 0 for "the slice 1:4 of axis 1"  @ mlp m.mdl:3:5`.
 *
 * A constant's elements follow its type, all of them, or `all 0.5` when several are equal. Names with
 * anything but letters, digits and `_ . / - :` are quoted as in JSON; a name also, where `:` would end it.
 */
import { isSymbolic, printDim } from '../../shared/dim.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { AttributeValue } from '../ops/attributes.ts';
import { printType } from '../ops/rules.ts';
import type { AnyNode, Graph, Origin, ValueId } from './graph.ts';
import { typeOf } from './graph.ts';

/** The graph as text that `read.ts` reads back exactly: inputs, parameters, constants, nodes with their types and places, outputs. */
export function printGraph(graph: Graph): string {
  const type = (value: ValueId) => printType(typeOf(graph, value));
  const lines = [
    ...graph.inputs.map(({ name, value }) => `%${value} = input ${printName(name)}: ${type(value)}`),
    ...graph.parameters.map(({ key, value }) => `%${value} = param ${printName(key)}: ${type(value)}`),
    ...graph.constants.map(({ value, tensor }) => `%${value} = const ${type(value)}:${printElements(tensor)}`),
    ...graph.requires.map(
      ({ dim, what, origin }) => `requires ${printDim(dim)} >= 0 for ${JSON.stringify(what)}${printOrigin(origin)}`,
    ),
    ...graph.nodes.map((node) => printNode(graph, node)),
    ...graph.outputs.map(({ name, value }) => `output ${printName(name)} = %${value}`),
  ];
  return [`graph ${printName(graph.name)}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** One node as its line of the text, without indentation. */
export function printNode(graph: Graph, node: AnyNode): string {
  const results = node.outputs.map((value) => `%${value}`).join(', ');
  const attributes = Object.entries(node.attributes as Readonly<Record<string, AttributeValue>>);
  const operands = [
    ...node.inputs.map((value) => `%${value}`),
    ...attributes.map(([name, value]) => `${name}=${printAttribute(value)}`),
  ];
  const types = node.outputs.map((value) => printType(typeOf(graph, value))).join(', ');
  return `${results} = ${node.op}(${operands.join(', ')}): ${types}${printOrigin(node.origin)}`;
}

/** `linear %12 at llama_model.lm_head`: a node in messages. */
export function describeNode({ op, outputs, origin }: AnyNode): string {
  const place = [origin.path, origin.source].filter((part) => part !== undefined && part !== '').join(' ');
  return `${op} ${outputs.map((value) => `%${value}`).join(', ')}${place === '' ? '' : ` at ${place}`}`;
}

export function printAttribute(value: AttributeValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return printNumber(value);
  if (isSymbolic(value)) return printDim(value);
  if (Array.isArray(value)) return `[${value.map(printAttribute).join(', ')}]`;
  return String(value);
}

/** The shortest text that reads back as the same float64. */
function printNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function printElements({ data }: WideTensor): string {
  const first = data[0];
  if (data.length > 1 && data.every((element) => Object.is(element, first))) return ` all ${printNumber(first!)}`;
  return Array.from(data, (element) => ` ${printNumber(element)}`).join('');
}

function printName(name: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(name) ? name : JSON.stringify(name);
}

function printOrigin({ path, source }: Origin): string {
  if (path === '' && source === undefined) return '';
  const place = source === undefined ? '' : ` ${/^[A-Za-z0-9_./:-]+$/.test(source) ? source : JSON.stringify(source)}`;
  return `  @ ${printName(path)}${place}`;
}
