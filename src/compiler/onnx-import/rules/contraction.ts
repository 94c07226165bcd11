/** Matrix products. */
import { equalDims } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';
import type { Stored } from '../values.ts';

/** A weight of the file [in, out] as MDL's linear stores it, [out, in]: where nothing else reads it as it is. */
function asWeight(c: Call, index: number): Stored | undefined {
  const value = c.held(index);
  if (value?.shape.length !== 2 || value.dtype !== 'f32') return undefined;
  const { all, asMatrix } = c.usesOf(index);
  // one that is turned already is back in the file's order
  if (!value.turned && all !== asMatrix) return undefined;
  return { ...value, trains: true, turned: !value.turned, shape: [value.shape[1]!, value.shape[0]!] };
}

const matmul: Rule = (c) => {
  const x = c.tensor(0, 'f32');
  const weight = c.rank(0) > 0 ? asWeight(c, 1) : undefined;
  if (weight) return c.made(c.emit('linear', [x, c.importer.tensor(weight)], {}));
  return c.made(c.emit('matmul', [x, c.weight(1)], { transpose_a: false, transpose_b: false }));
};

/** α A B + β C */
const gemm: Rule = (c) => {
  const [transposesA, transposesB] = [c.flag('transA', false), c.flag('transB', false)];
  const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)];
  c.ignore('broadcast');
  const a = c.tensor(0, 'f32');
  const x = transposesA ? c.emit('transpose', [a], { permutation: [1, 0] }) : a;
  const turned = transposesB ? undefined : asWeight(c, 1);
  const weight = transposesB ? c.weight(1) : turned && c.importer.tensor(turned);
  const scaled = (y: ValueId, by: number): ValueId => (by === 1 ? y : c.emit('mul', [y, c.importer.scalar(by)], {}));
  if (weight !== undefined) {
    const out = c.importer.builder.typeOf(weight).shape[0]!;
    const biasFits = c.has(2) && c.rank(2) === 1 && equalDims(c.shape(2)[0]!, out);
    if (biasFits && alpha === 1 && beta === 1) return c.made(c.emit('linear', [x, weight, c.weight(2)], {}));
  }
  const product =
    weight === undefined
      ? c.emit('matmul', [x, c.weight(1)], { transpose_a: false, transpose_b: false })
      : c.emit('linear', [x, weight], {});
  const y = scaled(product, alpha);
  return c.made(c.has(2) ? c.emit('add', [y, scaled(c.weight(2), beta)], {}) : y);
};

export const CONTRACTION: Readonly<Record<string, Rule>> = { MatMul: matmul, Gemm: gemm };
