/**
 * Rotary position embedding, of pairs (x₁, x₂) that lie half a head apart, as its parts:
 *
 *     concat(x₁ c − x₂ s, x₂ c + x₁ s, rest)             MDL, ONNX's own operator
 *     x · concat(c, c) + concat(−x₂, x₁) · concat(s, s)   transformers
 *
 * where c and s are the rows of tables at positions. What the tables hold is angles by position: it is looked at, not believed.
 */
import { type Dim, equalDims } from '../../shared/dim.ts';
import type { AnyNode, ValueId } from '../ir/graph.ts';
import type { Matcher } from './matcher.ts';
import { frequenciesOf, ofFrequencies } from './rotary-table.ts';

/** Elements start … end of the last axis of x. */
interface Piece {
  readonly x: ValueId;
  readonly start: number;
  readonly end: number;
}

function pieceOf(m: Matcher, value: ValueId): Piece | undefined {
  const part = m.made(value, 'slice');
  if (part) {
    const { starts, ends, steps } = part.attributes;
    const { shape } = m.type(part.inputs[0]);
    const last = shape.length - 1;
    const whole = shape.every((dim, axis) => axis === last || (starts[axis] === 0 && equalDims(ends[axis]!, dim)));
    const [start, end] = [starts[last], ends[last]];
    if (!whole || steps.some((step) => step !== 1) || typeof start !== 'number' || typeof end !== 'number')
      return undefined;
    return { x: part.inputs[0], start, end };
  }
  const split = m.made(value, 'split');
  if (!split || split.attributes.axis !== m.type(value).shape.length - 1) return undefined;
  const sizes = split.attributes.sizes.map(Number);
  const at = (split.outputs as readonly ValueId[]).indexOf(value);
  const start = sizes.slice(0, at).reduce((sum, size) => sum + size, 0);
  return { x: split.inputs[0], start, end: start + sizes[at]! };
}

/** The two factors of a product, the one that is `piece` first. */
function times(m: Matcher, value: ValueId, piece: (operand: ValueId) => boolean): ValueId | undefined {
  const product = m.made(value, 'mul');
  const at = product?.inputs.findIndex(piece) ?? -1;
  return at < 0 ? undefined : product!.inputs[1 - at];
}

/** What a head turns by: rows [B or 1, 1, T, dims/2] of cosines and sines. */
interface Turned {
  readonly x: ValueId;
  readonly dims: number;
  readonly cos: ValueId;
  readonly sin: ValueId;
}

/** (x₁ c − x₂ s, x₂ c + x₁ s) */
function halves(m: Matcher, first: ValueId, second: ValueId): Turned | undefined {
  const [difference, sum] = [m.made(first, 'sub'), m.made(second, 'add')];
  const minuend = difference && m.made(difference.inputs[0], 'mul');
  for (const [a, cos] of minuend ? [minuend.inputs, minuend.inputs.toReversed()] : []) {
    const low = pieceOf(m, a!);
    if (low?.start !== 0) continue;
    const dims = 2 * low.end;
    const isHigh = (value: ValueId): boolean => {
      const high = pieceOf(m, value);
      return high?.x === low.x && high.start === low.end && high.end === dims;
    };
    const isLow = (value: ValueId): boolean => value === a;
    const sin = times(m, difference!.inputs[1], isHigh);
    if (sin === undefined || !sum) continue;
    for (const [left, right] of [sum.inputs, sum.inputs.toReversed()] as [ValueId, ValueId][])
      if (times(m, left, isHigh) === cos && times(m, right, isLow) === sin) return { x: low.x, dims, cos: cos!, sin };
  }
  return undefined;
}

/** concat(−x₂, x₁) of x */
function turnedBy(m: Matcher, value: ValueId): ValueId | undefined {
  const joined = m.made(value, 'concat');
  const negated = joined?.inputs.length === 2 ? m.made(joined.inputs[0]!, 'neg') : undefined;
  const [high, low] = [negated && pieceOf(m, negated.inputs[0]), joined && pieceOf(m, joined.inputs[1]!)];
  if (!joined || !high || !low || joined.attributes.axis !== m.type(value).shape.length - 1) return undefined;
  const width = m.type(low.x).shape.at(-1);
  return high.x === low.x && low.start === 0 && low.end === high.start && 2 * low.end === high.end && high.end === width
    ? low.x
    : undefined;
}

/** Rows of which a value is concat(y, y) along its last axis, of one more axis or as it is, or the cosines or sines of that. */
function twice(m: Matcher, value: ValueId, node: AnyNode): ValueId | undefined {
  const whole = m.root(value);
  const made = m.made(whole, 'cos') ?? m.made(whole, 'sin');
  const y = joinedTwice(m, made ? made.inputs[0] : whole);
  if (y === undefined) return undefined;
  const rows = made ? m.emit(made.op as 'cos' | 'sin', [y], {}, made) : y;
  const shape = m.type(value).shape;
  return m.reshape(rows, [...shape.slice(0, -1), m.type(y).shape.at(-1)!], node);
}

function joinedTwice(m: Matcher, value: ValueId): ValueId | undefined {
  const joined = m.made(value, 'concat');
  const [a, b] = joined?.inputs ?? [];
  return joined?.inputs.length === 2 && a === b && joined.attributes.axis === m.type(value).shape.length - 1
    ? a
    : undefined;
}

interface Angles {
  /** [B or 1, T] */
  readonly positions: ValueId;
  readonly max_positions: number;
  readonly theta: number;
  readonly frequencies?: readonly number[];
}

/** Rows of a table at positions [B or 1, T]. */
function rowsOf(m: Matcher, value: ValueId): { readonly table: ValueId; readonly positions: ValueId } | undefined {
  const gather = m.made(m.root(value), 'gather');
  if (gather?.attributes.axis !== 0) return undefined;
  const [table, positions] = gather.inputs;
  const of = m.type(table).shape;
  return of.length === 2 && fits(m, value, positions, of[1]!) ? { table, positions } : undefined;
}

/** Whether [B or 1, 1, T, half] has a row for each of the positions. */
function fits(m: Matcher, value: ValueId, positions: ValueId, half: Dim): boolean {
  const [shape, at] = [m.type(value).shape, m.type(positions).shape];
  if (shape.length !== 4 || !equalDims(shape[1]!, 1) || at.length !== 2) return false;
  const spread = equalDims(at[0]!, shape[0]!) || equalDims(at[0]!, 1);
  return spread && equalDims(at[1]!, shape[2]!) && equalDims(half, shape[3]!);
}

function lookedUp(m: Matcher, { cos, sin, dims }: Turned): Angles | undefined {
  const [ofCos, ofSin] = [rowsOf(m, cos), rowsOf(m, sin)];
  if (!ofCos || !ofSin || m.root(ofCos.positions) !== m.root(ofSin.positions)) return undefined;
  const [cosines, sines] = [m.table(ofCos.table), m.table(ofSin.table)];
  if (!cosines || !sines || cosines.width !== dims / 2) return undefined;
  const found = frequenciesOf(cosines, sines);
  return found && { positions: ofCos.positions, max_positions: cosines.rows, ...found };
}

/** Positions [B or 1, T] times frequencies, as a product that broadcasts or a matrix product. */
function angles(
  m: Matcher,
  value: ValueId,
): { readonly positions: ValueId; readonly frequencies: ValueId } | undefined {
  const turned = m.made(value, 'transpose');
  const product =
    turned?.attributes.permutation.join() === '0,2,1' ? m.made(turned.inputs[0], 'matmul') : m.made(value, 'mul');
  for (const [at, by] of product ? [product.inputs, product.inputs.toReversed()] : []) {
    const cast = m.made(m.root(at!), 'cast');
    if (cast && m.vector(m.root(by!))) return { positions: cast.inputs[0], frequencies: m.root(by!) };
  }
  return undefined;
}

/** cos and sin of angles, which are known for any position. */
function computed(m: Matcher, { cos, sin, dims }: Turned): Angles | undefined {
  const [cosine, sine] = [m.made(m.root(cos), 'cos'), m.made(m.root(sin), 'sin')];
  if (!cosine || !sine || cosine.inputs[0] !== sine.inputs[0]) return undefined;
  const found = angles(m, cosine.inputs[0]);
  const numbers = found && m.vector(found.frequencies);
  if (!numbers || numbers.length !== dims / 2) return undefined;
  const positions = flatPositions(m, found.positions);
  if (positions === undefined || !fits(m, cos, positions, numbers.length)) return undefined;
  if (m.positions === undefined) {
    m.anyPosition = true;
    return undefined;
  }
  return { positions, max_positions: m.positions, ...ofFrequencies(numbers) };
}

/** [B or 1, T] of positions that have axes of size 1 more. */
function flatPositions(m: Matcher, value: ValueId): ValueId | undefined {
  if (m.type(value).shape.length === 2) return value;
  const view = m.made(value, 'reshape');
  return view && flatPositions(m, view.inputs[0]);
}

function rotary(m: Matcher, turned: Turned, node: AnyNode): ValueId | undefined {
  const { x, dims } = turned;
  const found = m.type(x).shape.length === 4 ? (lookedUp(m, turned) ?? computed(m, turned)) : undefined;
  if (!found) return undefined;
  const { positions, theta, max_positions, frequencies } = found;
  const attributes = { dims, theta, max_positions, ...(frequencies ? { frequencies } : {}) };
  return m.emit('rotary', [x, positions], attributes, node);
}

/** Over x [B, H, T, D]. */
export function rotaryOf(m: Matcher, node: AnyNode): ValueId | undefined {
  const [first, second, rest, ...more] = node.inputs as [ValueId, ValueId, ValueId | undefined, ...ValueId[]];
  if (node.op !== 'concat' || node.attributes.axis !== 3 || second === undefined || more.length > 0) return undefined;
  const found = halves(m, first, second);
  if (!found) return undefined;
  const width = m.type(found.x).shape[3];
  const kept = rest === undefined ? undefined : pieceOf(m, rest);
  const complete =
    rest === undefined ? found.dims === width : kept?.x === found.x && kept.start === found.dims && kept.end === width;
  return complete ? rotary(m, found, node) : undefined;
}

/** A head of which the first part is turned, and the rest as it is. */
export function partlyTurned(m: Matcher, node: AnyNode): ValueId | undefined {
  const [first, rest, ...more] = node.inputs as [ValueId, ValueId | undefined, ...ValueId[]];
  const turned = m.made(first, 'rotary');
  if (node.op !== 'concat' || node.attributes.axis !== 3 || !turned || rest === undefined || more.length > 0)
    return undefined;
  const [part, kept] = [pieceOf(m, turned.inputs[0]), pieceOf(m, rest)];
  const width = m.type(node.outputs[0]!).shape[3];
  const { dims } = turned.attributes;
  const fits =
    part && part.x === kept?.x && part.start === 0 && part.end === dims && kept.start === dims && kept.end === width;
  return fits ? m.emit('rotary', [part.x, turned.inputs[1]], turned.attributes, node) : undefined;
}

export function rotaryByHalves(m: Matcher, node: AnyNode): ValueId | undefined {
  for (const [plain, crossed] of [node.inputs, node.inputs.toReversed()] as [ValueId, ValueId][]) {
    const product = m.made(crossed, 'mul');
    for (const [turned, sines] of product ? [product.inputs, product.inputs.toReversed()] : []) {
      const x = turnedBy(m, turned!);
      const cosines = x === undefined ? undefined : times(m, plain, (value) => value === x);
      const [cos, sin] = [cosines, sines].map((value) => (value === undefined ? undefined : twice(m, value, node)));
      if (x === undefined || cos === undefined || sin === undefined) continue;
      const dims = Number(m.type(x).shape.at(-1));
      const found = rotary(m, { x, dims, cos, sin }, node);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
