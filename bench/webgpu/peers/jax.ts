/**
 * jax-js on its WebGPU backend: every row is one `jit`, a training step is `valueAndGrad` and AdamW in one more.
 *
 * Its arrays are used up by what takes them; `.ref` keeps one for another use. `opsOf` keeps every operand, which costs
 * nothing here because it only runs while `jit` traces.
 */
import { sizeOf } from '../../../src/shared/tensor.ts';
import type { Contestant, Prepared, Results } from '../contestant.ts';
import { installGpu } from '../gpu.ts';
import { LEARNING_RATE, type Problem } from '../problem.ts';
import { forwardOf, lossOf } from './forward.ts';
import { addIteratorHelpers } from './iterator-helpers.ts';
import { imported, versionOf } from './modules.ts';
import type { Ops, Weights } from './ops.ts';

interface JaxArray {
  readonly shape: number[];
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(order: readonly number[]): JaxArray;
  slice(...index: readonly (readonly [] | readonly [number, number])[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}
type Tree = { readonly [key: string]: JaxArray | Tree };
interface Jax {
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): string;
  jit<A extends readonly Tree[], R>(f: (...trees: A) => R): (...trees: A) => R;
  valueAndGrad(
    f: (weights: Weights<JaxArray>) => JaxArray,
  ): (weights: Weights<JaxArray>) => [JaxArray, Weights<JaxArray>];
  readonly tree: { ref<T extends Tree>(tree: T): T; dispose(tree: Tree): void };
  readonly numpy: {
    array(
      data: Float32Array | Int32Array,
      options: { readonly shape: readonly number[]; readonly dtype: string },
    ): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    matrixTranspose(a: JaxArray): JaxArray;
    concatenate(items: readonly JaxArray[], axis: number): JaxArray;
    mean(x: JaxArray, axis: number, options: { readonly keepdims: boolean }): JaxArray;
    sum(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
  };
  readonly nn: {
    oneHot(ids: JaxArray, classes: number): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    logSoftmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { readonly epsilon: number }): JaxArray;
    gelu(x: JaxArray, options: { readonly approximate: boolean }): JaxArray;
  };
}

export default async function jaxJs(): Promise<Contestant> {
  await installGpu();
  addIteratorHelpers();
  const jax = (await imported('@jax-js/jax', 'dist/index.js')) as Jax;
  if (!(await jax.init('webgpu')).includes('webgpu')) throw new Error('jax-js does not start its WebGPU backend');
  jax.defaultDevice('webgpu');
  const ops = opsOf(jax);
  return {
    about: `@jax-js/jax ${versionOf('@jax-js/jax')}, webgpu, jit`,
    counted: true,
    prepare: async (problem) =>
      problem.row.kind === 'training' ? training(jax, ops, problem) : inference(jax, ops, problem),
  };
}

function opsOf({ numpy: np, nn }: Jax): Ops<JaxArray> {
  return {
    constant: (data, shape) => np.array(data, { shape, dtype: data instanceof Int32Array ? 'int32' : 'float32' }),
    shapeOf: (x) => x.shape,
    add: (a, b) => a.ref.add(b.ref),
    sub: (a, b) => a.ref.sub(b.ref),
    mul: (a, b) => a.ref.mul(b.ref),
    scale: (a, factor) => a.ref.mul(factor),
    matmul: (a, b, transposed = false) => np.matmul(a.ref, transposed ? np.matrixTranspose(b.ref) : b.ref),
    reshape: (x, shape) => x.ref.reshape(shape),
    permute: (x, order) => x.ref.transpose(order),
    slice: (x, axis, from, to) =>
      x.ref.slice(...x.shape.map((_, i) => (i === axis ? ([from, to] as const) : ([] as const)))),
    concat: (items, axis) =>
      np.concatenate(
        items.map((item) => item.ref),
        axis,
      ),
    softmax: (x) => nn.softmax(x.ref, -1),
    layerNorm: (x, weight, bias, epsilon) => nn.standardize(x.ref, -1, { epsilon }).mul(weight.ref).add(bias.ref),
    rmsNorm: (x, weight, epsilon) => {
      const square = np.mean(x.ref.mul(x.ref), -1, { keepdims: true });
      return x.ref.div(np.sqrt(square.add(epsilon))).mul(weight.ref);
    },
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    geluTanh: (x) => nn.gelu(x.ref, { approximate: true }),
    // the gradient of `take` is a scatter that `jit` of 0.1.25 does not compile; a product with one-hot rows is
    gather: (table, ids) => np.matmul(nn.oneHot(ids.ref, table.shape[0]!), table.ref),
    crossEntropy: (logits, oneHot) => np.sum(nn.logSoftmax(logits.ref, -1).mul(oneHot.ref)).mul(-1 / logits.shape[0]!),
  };
}

function inference(jax: Jax, ops: Ops<JaxArray>, problem: Problem): Prepared {
  const { name, inputs, forward } = forwardOf(ops, problem);
  const weights = uploaded(ops, problem);
  const compiled = jax.jit((w: Weights<JaxArray>, x: Weights<JaxArray>) => forward(w, x));
  return {
    // data() uses the result up
    run: async () => ({ [name]: await compiled(jax.tree.ref(weights), jax.tree.ref(inputs)).data() }),
    dispose: () => {
      jax.tree.dispose(weights);
      jax.tree.dispose(inputs);
    },
  };
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

interface State extends Tree {
  readonly p: Weights<JaxArray>;
  readonly m: Weights<JaxArray>;
  readonly v: Weights<JaxArray>;
}

function training(jax: Jax, ops: Ops<JaxArray>, problem: Problem): Prepared {
  const { inputs, loss } = lossOf(ops, problem);
  const keys = Object.keys(problem.parameters);
  const zeros = (): Weights<JaxArray> =>
    Object.fromEntries(
      keys.map((key) => {
        const { shape } = problem.parameters[key]!;
        return [key, ops.constant(new Float32Array(sizeOf(shape)), shape)];
      }),
    );
  const step = jax.jit((state: State, x: Weights<JaxArray>, scalars: Weights<JaxArray>) => {
    const [value, gradients] = jax.valueAndGrad((w) => loss(w, x))(jax.tree.ref(state.p));
    const p: Record<string, JaxArray> = {};
    const m: Record<string, JaxArray> = {};
    const v: Record<string, JaxArray> = {};
    for (const key of keys) {
      const g = gradients[key]!;
      const first = state.m[key]!.ref.mul(BETA1).add(g.ref.mul(1 - BETA1));
      const second = state.v[key]!.ref.mul(BETA2).add(g.ref.mul(g.ref).mul(1 - BETA2));
      const root = jax.numpy.sqrt(second.ref).div(scalars.root!.ref).add(EPSILON);
      p[key] = state.p[key]!.ref.sub(first.ref.div(root).mul(scalars.rate!.ref));
      m[key] = first;
      v[key] = second;
    }
    return { loss: value, state: { p, m, v } };
  });
  let state: State = { p: uploaded(ops, problem), m: zeros(), v: zeros() };
  let t = 0;
  const scalar = (value: number): JaxArray => ops.constant(Float32Array.of(value), []);
  return {
    run: async () => {
      t++;
      const scalars = { rate: scalar(LEARNING_RATE / (1 - BETA1 ** t)), root: scalar(Math.sqrt(1 - BETA2 ** t)) };
      const result = step(state, jax.tree.ref(inputs), scalars);
      state = result.state;
      return { loss: await result.loss.data() };
    },
    details: async () => {
      const details: Record<string, Float32Array> = {};
      for (const key of keys) {
        details[`exp_avg.${key}`] = await state.m[key]!.ref.data();
        details[`parameter.${key}`] = await state.p[key]!.ref.data();
      }
      return details satisfies Results;
    },
    dispose: () => {
      jax.tree.dispose(state);
      jax.tree.dispose(inputs);
    },
  };
}

function uploaded(ops: Ops<JaxArray>, problem: Problem): Weights<JaxArray> {
  const all = Object.entries(problem.parameters);
  return Object.fromEntries(all.map(([key, { data, shape }]) => [key, ops.constant(data as Float32Array, shape)]));
}
