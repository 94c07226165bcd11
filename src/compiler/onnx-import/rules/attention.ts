/** Rotary embedding (opset 23), rotate-half: (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin), the rest of a head as it is. */
import { divideDims, mulDims, type Shape } from '../../../shared/dim.ts';
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

export const ATTENTION: Readonly<Record<string, Rule>> = {
  RotaryEmbedding: rotary,
};
