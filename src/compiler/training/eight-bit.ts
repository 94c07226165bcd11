/**
 * Optimiser state in 8 bits: Dettmers, Lewis, Shleifer and Zettlemoyer 2022, "8-bit Optimizers via Block-wise Quantization",
 * arXiv:2110.02861.
 *
 *     value = max of its block of 256 · MAP[code],   code = the entry of MAP that is nearest to value / max
 *
 * MAP is the dynamic one: decades from 1e−6 to 1, each with twice as many values as the one below, equally far apart, as
 * `create_dynamic_map` of bitsandbytes has them. Between two entries the lower is taken.
 *
 * Tensors of the IR are f32 or i64, so three codes share an f32, which holds integers to 2^24 exactly:
 *
 *     codes  f32 [⌈256 · blocks / 3⌉]   65536 · first + 256 · second + third
 *     max    f32 [blocks]               zeros at first, and then every value is zero
 */
import { sizeOf } from '../../shared/tensor.ts';
import { STATE_BLOCK as BLOCK, blockedSize } from '../../shared/training.ts';
import type { NodeSink } from '../ir/editor.ts';
import type { ValueId } from '../ir/graph.ts';

/** Codes in one f32. */
export const CODES_PER_WORD = 3;
const DECADES = 7;

/** 256 values from −1 or 0 to 1, ascending. */
export function dynamicMap(signed: boolean): Float64Array {
  const values = [0, 1];
  for (let decade = 0; decade < DECADES; decade++) {
    const count = 2 ** (decade + (signed ? 0 : 1));
    for (let i = 0; i < count; i++) {
      // the middle of each of `count` equal parts of 0.1 … 1
      const value = 10 ** (decade - DECADES + 1) * (0.1 + (0.9 * (i + 0.5)) / count);
      values.push(value);
      if (signed) values.push(-value);
    }
  }
  return Float64Array.from(
    values.sort((a, b) => a - b),
    Math.fround,
  );
}

export interface BlockedState {
  readonly codes: ValueId;
  readonly max: ValueId;
}

/** f32 of the shape. */
export function decoded(b: NodeSink, { codes, max }: BlockedState, shape: readonly number[], signed: boolean): ValueId {
  const padded = blockedSize(1, shape);
  const words = blockedSize(CODES_PER_WORD, shape);
  const first = b.node('floor', [mul(b, codes, 1 / 65536)], {});
  const others = b.node('sub', [codes, mul(b, first, 65536)], {});
  const second = b.node('floor', [mul(b, others, 1 / 256)], {});
  const third = b.node('sub', [others, mul(b, second, 256)], {});
  const columns = [first, second, third].map((code) => b.node('reshape', [code], { shape: [words, 1] }));
  const flat = b.node('reshape', [b.node('concat', columns, { axis: 1 })], { shape: [CODES_PER_WORD * words] });
  const index = within(b, b.node('cast', [leading(b, flat, CODES_PER_WORD * words, padded)], { to: 'i64' }));
  const values = b.node('gather', [table(b, dynamicMap(signed)), index], { axis: 0 });
  const blocks = b.node('reshape', [values], { shape: [padded / BLOCK, BLOCK] });
  const scaled = b.node('mul', [blocks, b.node('reshape', [max], { shape: [padded / BLOCK, 1] })], {});
  const whole = b.node('reshape', [scaled], { shape: [padded] });
  return b.node('reshape', [leading(b, whole, padded, sizeOf(shape))], { shape });
}

/** What of a state is kept. */
export function encoded(b: NodeSink, values: ValueId, shape: readonly number[], signed: boolean): BlockedState {
  const [count, padded] = [sizeOf(shape), blockedSize(1, shape)];
  const words = blockedSize(CODES_PER_WORD, shape);
  const flat = filled(b, b.node('reshape', [values], { shape: [count] }), count, padded);
  const blocks = b.node('reshape', [flat], { shape: [padded / BLOCK, BLOCK] });
  const most = b.node('max', [b.node('abs', [blocks], {})], { axes: [1], keepdims: true });
  // a block of zeros has no scale
  const divisor = b.node('where', [b.node('less', [b.scalar(0), most], {}), most, b.scalar(1)], {});
  const codes = nearest(b, b.node('div', [blocks, divisor], {}), dynamicMap(signed));
  const ordered = b.node('reshape', [codes], { shape: [padded] });
  const rows = b.node('reshape', [filled(b, ordered, padded, CODES_PER_WORD * words)], {
    shape: [words, CODES_PER_WORD],
  });
  const [first, second, third] = [0, 1, 2].map((at) => {
    const column = b.node('slice', [rows], { starts: [0, at], ends: [words, at + 1], steps: [1, 1] });
    return b.node('reshape', [column], { shape: [words] });
  }) as [ValueId, ValueId, ValueId];
  const upper = b.node('add', [mul(b, first, 65536), mul(b, second, 256)], {});
  return {
    codes: b.node('add', [upper, third], {}),
    max: b.node('reshape', [most], { shape: [padded / BLOCK] }),
  };
}

/** f32 of the index of the nearest entry: how many of the middles between entries are smaller. */
function nearest(b: NodeSink, values: ValueId, map: Float64Array): ValueId {
  const middles = table(
    b,
    Float64Array.from({ length: map.length - 1 }, (_, i) => Math.fround((map[i]! + map[i + 1]!) / 2)),
  );
  let index: ValueId | undefined;
  for (let step = map.length / 2; step >= 1; step /= 2) {
    const probe = index === undefined ? b.scalar(step - 1, 'i64') : addInteger(b, index, step - 1);
    const middle = b.node('gather', [middles, probe], { axis: 0 });
    const larger = b.node('cast', [b.node('less', [middle, values], {})], { to: 'i64' });
    const further = b.node('mul', [larger, b.scalar(step, 'i64')], {});
    index = index === undefined ? further : b.node('add', [index, further], {});
  }
  return b.node('cast', [index!], { to: 'f32' });
}

const table = (b: NodeSink, values: Float64Array): ValueId =>
  b.constant({ dtype: 'f32', shape: [values.length], data: values });

const mul = (b: NodeSink, x: ValueId, by: number): ValueId => b.node('mul', [x, b.scalar(by)], {});

const addInteger = (b: NodeSink, x: ValueId, by: number): ValueId =>
  by === 0 ? x : b.node('add', [x, b.scalar(by, 'i64')], {});

/** An index that is in the map whatever a file has. */
const within = (b: NodeSink, index: ValueId): ValueId =>
  b.node('maximum', [b.node('minimum', [index, b.scalar(255, 'i64')], {}), b.scalar(0, 'i64')], {});

/** The first elements of a flat tensor. */
const leading = (b: NodeSink, x: ValueId, size: number, count: number): ValueId =>
  size === count ? x : b.node('slice', [x], { starts: [0], ends: [count], steps: [1] });

/** A flat tensor with zeros behind it. */
const filled = (b: NodeSink, x: ValueId, size: number, count: number): ValueId =>
  size === count ? x : b.node('pad', [x], { before: [0], after: [count - size], value: 0 });
