/** Numbers for the inputs of an entry, made of formulas: what is judged is that all backends make the same of them. */
import { evaluateDim, symbolsOf } from '../../../shared/dim.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { sizeOf } from '../../../shared/tensor.ts';
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
      return [name, filled(type.dtype, shape, input)];
    }),
  );
}

function filled(dtype: HostTensor['dtype'], shape: readonly number[], input: number): HostTensor {
  const count = sizeOf(shape);
  switch (dtype) {
    case 'f32':
      return { dtype, shape, data: Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(1.7 * i + input)) };
    case 'i64':
      return { dtype, shape, data: new BigInt64Array(count).fill(1n) };
    case 'bool':
      return { dtype, shape, data: new Uint8Array(count).fill(1) };
  }
}
