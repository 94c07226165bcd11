/** Reductions, orders and softmax. */
import { productOf } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';

/** The axes that a reduction folds; undefined: none. */
function axesOf(c: Call): readonly number[] | undefined {
  const rank = c.rank(0);
  const all = c.shape(0).map((_, axis) => axis);
  const attribute = c.intList('axes');
  const given = c.has(1) ? c.numbers(1) : attribute;
  const keepsAll = c.flag('noop_with_empty_axes', false);
  if (given && given.length > 0) return c.axes(given, rank);
  return keepsAll ? undefined : all;
}

type Fold = 'sum' | 'mean' | 'max' | 'min';

const fold =
  (op: Fold, before?: (c: Call, x: ValueId) => ValueId, after?: (c: Call, y: ValueId) => ValueId): Rule =>
  (c) => {
    const axes = axesOf(c);
    const keepdims = c.flag('keepdims', true);
    const x = c.tensor(0);
    const from = before ? before(c, x) : x;
    const y = axes ? c.emit(op, [from], { axes, keepdims }) : from;
    return c.made(after ? after(c, y) : y);
  };

const squared = (c: Call, x: ValueId): ValueId => c.emit('mul', [x, x], {});

/** log Σ eˣ = m + log Σ e^(x − m), m the largest */
const logSumExp: Rule = (c) => {
  const axes = axesOf(c) ?? c.fail('it folds nothing');
  const keepdims = c.flag('keepdims', true);
  const x = c.tensor(0, 'f32');
  const most = c.emit('max', [x], { axes, keepdims: true });
  const sum = c.emit('sum', [c.emit('exp', [c.emit('sub', [x, most], {})], {})], { axes, keepdims: true });
  const y = c.emit('add', [most, c.emit('log', [sum], {})], {});
  return c.made(
    keepdims
      ? y
      : c.importer.reshape(
          y,
          c.shape(0).filter((_, axis) => !axes.includes(axis)),
        ),
  );
};

const extreme =
  (smallest: boolean): Rule =>
  (c) => {
    c.only('select_last_index', 0);
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    const x = c.tensor(0);
    const from = smallest ? c.emit('neg', [c.tensor(0, 'f32')], {}) : x;
    const y = c.emit('argmax', [from], { axis });
    if (!c.flag('keepdims', true)) return c.made(y);
    return c.made(
      c.importer.reshape(
        y,
        c.shape(0).map((dim, index) => (index === axis ? 1 : dim)),
      ),
    );
  };

const topK: Rule = (c) => {
  c.ignore('sorted');
  const axis = c.axis(c.int('axis', -1), c.rank(0));
  const k = c.opset < 10 ? c.int('k', 0) : c.number(1);
  const x = c.tensor(0);
  const from = c.flag('largest', true) ? x : c.emit('neg', [c.tensor(0, 'f32')], {});
  const indices = c.emit('top_k', [from], { axis, k });
  return c.made(c.emit('gather_elements', [x, indices], { axis }), indices);
};

const cumulative: Rule = (c) => {
  c.only('exclusive', 0);
  const axis = c.axis(c.number(1), c.rank(0));
  const backwards = c.flag('reverse', false);
  const turned = (x: ValueId): ValueId => (backwards ? c.emit('flip', [x], { axes: [axis] }) : x);
  return c.made(turned(c.emit('cumsum', [turned(c.tensor(0))], { axis })));
};

/** Before opset 13 all axes from `axis` on are one. */
const softmax =
  (op: 'softmax' | 'log_softmax'): Rule =>
  (c) => {
    const x = c.tensor(0, 'f32');
    const shape = c.shape(0);
    const axis = c.axis(c.int('axis', c.opset < 13 ? 1 : -1), shape.length);
    if (c.opset >= 13 || axis === shape.length - 1) return c.made(c.emit(op, [x], { axis }));
    const rows = c.importer.reshape(x, [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))]);
    return c.made(c.importer.reshape(c.emit(op, [rows], { axis: 1 }), shape));
  };

export const REDUCTIONS: Readonly<Record<string, Rule>> = {
  ReduceSum: fold('sum'),
  ReduceMean: fold('mean'),
  ReduceMax: fold('max'),
  ReduceMin: fold('min'),
  ReduceSumSquare: fold('sum', squared),
  ReduceL2: fold('sum', squared, (c, y) => c.emit('sqrt', [y], {})),
  ReduceL1: fold('sum', (c, x) => c.emit('abs', [x], {})),
  ReduceLogSum: fold('sum', undefined, (c, y) => c.emit('log', [y], {})),
  ReduceLogSumExp: logSumExp,
  ArgMax: extreme(false),
  ArgMin: extreme(true),
  TopK: topK,
  CumSum: cumulative,
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('log_softmax'),
};
