/**
 * The rules that every graph keeps; in tests each graph is checked as it is made (made.ts).
 *
 * Values are dense ids, each defined exactly once (input, parameter, constant or node output) and before
 * its first use; every node's types are what its op's type rule says; names and keys are unique.
 */
import { equalShapes } from '../../shared/dim.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { OpAttributes, OpName } from '../ops/attributes.ts';
import { isOpName } from '../ops/index.ts';
import { printType } from '../ops/rules.ts';
import type { AnyNode, Graph, ValueId } from './graph.ts';
import { type Dialect, resultTypes } from './infer.ts';
import { describeNode } from './print.ts';

/** @throws Error naming the node (or input, parameter, constant, output) and the rule that it breaks */
export function verifyGraph(graph: Graph, dialect?: Dialect): void {
  const fail = (what: string): never => {
    throw new Error(`graph ${graph.name}: ${what}`);
  };
  const defined = new Set<ValueId>();
  const define = (value: ValueId, by: string): void => {
    if (!Number.isInteger(value) || value < 0 || value >= graph.types.length) {
      fail(`${by} defines %${value}, and values are %0 to %${graph.types.length - 1}`);
    }
    if (defined.has(value)) fail(`${by} defines %${value}, which is defined already`);
    defined.add(value);
  };

  unique('input', graph.inputs, ({ name }) => name, fail);
  unique('parameter', graph.parameters, dialect?.parameterName ?? (({ key }) => key), fail);
  unique('output', graph.outputs, ({ name }) => name, fail);
  for (const { name, value } of graph.inputs) define(value, `input ${name}`);
  for (const { key, value } of graph.parameters) define(value, `parameter ${key}`);
  for (const { value, tensor } of graph.constants) {
    define(value, `constant %${value}`);
    const type = graph.types[value]!;
    if (type.dtype !== tensor.dtype || !equalShapes(type.shape, tensor.shape)) {
      fail(`constant %${value} is ${printType(tensor)} and its type is ${printType(type)}`);
    }
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      fail(`constant %${value} holds ${tensor.data.length} elements and its type is ${printType(type)}`);
    }
  }
  for (const node of graph.nodes) {
    if (!isOpName(node.op)) fail(`node ${String((node as AnyNode).op)} is no op of the ir`);
    for (const value of node.inputs) {
      if (!defined.has(value)) fail(`${describeNode(node)} uses %${value} before it is defined`);
    }
    verifyTypes(graph, node, fail, dialect);
    for (const value of node.outputs) define(value, describeNode(node));
  }
  for (const { name, value } of graph.outputs) {
    if (!defined.has(value)) fail(`output ${name} is %${value}, which is not defined`);
  }
  for (const value of graph.types.keys()) {
    if (!defined.has(value)) fail(`%${value} has a type and no definition`);
  }
}

function unique<T>(what: string, list: readonly T[], nameOf: (item: T) => string, fail: (what: string) => never): void {
  const seen = new Set<string>();
  for (const item of list) {
    const name = nameOf(item);
    if (seen.has(name)) fail(`two ${what}s are called ${name}`);
    seen.add(name);
  }
}

function verifyTypes(graph: Graph, node: AnyNode, fail: (what: string) => never, dialect: Dialect | undefined): void {
  const inputs = node.inputs.map((value) => graph.types[value]!);
  const types = inferred(node, fail, () =>
    resultTypes(node.op, inputs, node.attributes as OpAttributes[OpName], { dialect, results: node.outputs.length }),
  );
  if (types.length !== node.outputs.length) {
    fail(`${describeNode(node)} has ${node.outputs.length} outputs and its type rule gives ${types.length}`);
  }
  for (const [index, value] of node.outputs.entries()) {
    const [is, says] = [graph.types[value], types[index]!];
    if (is && (is.dtype !== says.dtype || !equalShapes(is.shape, says.shape))) {
      fail(`${describeNode(node)} has type ${printType(is)} for %${value} and its type rule gives ${printType(says)}`);
    }
  }
}

function inferred<T>(node: AnyNode, fail: (what: string) => never, infer: () => T): T {
  try {
    return infer();
  } catch (error) {
    return fail(`${describeNode(node)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
