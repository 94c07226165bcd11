/**
 * Where outputs are written. One that is flat tensors one after the other is written piece by piece: whatever computes
 * a piece stores it at its place, and nothing is copied.
 *
 *   %g = linear(…) [8, 64] ─ reshape [512] ┐
 *   %h = sum(…) [64] ──────────────────────┴ concat ─▶ output     %g at 0 and %h at 512 of the output's buffer
 */
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../../ir/graph.ts';
import type { GraphFacts } from '../text/evaluator.ts';

/** A value that is an output, or a piece of one. */
export interface OutputPiece {
  readonly name: string;
  readonly value: ValueId;
  /** index of the graph's output */
  readonly port: number;
  /** elements of the output before it; undefined: it is all of it */
  readonly base?: number;
}

export function outputPieces({ graph, producers }: GraphFacts): readonly OutputPiece[] {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const taken = new Set(graph.outputs.map(({ value }) => value));
  return graph.outputs.flatMap(({ name, value }, port): readonly OutputPiece[] => {
    const once = !read.has(value) && graph.outputs.filter((other) => other.value === value).length === 1;
    const pieces = once ? flatPieces(graph, producers.get(value)) : undefined;
    if (!pieces) return [{ name, value, port }];
    let end = 0;
    return pieces.map(([operand, size]) => {
      const base = end;
      end += size;
      const shaped = unflattened(producers, operand);
      const piece = taken.has(shaped) ? operand : shaped;
      taken.add(piece);
      return { name: `${name}[${base}]`, value: piece, port, base };
    });
  });
}

/** Operands of a concat of flat tensors, with their sizes. */
function flatPieces(graph: Graph, node: AnyNode | undefined): readonly (readonly [ValueId, number])[] | undefined {
  if (node?.op !== 'concat') return undefined;
  const pieces: (readonly [ValueId, number])[] = [];
  for (const operand of node.inputs) {
    const [size, ...rest] = typeOf(graph, operand).shape;
    if (typeof size !== 'number' || rest.length > 0) return undefined;
    pieces.push([operand, size]);
  }
  return pieces;
}

/** The same elements in the shape that they are computed in. */
function unflattened(producers: GraphFacts['producers'], value: ValueId): ValueId {
  const node = producers.get(value);
  return node?.op === 'reshape' ? unflattened(producers, node.inputs[0]!) : value;
}
