/** Numbers for the inputs of an entry, made of formulas: what is judged is that all backends make the same of them. */
import { madeUpTensor } from '../../../runtime/self-test/made-up.ts';
import { evaluateDim, symbolsOf } from '../../../shared/dim.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { type Graph, typeOf } from '../../ir/graph.ts';

/** What a dynamic dimension is bound to. */
export const DYNAMIC_SIZE = 4;

/** Floats of every size up to 2; ones for ints, which most tables, masks and labels take; true. Dynamic dims are 4. */
export function madeUpFeeds(graph: Graph): Record<string, HostTensor> {
  const types = graph.inputs.map(({ name, value }) => ({ name, type: typeOf(graph, value) }));
  const sizes = new Map(
    types.flatMap(({ type }) =>
      type.shape.flatMap((dim) => symbolsOf(dim).map((name) => [name, DYNAMIC_SIZE] as const)),
    ),
  );
  return Object.fromEntries(
    types.map(({ name, type }, input) => {
      const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
      return [name, madeUpTensor(type.dtype, shape, input)];
    }),
  );
}
