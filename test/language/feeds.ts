/** Inputs for a traced entry at given sizes of its dynamic dimensions; what an int input holds goes by its name. */
import { type Graph, typeOf } from '../../src/compiler/ir/graph.ts';
import { evaluateDim } from '../../src/shared/dim.ts';
import { sizeOf, type WideTensor } from '../../src/shared/tensor.ts';
import { tensor, wave } from './support.ts';

/** An element of an int input, by its index in the last axis and in the whole tensor. */
type Fill = (column: number, index: number) => number;

const USUAL: Readonly<Record<string, Fill>> = {
  attention_mask: () => 1,
  position_ids: (column) => column,
  input_ids: (_, index) => (index * 7) % 11,
  decoder_input_ids: (_, index) => (index * 3) % 11,
  encoder_attention_mask: (column) => Number(column > 0),
  labels: (_, index) => (index * 5) % 3,
};

export function feedsOf(
  graph: Graph,
  sizes: Readonly<Record<string, number>>,
  fills: Readonly<Record<string, Fill>> = {},
): Record<string, WideTensor> {
  const bindings = new Map(Object.entries(sizes));
  return Object.fromEntries(
    graph.inputs.map(({ name, value }, seed) => {
      const { dtype, shape: dims } = typeOf(graph, value);
      const shape = dims.map((dim) => evaluateDim(dim, bindings));
      if (dtype === 'f32') return [name, wave(shape, seed + 1)];
      const fill = fills[name] ?? USUAL[name];
      if (!fill) throw new Error(`no rule for the int input ${name}`);
      const columns = shape.at(-1) ?? 1;
      return [
        name,
        tensor(
          shape,
          Array.from({ length: sizeOf(shape) }, (_, i) => fill(i % columns, i)),
          dtype,
        ),
      ];
    }),
  );
}
