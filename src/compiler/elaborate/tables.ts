/**
 * Tables that a target computes while it compiles, so that their size is an error at the call's line and not minutes
 * and gigabytes of a compiler. Equal tables of a graph are made once; which target makes which is not told apart, so
 * that a program means the same on all of them.
 */
import { isSymbolic } from '../../shared/dim.ts';
import type { TensorType } from '../ir/graph.ts';
import type { OpAttributes, OpName } from '../ops/attributes.ts';

/** Elements in the tables of one graph: 256 MiB in float64. Rotary of 131,072 positions and 256 dims is as many. */
export const MAX_TABLE_ELEMENTS = 2 ** 25;

export interface Table {
  /** equal for tables of equal contents */
  readonly key: string;
  readonly elements: number;
}

type Rule<N extends OpName> = (inputs: readonly TensorType[], attributes: OpAttributes[N]) => readonly Table[];

const width = ({ shape }: TensorType, axis: number): number => {
  const dim = shape.at(axis) ?? 0;
  return isSymbolic(dim) ? 0 : dim;
};

const matrix = (kind: string, rows: number, columns: number): Table => ({
  key: `${kind} ${rows} ${columns}`,
  elements: rows * columns,
});

/** ONNX's norms take a weight: ones where there is none. */
const ones: Rule<'layer_norm' | 'rms_norm'> = ([x, weight]) => (weight ? [] : [matrix('ones', 1, width(x!, -1))]);

const RULES: { readonly [N in OpName]?: Rule<N> } = {
  interpolate: ([x], { mode, size }) =>
    ([0, 1] as const).map((axis) => matrix(`interpolate ${mode}`, size[axis], width(x!, axis + 2))),
  rotary: (_, { dims, theta, max_positions, frequencies }) => [
    matrix(`rotary ${theta} ${frequencies?.join() ?? ''}`, max_positions, dims),
  ],
  layer_norm: ones,
  rms_norm: ones,
};

/** Windows of a pooled axis as a matrix: only gradients need them. */
const GRADIENT_RULES: { readonly [N in OpName]?: Rule<N> } = {
  avg_pool2d: ([x], { kernel, stride, padding }) =>
    ([0, 1] as const).map((axis) => {
      const size = width(x!, axis + 2);
      const places = Math.floor((size + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
      return matrix(`windows ${kernel[axis]} ${stride[axis]} ${padding[axis]}`, places, size);
    }),
};

/** What compiling a node computes; `training`: its gradient too. */
export function tablesOf<N extends OpName>(
  op: N,
  inputs: readonly TensorType[],
  attributes: OpAttributes[N],
  training: boolean,
): readonly Table[] {
  const rules: readonly (Rule<N> | undefined)[] = [RULES[op], training ? GRADIENT_RULES[op] : undefined];
  return rules.flatMap((rule) => rule?.(inputs, attributes) ?? []);
}
