/** How fusion is asked about a small graph: its sample, and numbers for it. */
import type { EntryOptions } from '../../../src/compiler/backends/wgsl/index.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import { type Graph, typeOf, type ValueId } from '../../../src/compiler/ir/graph.ts';
import { addDims, evaluateDim, type Shape, symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { noise } from '../../passes/autodiff/support.ts';

export interface Sample {
  readonly name: string;
  readonly graph: Graph;
  readonly options?: EntryOptions;
  /** sizes of the symbols, one run each */
  readonly sizes: readonly Readonly<Record<string, number>>[];
  /** what `describeFusion` says */
  readonly kernels: readonly string[];
}

export const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];
export const EPS = { eps: 1e-5 };
export const USUAL = [
  { B: 2, T: 5 },
  { B: 1, T: 1 },
  { B: 0, T: 3 },
  { B: 3, T: 0 },
];

export class Sketch extends GraphBuilder {
  x = (name = 'x', shape: Shape = [B, T, 8]): ValueId => this.input(name, 'f32', shape);
  w = (name: string, shape: readonly number[]): ValueId => this.parameter(name, 'f32', shape);
  add = (a: ValueId, b: ValueId): ValueId => this.node('add', [a, b], {});
  mul = (a: ValueId, b: ValueId): ValueId => this.node('mul', [a, b], {});
  norm = (x: ValueId, width = 8): ValueId =>
    this.node('layer_norm', [x, this.w('norm.weight', [width]), this.w('norm.bias', [width])], EPS);
}

export function sample(
  name: string,
  build: (b: Sketch) => Readonly<Record<string, ValueId>>,
  kernels: readonly string[],
  rest: Partial<Pick<Sample, 'sizes' | 'options'>> = {},
): Sample {
  const b = new Sketch(name.replaceAll(/\W+/g, '_'));
  for (const [output, value] of Object.entries(build(b))) b.output(output, value);
  return { name, graph: b.build(), sizes: USUAL, kernels, ...rest };
}

export const DECODING: Pick<Sample, 'sizes' | 'options'> = {
  options: {
    cache: [
      { past: 'past.key', present: 'keys', axis: 2 },
      { past: 'past.value', present: 'values', axis: 2 },
    ],
  },
  sizes: [
    { B: 2, T: 1, P: 5 },
    { B: 1, T: 1, P: 0 },
    { B: 1, T: 1, P: 130 },
    { B: 2, T: 3, P: 2 },
    { B: 0, T: 1, P: 2 },
    { B: 2, T: 0, P: 2 },
  ],
};

/** Queries, keys and values of two heads, [B, 2, T, width], interleaved in one tensor as Phi has them. */
export function threeOf(b: Sketch, width: number): readonly [ValueId, ValueId, ValueId] {
  const x = b.node('reshape', [b.x('x', [B, T, 6 * width])], { shape: [B, T, 2, 3, width] });
  const apart = b.node('transpose', [x], { permutation: [3, 0, 2, 1, 4] });
  return [0, 1, 2].map((at) => {
    const shape = [B, 2, T, width];
    const one = { starts: [at, 0, 0, 0, 0], ends: [at + 1, B, 2, T, width], steps: [1, 1, 1, 1, 1] };
    return b.node('reshape', [b.node('slice', [apart], one)], { shape });
  }) as unknown as readonly [ValueId, ValueId, ValueId];
}

/** A layer's attention in a decoding step: norms and rotary embedding of queries and keys, caches, a mask. */
export function decoding(b: Sketch, width: number): Readonly<Record<string, ValueId>> {
  const total = addDims(P, T);
  const mask = b.input('mask', 'bool', [B, total]);
  const positions = b.input('positions', 'i64', [B, T]);
  const [q, k, v] = threeOf(b, width);
  const turned = (x: ValueId, name: string): ValueId => {
    const weights = [b.w(`${name}.weight`, [width]), b.w(`${name}.bias`, [width])];
    const settings = { dims: width - 2, theta: 100, max_positions: 16 };
    return b.node('rotary', [b.node('layer_norm', [x, ...weights], EPS), positions], settings);
  };
  const [key, value] = [b.x('past.key', [B, 2, P, width]), b.x('past.value', [B, 2, P, width])];
  const queries = turned(q, 'q_norm');
  const [keys, values] = [
    b.node('concat', [key, turned(k, 'k_norm')], { axis: 2 }),
    b.node('concat', [value, v], { axis: 2 }),
  ];
  return { keys, values, y: b.node('attention', [queries, keys, values, mask], { causal: true, scale: null }) };
}

/** Numbers for the inputs at some sizes, and for the parameters. */
export function tensorsOf(
  graph: Graph,
  sizes: Readonly<Record<string, number>>,
): { readonly feeds: Map<string, WideTensor>; readonly parameters: Map<string, WideTensor> } {
  const bindings = new Map(Object.entries(sizes));
  const made = (value: ValueId, seed: number): WideTensor => {
    const { dtype, shape } = typeOf(graph, value);
    const { data, ...rest } = noise(
      shape.map((dim) => evaluateDim(dim, bindings)),
      seed + 1,
    );
    if (dtype === 'i64') return { ...rest, dtype, data: data.map((x) => Math.floor(4 * Math.abs(x))) };
    return dtype === 'bool' ? { ...rest, dtype, data: data.map((x) => (x > -0.5 ? 1 : 0)) } : { ...rest, data };
  };
  return {
    feeds: new Map(graph.inputs.map(({ name, value }, i) => [name, made(value, i)])),
    parameters: new Map(graph.parameters.map(({ key, value }, i) => [key, made(value, i + 20)])),
  };
}
