/**
 * Rotary position embedding, rotate-half: element i of a head turns with element i + dims/2.
 *
 * angle(position, i) = position · θ^(−2i/dims), i < dims/2        (Su et al., RoFormer, 2021, eq. 15)
 *
 * The cos and sin tables [max_positions, dims/2] are computed in float64 at compile time and stored once per graph; the
 * rows of the step's positions are gathered once for all layers. Gather rejects a position beyond the table.
 */
import type { Dim, Shape } from '../../../../shared/dim.ts';
import { printDim } from '../../../../shared/dim.ts';
import { frequencyOf } from '../../../../shared/rotary.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import type { Emitter } from '../emitter.ts';
import { expand } from '../shapes.ts';
import type { Lowerings, Operand } from './rule.ts';

function table(emit: Emitter, kind: 'cos' | 'sin', { inverse: _, ...of }: OpAttributes['rotary']): string {
  const { dims, theta, max_positions, frequencies } = of;
  // one table for each setting, whatever a setting has
  return emit.shared(`rotary ${kind} ${JSON.stringify(Object.entries(of).sort())}`, () => {
    const half = dims / 2;
    const data = new Float64Array(max_positions * half);
    for (let position = 0; position < max_positions; position++) {
      for (let i = 0; i < half; i++) {
        data[position * half + i] = Math[kind](position * frequencyOf(i, dims, theta, frequencies));
      }
    }
    return emit.wide({ dtype: 'f32', shape: [max_positions, half], data }, `rotary_${kind}`);
  });
}

/** f32 [B or 1, T, dims/2]: the table's rows for these positions */
function rowsOf(emit: Emitter, positions: Operand, rows: string): string {
  return emit.shared(`${rows} at ${positions.name}`, () => emit.op('Gather', [rows, positions.name], { axis: 0 }));
}

/** Plain operators: turn the first dims elements in two halves, keep the rest. */
function plainRotary(emit: Emitter, x: Operand, cos: string, sin: string, dims: number): string {
  const perHead = (rows: string) =>
    emit.shared(`${rows} per head`, () => emit.op('Unsqueeze', [rows, emit.indices([1])])); // [B, 1, T, dims/2]
  const [c, s] = [perHead(cos), perHead(sin)];
  const rest = Number(x.type.shape[3]) - dims; // head_dim is static by the type rule
  const sizes = [dims / 2, dims / 2, ...(rest > 0 ? [rest] : [])];
  const [a, b, ...kept] = emit.outputs('Split', [x.name, emit.indices(sizes)], sizes.length, { axis: 3 });
  const first = emit.op('Sub', [emit.op('Mul', [a!, c]), emit.op('Mul', [b!, s])]);
  const second = emit.op('Add', [emit.op('Mul', [b!, c]), emit.op('Mul', [a!, s])]);
  return emit.op('Concat', [first, second, ...kept], { axis: 3 });
}

export const ROTARY: Lowerings<'rotary'> = {
  rotary: (emit, { inputs, attributes }) => {
    const [x, positions] = [inputs[0], inputs[1]];
    const { dims } = attributes;
    if (dims === 0) return [x.name];
    const cos = rowsOf(emit, positions, table(emit, 'cos', attributes));
    const forward = rowsOf(emit, positions, table(emit, 'sin', attributes));
    // turning back: sin(−angle) = −sin(angle)
    const sin = attributes.inverse ? emit.shared(`minus ${forward}`, () => emit.op('Neg', [forward])) : forward;
    if (emit.opset < 23) return [plainRotary(emit, x, cos, sin, dims)];
    const [batch, , queries] = x.type.shape as [Dim, Dim, Dim];
    const from: Shape = [...positions.type.shape, dims / 2];
    const to: Shape = [batch, queries, dims / 2];
    // the operator wants rows for every sequence of the batch, also where all share their positions
    const full = (rows: string) => emit.shared(`${rows} for ${printDim(batch)}`, () => expand(emit, rows, from, to));
    return [emit.op('RotaryEmbedding', [x.name, full(cos), full(sin)], { rotary_embedding_dim: dims, interleaved: 0 })];
  },
};
