/**
 * Reads the text that `print.ts` writes, so that passes can be tested on graphs written by hand.
 *
 * One statement per line; empty lines and lines that start with `#` are skipped. The types in the text are
 * taken as they stand: `verifyGraph` says whether they are right.
 */
import { isSymbolic } from '../../shared/dim.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { isOpName } from '../ops/index.ts';
import type {
  AnyNode,
  Graph,
  GraphConstant,
  GraphInput,
  GraphOutput,
  GraphParameter,
  Requirement,
  TensorType,
  ValueId,
} from './graph.ts';
import { Line } from './line.ts';

/** @throws Error `line 3: expected …, found …` */
export function readGraph(text: string): Graph {
  const inputs: GraphInput[] = [];
  const parameters: GraphParameter[] = [];
  const constants: GraphConstant[] = [];
  const nodes: AnyNode[] = [];
  const outputs: GraphOutput[] = [];
  const requires: Requirement[] = [];
  const types: TensorType[] = [];
  let name: string | undefined;

  for (const [index, content] of text.split('\n').entries()) {
    if (content.trim() === '' || content.trim().startsWith('#')) continue;
    const line = new Line(content, index + 1);
    if (name === undefined) {
      line.keyword('graph');
      name = line.name('the name of the graph');
    } else if (line.accept('output')) {
      const output = line.name('the name of an output');
      line.take('=');
      outputs.push({ name: output, value: line.value() });
    } else if (line.accept('requires')) {
      const dim = line.dim();
      for (const word of ['>', '=', '0', 'for']) line.keyword(word);
      requires.push({ dim, what: line.name('what it is for'), origin: line.origin() });
    } else {
      readDefinition(line);
    }
    line.end();
  }
  if (name === undefined) throw new Error('line 1: expected graph, found the end of the text');
  for (let value = 0; value < types.length; value++) {
    if (!types[value]) throw new Error(`graph ${name} has %${types.length - 1} and no %${value}`);
  }
  return { name, inputs, parameters, constants, nodes, outputs, requires, types };

  function define(line: Line, value: ValueId, type: TensorType): void {
    if (types[value]) line.fail(`%${value} is defined twice`);
    types[value] = type;
  }

  function readDefinition(line: Line): void {
    const values = line.list(() => line.value());
    const [value] = values as [ValueId];
    line.take('=');
    if (line.accept('input')) {
      inputs.push({ name: line.name('the name of an input'), value });
      line.take(':');
      define(line, value, line.type());
    } else if (line.accept('param')) {
      parameters.push({ key: line.name('the key of a parameter'), value });
      line.take(':');
      define(line, value, line.type());
    } else if (line.accept('const')) {
      const type = line.type();
      line.take(':');
      define(line, value, type);
      constants.push({ value, tensor: readElements(line, type) });
    } else {
      nodes.push(readNode(line, values));
    }
  }

  function readNode(line: Line, values: readonly ValueId[]): AnyNode {
    const op = line.word('an op');
    if (!isOpName(op)) line.fail(`${op} is no op of the ir`);
    line.take('(');
    const operands: ValueId[] = [];
    const attributes: Record<string, unknown> = {};
    while (!line.accept(')')) {
      if (operands.length > 0 || Object.keys(attributes).length > 0) line.take(',');
      if (line.peek() === '%') {
        operands.push(line.value());
      } else {
        const attribute = line.word('an operand or an attribute');
        line.take('=');
        attributes[attribute] = line.attribute();
      }
    }
    line.take(':');
    const results = line.list(() => line.type());
    if (results.length !== values.length) line.fail(`${values.length} results and ${results.length} types`);
    for (const [index, value] of values.entries()) define(line, value, results[index]!);
    return { op, inputs: operands, outputs: values, attributes, origin: line.origin() } as unknown as AnyNode;
  }
}

/** A type alone: `f32[B, P + T]`. */
export function readType(text: string): TensorType {
  const line = new Line(text, 1);
  const type = line.type();
  line.end();
  return type;
}

function readElements(line: Line, { dtype, shape }: TensorType): GraphConstant['tensor'] {
  const dims = shape.map((dim) => (isSymbolic(dim) ? line.fail('a constant needs a static shape') : dim));
  const size = sizeOf(dims);
  if (line.accept('all')) return { dtype, shape: dims, data: new Float64Array(size).fill(line.number()) };
  const data = Array.from(line.numbers());
  if (data.length !== size) line.fail(`the constant's type has ${size} elements and ${data.length} follow`);
  return { dtype, shape: dims, data: Float64Array.from(data) };
}
