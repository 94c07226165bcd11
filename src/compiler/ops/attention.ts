/** Scaled dot-product attention and rotary position embedding, both over [batch, heads, sequence, head_dim]. */
import { mulDims, productOf } from '../../shared/dim.ts';
import { frequencyOf } from '../../shared/rotary.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { type AttentionAttributes, evaluateAttention, inferAttention } from './attention-scores.ts';
import type { Op, Operand } from './declare.ts';
import { perElement } from './flops.ts';
import { axisRef, expectDType, expectLayout, expectSameDim, expectStatic, F32, I64 } from './rules.ts';
import type { Family } from './spec.ts';
import { IndexRangeError, TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface AttentionOps {
  /**
   * (q [B, H, T, D], k [B, G, S, D], v [B, G, S, E], mask? bool [B, S] or [B, 1 or H, T, S], bias? f32 [B or 1, H or 1, T, S])
   * → [B, H, T, E]; H is a multiple of G, and each run of H/G heads shares keys and values.
   * What a query does not see never counts for it. A query that sees no key yields zeros.
   */
  attention: Op<readonly [q: Operand, k: Operand, v: Operand, ...mask_bias: Operand[]], AttentionAttributes>;
  /**
   * (x [B, H, T, D], positions i64 [B, T] or [1, T]): rotate-half rotary embedding of the first `dims` elements of
   * each head; positions < max_positions. inverse: turns back (the angles negated), which is also the gradient.
   */
  rotary: Op<
    readonly [x: Operand, positions: Operand],
    {
      readonly dims: number;
      readonly theta: number;
      readonly max_positions: number;
      /** radians of each pair per position, [dims/2], in place of theta^(−2i/dims) */
      readonly frequencies?: readonly number[];
      readonly inverse?: true;
    }
  >;
}

/** Numbers in the table of a rotary embedding, 64 MiB of f32; Phi-2's has 65,536. */
const MOST_ROTATIONS = 2 ** 24;

function inferRotary(
  inputs: readonly TensorType[],
  { dims, max_positions, theta, frequencies }: AttentionOps['rotary']['attributes'],
): TensorType {
  const x = expectDType('rotary', inputs, 0, 'x', F32);
  expectLayout('rotary', inputs, 0, 'x', 4, '[B, H, T, D]');
  expectDType('rotary', inputs, 1, 'positions', I64);
  expectLayout('rotary', inputs, 1, 'positions', 2, '[B, T] or [1, T]');
  const headDim = expectStatic('rotary', axisRef(inputs, 0, 3, 'head_dim'));
  if (!Number.isInteger(dims) || dims < 0 || dims % 2 !== 0 || dims > headDim) {
    throw new TypeRuleError(
      `rotary turns an even number of elements of each head, and dims is ${dims} and head_dim is ${headDim}`,
      [{ operand: 0, axis: 3, label: `head_dim is ${headDim}` }],
    );
  }
  if (frequencies && (frequencies.length !== dims / 2 || !frequencies.every(Number.isFinite))) {
    throw new TypeRuleError(
      `rotary takes a finite frequency for each of ${dims / 2} pairs and got ${frequencies.length} frequencies`,
    );
  }
  if (!(theta > 0)) throw new TypeRuleError(`rotary needs a theta above 0 and got ${theta}`);
  if (!Number.isInteger(max_positions) || max_positions < 1 || max_positions * dims > MOST_ROTATIONS) {
    throw new TypeRuleError(
      `rotary needs max_positions of at least 1, and a table of max_positions · dims of at most ${MOST_ROTATIONS} numbers, and got ${max_positions} · ${dims}`,
    );
  }
  const batch = axisRef(inputs, 1, 0, 'batch size');
  if (batch.dim !== 1) {
    expectSameDim(
      axisRef(inputs, 0, 0, 'batch size'),
      batch,
      (a, b) => `rotary's batch size is ${a} in x and ${b} in positions`,
    );
  }
  expectSameDim(
    axisRef(inputs, 0, 2, 'sequence length'),
    axisRef(inputs, 1, 1, 'sequence length'),
    (a, b) => `rotary takes one position per token, and the sequence is ${a} in x and ${b} in positions`,
  );
  return x;
}

/**
 * Su et al. 2021 in the rotate-half layout: element i pairs with i + dims/2, both turned by
 * position · frequency i, which is theta^(−2i/dims) unless given.
 */
function evaluateRotary(
  x: WideTensor,
  positions: WideTensor,
  { dims, theta, max_positions, frequencies, inverse }: AttentionOps['rotary']['attributes'],
): WideTensor {
  const [batch, heads, length, headDim] = x.shape as [number, number, number, number];
  const half = dims / 2;
  const out = x.data.slice();
  for (const position of positions.data) {
    if (position >= 0 && position < max_positions) continue;
    const what = `rotary got position ${position} and max_positions is ${max_positions}`;
    throw new IndexRangeError(what, position, max_positions);
  }
  const perImage = positions.shape[0] === 1 ? 0 : length;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const position = positions.data[b * perImage + t]!;
      for (let i = 0; i < half; i++) {
        const angle = (inverse ? -position : position) * frequencyOf(i, dims, theta, frequencies);
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        for (let h = 0; h < heads; h++) {
          const at = ((b * heads + h) * length + t) * headDim + i;
          const [low, high] = [x.data[at]!, x.data[at + half]!];
          out[at] = low * cos - high * sin;
          out[at + half] = high * cos + low * sin;
        }
      }
    }
  }
  return wide('f32', x.shape, out);
}

export const ATTENTION: Family<AttentionOps> = {
  attention: {
    name: 'attention',
    doc: 'softmax(scale · q kᵀ + bias) v over the visible keys; k and v may have fewer heads [B, G, S, D], each for H/G of q; scale null is 1/√head_dim; soft_cap c: c · tanh(score / c) before the bias [B or 1, H or 1, T, S]; causal: query i sees keys 0 … S − T + i, with a window W the last W of them; mask [B, S] or [B, 1 or H, T, S]; what a query does not see never counts for it (ONNX and PyTorch multiply a value that causal or a mask per query hides by 0, and 0 · NaN is NaN; PyTorch also adds −∞ to the score of a key that a mask hides, and NaN − ∞ is NaN); a query that sees no key, or whose scores are all −∞, yields zeros.',
    operands: [
      { name: 'q' },
      { name: 'k' },
      { name: 'v' },
      { name: 'mask', optional: true },
      { name: 'bias', optional: true },
    ],
    traits: {},
    // scores q·k and values p·v: 2 · S · D and 2 · S · E for an element of [B, H, T, D]; E = D in all models
    flops: ([, k], { shape }) => mulDims(productOf(shape), mulDims(4, k.shape[2]!)),
    infer: (inputs, attributes) => [inferAttention('attention', inputs, attributes)],
    evaluate: ([q, k, v, ...more], attributes) => [evaluateAttention(q, k, v, more, attributes)],
  },
  rotary: {
    name: 'rotary',
    doc: 'Rotate-half rotary embedding of the first `dims` elements of each head: (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin) with angle position · theta^(−2i/dims), or position · frequencies[i]; inverse: with the angles negated.',
    operands: [{ name: 'x' }, { name: 'positions' }],
    traits: {},
    flops: perElement(3),
    indices: (_, { max_positions }) => ({ operand: 1, size: max_positions }),
    infer: (inputs, attributes) => [inferRotary(inputs, attributes)],
    evaluate: ([x, positions], attributes) => [evaluateRotary(x, positions, attributes)],
  },
};
