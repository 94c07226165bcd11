/**
 * The operations that a library of arrays has to offer for the rows: the models are written once over them
 * (`models.ts`), so that TensorFlow.js and jax-js compute the same thing, each with the best it has for each operation.
 */
export interface Ops<T> {
  constant(data: Float32Array | Int32Array, shape: readonly number[]): T;
  shapeOf(x: T): readonly number[];
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  scale(a: T, factor: number): T;
  /** [..., m, k] · [..., k, n]; with `transposed` the second is [..., n, k] */
  matmul(a: T, b: T, transposed?: boolean): T;
  reshape(x: T, shape: readonly number[]): T;
  permute(x: T, order: readonly number[]): T;
  /** elements from … to (exclusive) along one axis */
  slice(x: T, axis: number, from: number, to: number): T;
  concat(items: readonly T[], axis: number): T;
  /** over the last axis */
  softmax(x: T): T;
  layerNorm(x: T, weight: T, bias: T, epsilon: number): T;
  rmsNorm(x: T, weight: T, epsilon: number): T;
  /** exact, by erf */
  gelu(x: T): T;
  geluTanh(x: T): T;
  /** rows of a table [rows, width] by ids [n]: [n, width] */
  gather(table: T, ids: T): T;
  /** mean over rows of −log softmax(logits [n, classes])[targets], given as one-hot rows [n, classes] */
  crossEntropy(logits: T, oneHot: T): T;
}

/** Parameters by checkpoint key. */
export type Weights<T> = Readonly<Record<string, T>>;
