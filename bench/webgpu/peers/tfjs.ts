/** TensorFlow.js on its WebGPU backend. Eager: each operation is a kernel, a training step is `variableGrads` and AdamW by hand. */
import { sizeOf } from '../../../src/shared/tensor.ts';
import type { Contestant, Prepared, Results } from '../contestant.ts';
import { installGpu } from '../gpu.ts';
import { LEARNING_RATE, type Problem } from '../problem.ts';
import { forwardOf, lossOf } from './forward.ts';
import { required, versionOf } from './modules.ts';
import type { Ops, Weights } from './ops.ts';

interface Tensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Variable extends Tensor {
  readonly name: string;
  assign(value: Tensor): void;
}
type Axes = number | readonly number[];
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype: 'float32' | 'int32'): Tensor;
  variable(value: Tensor, trainable: boolean, name: string): Variable;
  tidy<R>(work: () => R): R;
  variableGrads(
    loss: () => Tensor,
    variables: readonly Variable[],
  ): { readonly value: Tensor; readonly grads: Readonly<Record<string, Tensor>> };
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor | number, b: Tensor | number): Tensor;
  mul(a: Tensor | number, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor | number): Tensor;
  sqrt(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  square(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  neg(x: Tensor): Tensor;
  mean(x: Tensor, axes?: Axes, keep?: boolean): Tensor;
  sum(x: Tensor, axes?: Axes, keep?: boolean): Tensor;
  softmax(x: Tensor, axis?: number): Tensor;
  logSoftmax(x: Tensor, axis?: number): Tensor;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, order: readonly number[]): Tensor;
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  concat(items: readonly Tensor[], axis: number): Tensor;
  gather(x: Tensor, indices: Tensor, axis: number): Tensor;
}

export default async function tfjs(): Promise<Contestant> {
  await installGpu();
  const tf = required('@tensorflow/tfjs') as Tf;
  required('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js does not start its WebGPU backend');
  await tf.ready();
  const ops = opsOf(tf);
  return {
    about: `@tensorflow/tfjs ${versionOf('@tensorflow/tfjs')}, webgpu`,
    counted: true,
    prepare: async (problem) =>
      problem.row.kind === 'training' ? training(tf, ops, problem) : inference(tf, ops, problem),
  };
}

function opsOf(tf: Tf): Ops<Tensor> {
  return {
    constant: (data, shape) => tf.tensor(data, shape, data instanceof Int32Array ? 'int32' : 'float32'),
    shapeOf: (x) => x.shape,
    add: tf.add,
    sub: tf.sub,
    mul: tf.mul,
    scale: tf.mul,
    matmul: (a, b, transposed = false) => tf.matMul(a, b, false, transposed),
    reshape: tf.reshape,
    permute: tf.transpose,
    slice: (x, axis, from, to) =>
      tf.slice(
        x,
        x.shape.map((_, i) => (i === axis ? from : 0)),
        x.shape.map((size, i) => (i === axis ? to - from : size)),
      ),
    concat: tf.concat,
    softmax: (x) => tf.softmax(x),
    layerNorm: (x, weight, bias, epsilon) => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
      return tf.add(tf.mul(tf.mul(centred, scale), weight), bias);
    },
    rmsNorm: (x, weight, epsilon) =>
      tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon))), weight),
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    geluTanh: (x) => {
      const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
    },
    gather: (table, ids) => tf.gather(table, ids, 0),
    crossEntropy: (logits, oneHot) => tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot), -1))),
  };
}

function inference(tf: Tf, ops: Ops<Tensor>, problem: Problem): Prepared {
  const { name, inputs, forward } = forwardOf(ops, problem);
  const weights = uploaded(ops, problem);
  return {
    run: async () => {
      const y = tf.tidy(() => forward(weights, inputs));
      const data = await y.data();
      y.dispose();
      return { [name]: data };
    },
    dispose: () => {
      for (const tensor of [...Object.values(weights), ...Object.values(inputs)]) tensor.dispose();
    },
  };
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

function training(tf: Tf, ops: Ops<Tensor>, problem: Problem): Prepared {
  const { inputs, loss } = lossOf(ops, problem);
  const keys = Object.keys(problem.parameters);
  const zeros = (key: string): Tensor => {
    const { shape } = problem.parameters[key]!;
    return ops.constant(new Float32Array(sizeOf(shape)), shape);
  };
  const start = uploaded(ops, problem);
  const variables = (prefix: string, value: (key: string) => Tensor): Record<string, Variable> =>
    Object.fromEntries(keys.map((key) => [key, tf.variable(value(key), prefix === '', `${prefix}${key}`)]));
  const parameters = variables('', (key) => start[key]!);
  const m = variables('exp_avg.', zeros);
  const v = variables('exp_avg_sq.', zeros);
  let step = 0;

  function update(key: string, gradient: Tensor): void {
    const [p, first, second] = [parameters[key]!, m[key]!, v[key]!];
    first.assign(tf.add(tf.mul(first, BETA1), tf.mul(gradient, 1 - BETA1)));
    second.assign(tf.add(tf.mul(second, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)));
    const rate = LEARNING_RATE / (1 - BETA1 ** step);
    const root = tf.add(tf.div(tf.sqrt(second), Math.sqrt(1 - BETA2 ** step)), EPSILON);
    p.assign(tf.sub(p, tf.mul(tf.div(first, root), rate)));
  }

  return {
    run: async () => {
      step++;
      const value = tf.tidy(() => {
        const result = tf.variableGrads(() => loss(parameters, inputs), Object.values(parameters));
        for (const key of keys) update(key, result.grads[key]!);
        return result.value;
      });
      const data = await value.data();
      value.dispose();
      return { loss: data };
    },
    details: async () => {
      const details: Record<string, Float32Array> = {};
      for (const key of keys) {
        details[`exp_avg.${key}`] = await m[key]!.data();
        details[`parameter.${key}`] = await parameters[key]!.data();
      }
      return details satisfies Results;
    },
    dispose: () => {
      for (const key of keys) for (const tensors of [parameters, m, v]) tensors[key]!.dispose();
      for (const tensor of Object.values(inputs)) tensor.dispose();
    },
  };
}

function uploaded(ops: Ops<Tensor>, problem: Problem): Weights<Tensor> {
  const all = Object.entries(problem.parameters);
  return Object.fromEntries(all.map(([key, { data, shape }]) => [key, ops.constant(data as Float32Array, shape)]));
}
