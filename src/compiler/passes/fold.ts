/**
 * Constant folding: a node whose operands are all constants becomes its value, computed by the op's own
 * `evaluate` in float64.
 *
 * Invariants: only static results of at most 64 Ki elements fold, and 4 Mi in all, because a constant is stored in the
 * graph; a node without operands (iota, dim_size of a number) folds too; a node whose evaluation fails (an
 * index out of range) stays, because the mistake belongs to the run that reaches it.
 *
 *   %0 = const f32[]: 2                %0 = const f32[]: 2
 *   %1 = const f32[2]: 1 2             %1 = const f32[2]: 1 2
 *   %2 = mul(%0, %1)          →        %2 = const f32[2]: 2 4
 *   %3 = input x                       %3 = input x
 *   %4 = add(%3, %2)                   %4 = add(%3, %2)
 */
import { isSymbolic } from '../../shared/dim.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { AnyNode, Graph } from '../ir/graph.ts';
import { typeOf } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';
import type { AttributeValue, OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';
import { operandsOf } from '../ops/operands.ts';

/** Elements in one folded result: 512 KiB in float64. */
const LARGEST = 64 * 1024;
/** Elements in all results of a graph; after those, nodes stay nodes. */
const MOST = 64 * LARGEST;

export function fold(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  let folded = 0;
  for (const node of graph.nodes) {
    const { placeholder } = specOf(node.op).traits;
    const results = folded < MOST && !placeholder && fits(graph, node) ? evaluate(rewriter, node) : undefined;
    if (results) {
      for (const { data } of results) folded += data.length;
      for (const [index, value] of node.outputs.entries()) rewriter.replace(value, rewriter.constant(results[index]!));
    } else {
      rewriter.copy(node);
    }
  }
  return rewriter.finish();
}

/** Whether results and attributes are static and the results small. */
function fits(graph: Graph, node: AnyNode): boolean {
  const attributes = Object.values(node.attributes as Readonly<Record<string, AttributeValue>>);
  if (attributes.some((value) => isSymbolic(value) || (Array.isArray(value) && value.some(isSymbolic)))) return false;
  return node.outputs.every((value) => {
    const { shape } = typeOf(graph, value);
    return !shape.some(isSymbolic) && sizeOf(shape as readonly number[]) <= LARGEST;
  });
}

function evaluate(rewriter: Rewriter, node: AnyNode): readonly WideTensor[] | undefined {
  const operands: WideTensor[] = [];
  for (const value of node.inputs) {
    const tensor = rewriter.constantOf(rewriter.valueOf(value));
    if (!tensor) return undefined;
    operands.push(tensor);
  }
  try {
    return specOf(node.op).evaluate(operandsOf<OpName, WideTensor>(node.op, operands), node.attributes);
  } catch {
    return undefined;
  }
}
