/**
 * Common subexpression elimination: a node with the op, operands and attributes of an earlier one is that
 * one; so are equal constants.
 *
 * Invariants: the first of equal nodes stays, with its origin; operands of a commutative op compare in
 * either order; constants are equal when their bits are (0 and −0 differ). One hash lookup per node.
 *
 *   %1 = add(%0, %9)                   %1 = add(%0, %9)
 *   %2 = add(%9, %0)          →        %2 = mul(%1, %1)
 *   %3 = mul(%1, %2)
 */
import { isSymbolic, printDim } from '../../shared/dim.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';
import type { AttributeValue } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';

export function cse(graph: Graph): Graph {
  const { first, duplicates } = equalConstants(graph);
  const rewriter = new Rewriter(graph, { constant: ({ value }) => !duplicates.has(value) });
  for (const value of duplicates) rewriter.replace(value, rewriter.valueOf(first.get(value)!));

  const seen = new Map<string, readonly ValueId[]>();
  for (const node of graph.nodes) {
    const key = keyOf(
      node,
      node.inputs.map((value) => rewriter.valueOf(value)),
    );
    const before = seen.get(key);
    if (before) {
      for (const [index, value] of node.outputs.entries()) rewriter.replace(value, before[index]!);
    } else {
      rewriter.copy(node);
      seen.set(
        key,
        node.outputs.map((value) => rewriter.valueOf(value)),
      );
    }
  }
  return rewriter.finish();
}

function keyOf(node: AnyNode, inputs: readonly ValueId[]): string {
  const operands = specOf(node.op).traits.commutative ? inputs.toSorted((a, b) => a - b) : inputs;
  const attributes = Object.entries(node.attributes as Readonly<Record<string, AttributeValue>>)
    .map(([name, value]) => `${name}=${attributeKey(value)}`)
    .sort();
  return `${node.op}(${operands.join(',')})${attributes.join(';')}`;
}

function attributeKey(value: AttributeValue): string {
  if (isSymbolic(value)) return printDim(value);
  if (Array.isArray(value)) return `[${value.map(attributeKey).join(',')}]`;
  return Object.is(value, -0) ? '-0' : JSON.stringify(typeof value === 'number' ? String(value) : value);
}

/** The constants that equal an earlier one, and which. */
function equalConstants(graph: Graph): { first: Map<ValueId, ValueId>; duplicates: Set<ValueId> } {
  const buckets = new Map<string, { value: ValueId; bits: Int32Array }[]>();
  const first = new Map<ValueId, ValueId>();
  for (const { value, tensor } of graph.constants) {
    const bits = bitsOf(tensor);
    const key = `${tensor.dtype}[${tensor.shape.join(',')}] ${hash(bits)}`;
    const bucket = buckets.get(key) ?? [];
    buckets.set(key, bucket);
    const equal = bucket.find((other) => other.bits.every((word, i) => word === bits[i]));
    if (equal) first.set(value, equal.value);
    else bucket.push({ value, bits });
  }
  return { first, duplicates: new Set(first.keys()) };
}

const bitsOf = ({ data }: WideTensor): Int32Array => new Int32Array(data.buffer, data.byteOffset, data.length * 2);

/** FNV-1a over 32-bit words. */
function hash(words: Int32Array): number {
  let state = 0x811c9dc5;
  for (const word of words) state = Math.imul(state ^ word, 0x01000193);
  return state;
}
