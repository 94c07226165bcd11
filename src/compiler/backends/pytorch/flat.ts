/** A small graph as a function of Python over a batch: a line for each node. */
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { indented } from './layout.ts';
import { lowered } from './lowerings/index.ts';
import { literal } from './lowerings/pointwise.ts';
import { TorchProblem } from './problem.ts';
import { atom, docString, type Expr, Names, string } from './python.ts';
import { Sizes } from './sizes.ts';

/** Longer expressions have a line of their own. */
const INLINE = 76;

export interface FlatFunction {
  readonly name: string;
  /** of the graph */
  readonly output: string;
  readonly doc: string;
}

/** `def weight(batch): …`: the inputs are read from the batch by name. @throws TorchProblem for an op without an expression */
export function flatFunction(graph: Graph, { name, output, doc }: FlatFunction): readonly string[] {
  const names = new Names(['torch', 'F', 'batch', name]);
  const returned = graph.outputs.find((one) => one.name === output)!.value;
  const needed = neededFor(graph, returned);
  const nodes = graph.nodes.filter((node) => node.outputs.some((value) => needed.has(value)));
  const values = new Map<ValueId, Expr>();
  const inputs = graph.inputs.map((input) => ({ ...input, variable: names.take(input.name) }));
  for (const { value, variable } of inputs) values.set(value, atom(variable));
  for (const { value, tensor } of graph.constants) {
    if (tensor.shape.length > 0) throw new TorchProblem('torch_op', { op: 'constant', reason: 'a table in a weight' });
    values.set(value, literal(tensor.data[0]!, tensor.dtype));
  }
  const axes = inputs.flatMap(({ value, variable }) =>
    typeOf(graph, value).shape.map((dim, axis) => ({ text: `${variable}.shape[${axis}]`, dim, name: undefined })),
  );
  const sizes = new Sizes(axes, names, `the function ${name}`);
  const reads = readsOf(nodes, returned);
  const lines: string[] = [];
  for (const node of nodes) {
    const expr = lowered(graph, node, (value) => values.get(value)!, {
      size: (dim) => sizes.expr(dim),
      device: () => '"cpu"',
      helper: (helper) => {
        throw new TorchProblem('torch_op', { op: node.op, reason: `a weight of a batch cannot use ${helper}` });
      },
    });
    const [only, ...others] = node.outputs;
    if (expr.number || (others.length === 0 && reads.get(only) === 1 && expr.text.length <= INLINE)) {
      values.set(only, expr);
      continue;
    }
    const variables = node.outputs.map(() => names.take(node.op === 'sum' ? 'total' : node.op));
    lines.push(`${variables.join(', ')} = ${expr.text}`);
    for (const [index, value] of node.outputs.entries()) values.set(value, atom(variables[index]!));
  }
  const result = values.get(returned)!;
  const read = inputs.filter(
    ({ value, variable }) => needed.has(value) || sizes.lines.some((line) => line.includes(` ${variable}.shape`)),
  );
  return [
    `def ${name}(batch):`,
    ...indented([
      ...docString(doc),
      ...read.map((input) => `${input.variable} = batch[${string(input.name)}]`),
      ...sizes.lines,
      ...lines,
      `return ${result.text}`,
    ]),
  ];
}

/** How often each value is read, by nodes and as the result. */
function readsOf(nodes: readonly AnyNode[], returned: ValueId): ReadonlyMap<ValueId, number> {
  const reads = new Map([[returned, 1]]);
  for (const value of nodes.flatMap(({ inputs }) => inputs)) reads.set(value, (reads.get(value) ?? 0) + 1);
  return reads;
}

function neededFor({ nodes }: Graph, output: ValueId): ReadonlySet<ValueId> {
  const needed = new Set([output]);
  for (const node of [...nodes].reverse())
    if (node.outputs.some((value) => needed.has(value))) for (const input of node.inputs) needed.add(input);
  return needed;
}
