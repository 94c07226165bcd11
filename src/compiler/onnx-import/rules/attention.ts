/** Attention and rotary embedding, operators of opset 23. */
import { type Dim, divideDims, equalDims, mulDims, type Shape } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';
import { sliced } from './movement.ts';
import { withAxis } from './shapes.ts';

/** The rows of a table [positions, dims/2] at the positions of a step, or the rows themselves: [B, 1, T, dims/2]. */
function rows(c: Call, index: number): ValueId {
  const table = c.tensor(index, 'f32');
  const at = c.has(3) ? c.emit('gather', [table, c.tensor(3, 'i64')], { axis: 0 }) : table;
  return c.importer.reshape(at, withAxis(c.shapeOf(at), 1));
}

/** Rotate-half: (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin), the rest of a head as it is. */
const rotary: Rule = (c) => {
  c.only('interleaved', 0);
  const heads = c.int('num_heads', 0);
  const given = c.shape(0);
  let x = c.tensor(0, 'f32');
  if (given.length === 3) {
    const each = divideDims(given[2]!, heads) ?? c.fail(`${heads} heads do not divide its width`);
    const apart = c.importer.reshape(x, [given[0]!, given[1]!, heads, each]);
    x = c.emit('transpose', [apart], { permutation: [0, 2, 1, 3] });
  }
  const [cos, sin] = [rows(c, 1), rows(c, 2)];
  const half = c.static(c.shapeOf(cos)[3]!, 'the width of its cosines');
  const width = c.static(c.shapeOf(x)[3]!, 'the width of a head');
  const dims = c.int('rotary_embedding_dim', 0) || width;
  if (dims !== 2 * half) c.fail(`it turns ${dims} elements and has ${half} cosines`);
  const part = (start: number, end: number): ValueId => sliced(c, x, [{ axis: 3, start, end, step: 1 }]);
  const [a, b] = [part(0, half), part(half, dims)];
  const times = (left: ValueId, right: ValueId): ValueId => c.emit('mul', [left, right], {});
  const first = c.emit('sub', [times(a, cos), times(b, sin)], {});
  const second = c.emit('add', [times(b, cos), times(a, sin)], {});
  const rest = dims < width ? [part(dims, width)] : [];
  const y = c.emit('concat', [first, second, ...rest], { axis: 3 });
  if (given.length === 4) return c.made(y);
  const back = c.emit('transpose', [y], { permutation: [0, 2, 1, 3] });
  const flat: Shape = [given[0]!, given[1]!, mulDims(heads, width)];
  return c.made(c.importer.reshape(back, flat));
};

/** [B, H, T, D] of that, or of [B, T, H · D] */
function byHead(c: Call, index: number, heads: number): ValueId {
  const [x, shape] = [c.tensor(index, 'f32'), c.shape(index)];
  if (shape.length === 4) return x;
  if (shape.length !== 3) c.fail(`its operand ${index} has ${shape.length} axes, and 3 or 4 are expected`);
  const each =
    (heads > 0 ? divideDims(shape[2]!, heads) : undefined) ?? c.fail(`${heads} heads do not divide its width`);
  const apart = c.importer.reshape(x, [shape[0]!, shape[1]!, heads, each]);
  return c.emit('transpose', [apart], { permutation: [0, 2, 1, 3] });
}

/** A mask or bias of up to four axes as [B or 1, H or 1, T, S]. */
function perQuery(c: Call, index: number, queries: Dim, keys: Dim): ValueId {
  const shape = c.shape(index);
  if (shape.length > 4) c.fail(`its attn_mask has ${shape.length} axes`);
  const wide = c.importer.reshape(c.tensor(index), [...new Array<Dim>(4 - shape.length).fill(1), ...shape]);
  const [batch, heads, ...matrix] = c.shapeOf(wide) as readonly [Dim, Dim, Dim, Dim];
  const whole = [batch, heads, queries, keys];
  const same = equalDims(matrix[0], queries) && equalDims(matrix[1], keys);
  return same ? wide : c.emit('expand', [wide], { shape: whole });
}

/** A query that sees no key is 0 here, which the operator leaves open. */
const attention: Rule = (c) => {
  c.only('softmax_precision', 1);
  // of the output that the conversion refuses where it is used
  c.ignore('qk_matmul_output_mode');
  if (c.has(6)) c.fail('its nonpad_kv_seqlen says which keys are padding');
  const [scale, cap] = [c.given('scale') ? c.float('scale', 0) : null, c.float('softcap', 0)];
  const [heads, groups] = [c.int('q_num_heads', 0), c.int('kv_num_heads', 0)];
  const q = byHead(c, 0, heads);
  const joined = (index: number, past: number): ValueId => {
    const rows = byHead(c, index, groups);
    return c.has(past) ? c.emit('concat', [c.tensor(past, 'f32'), rows], { axis: 2 }) : rows;
  };
  const [k, v] = [joined(1, 4), joined(2, 5)];
  const [batch, count, queries] = c.shapeOf(q) as readonly [Dim, Dim, Dim];
  const keys = c.shapeOf(k)[2]!;
  const causal = c.flag('is_causal', false);
  if (causal && !equalDims(queries, keys))
    c.fail('it is causal, and has more keys than queries: MDL counts from the last, and it from the first');
  const given = c.has(3) ? [perQuery(c, 3, queries, keys)] : [];
  const biased = given.length > 0 && c.type(3).dtype === 'f32';
  const y = c.emit('attention', [q, k, v, ...given], {
    causal,
    scale,
    ...(cap > 0 ? { soft_cap: cap } : {}),
    ...(biased ? { biased: true } : {}),
  });
  if (c.rank(0) === 4) return c.made(y, k, v);
  const width = mulDims(count, c.shapeOf(y)[3]!);
  const back = c.emit('transpose', [y], { permutation: [0, 2, 1, 3] });
  return c.made(c.importer.reshape(back, [batch, queries, width]), k, v);
};

export const ATTENTION: Readonly<Record<string, Rule>> = {
  Attention: attention,
  RotaryEmbedding: rotary,
};
