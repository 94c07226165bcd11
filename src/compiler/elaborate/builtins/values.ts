/** Built-in functions of compile-time values: numbers, lists, initialisers. Some also convert tensors. */
import type { Initializer } from '../../../shared/initializer.ts';
import { diagnose } from '../../diagnostics/catalogue.ts';
import { roundHalfEven } from '../../ops/pointwise.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import { bool, describe, float, int, list, type Value } from '../values.ts';

/** A list longer than this is a mistake, not a model. */
const MAX_RANGE = 1_000_000;

const initializer = (
  name: string,
  doc: string,
  parameters: string[],
  make: (c: BoundCall) => Initializer,
): Builtin => ({
  name,
  doc,
  parameters,
  call: (c) => ({ kind: 'initializer', initializer: make(c) }),
});

/** An int of a call's argument `x`, which is refused where an int could not keep it. */
function whole(c: BoundCall, value: number): Value {
  if (Number.isSafeInteger(value)) return int(value);
  return c.fail(`x of ${c.name}`, 'a number below 2^53', String(value), c.argument('x').span);
}

/** Of a number an int; of a tensor floats without a fraction, where an op of the IR has the same meaning. */
const rounding = (name: string, doc: string, round: (x: number) => number, op?: 'round' | 'floor'): Builtin => ({
  name,
  doc,
  parameters: ['x'],
  call: (c) => {
    const { kind } = c.value('x');
    return op && (kind === 'tensor' || kind === 'parameter')
      ? c.op(op, [c.operand('x', 'f32')], {})
      : whole(c, round(c.float('x')));
  },
});

export const VALUE_BUILTINS: readonly Builtin[] = [
  {
    name: 'range',
    doc: 'The ints 0 … end − 1, or start … end − 1.',
    parameters: ['start', 'end?'],
    call: (c) => {
      const bound = (parameter: 'start' | 'end'): number => {
        // `range(T)` gives the end alone
        const what = `${c.has('end') ? parameter : 'end'} of range`;
        const { value, span } = c.argument(parameter);
        if (value.kind !== 'dim') return c.evaluator.intOf(value, span, what);
        const notes = [
          'a loop is written out at compile time; positions as a tensor are `iota(T)`, and ops work on all of them at once',
        ];
        return c.fail(what, 'known at compile time', 'a dynamic dimension', span, notes);
      };
      const [start, end] = c.has('end') ? [bound('start'), bound('end')] : [0, bound('start')];
      if (end - start > MAX_RANGE)
        c.fail(`the range ${start} to ${end}`, `at most ${MAX_RANGE} long`, `${end - start} long`, c.span);
      c.evaluator.effort.step(c.span, Math.max(0, end - start));
      return list(Array.from({ length: Math.max(0, end - start) }, (_, i) => int(start + i)));
    },
  },
  {
    name: 'len',
    doc: 'The number of items of a list.',
    parameters: ['items'],
    call: (c) => int(c.items('items').length),
  },
  {
    name: 'pair',
    doc: 'A list of two from an int or a list of two, as the kernel of a convolution is given.',
    parameters: ['x'],
    call: (c) => list(c.pair('x').map(int)),
  },
  {
    name: 'int',
    doc: 'A number without its fraction (towards zero), or a tensor as ints.',
    parameters: ['x'],
    call: (c) => {
      const value = c.value('x');
      if (value.kind === 'int' || value.kind === 'float') return whole(c, Math.trunc(value.value));
      if (value.kind === 'bool') return int(value.value ? 1 : 0);
      if (value.kind === 'dim') return value;
      return c.op('cast', [c.operand('x')], { to: 'i64' });
    },
  },
  {
    name: 'float',
    doc: 'A number as a float, or a tensor as floats.',
    parameters: ['x'],
    call: (c) => {
      const value = c.value('x');
      if (value.kind === 'int' || value.kind === 'float') return float(value.value);
      return c.op('cast', [c.operand('x')], { to: 'f32' });
    },
  },
  {
    name: 'bool',
    doc: 'A tensor as bools: whether each element is not 0.',
    parameters: ['x'],
    call: (c) => {
      const value = c.value('x');
      if (value.kind === 'bool') return value;
      if (value.kind === 'int' || value.kind === 'float') return bool(value.value !== 0);
      return c.op('cast', [c.operand('x')], { to: 'bool' });
    },
  },
  rounding('floor', 'The largest int not above a number, or above each of a tensor.', Math.floor, 'floor'),
  rounding('ceil', 'The smallest int not below a number.', Math.ceil),
  rounding(
    'round',
    'The nearest int, of a number or of each of a tensor; a tie goes to the even one.',
    roundHalfEven,
    'round',
  ),
  {
    name: 'one_of',
    doc: 'The place of a word in a list of the words that are known; any other is an error that names `what`.',
    parameters: ['word', 'known', 'what'],
    call: (c) => {
      const word = c.string('word');
      const known = c
        .items('known')
        .map((item) =>
          item.kind === 'string'
            ? item.value
            : c.fail('known of one_of', 'a list of strings', describe(item), c.argument('known').span),
        );
      const place = known.indexOf(word);
      if (place >= 0) return int(place);
      const details = { what: c.string('what'), name: word, known: known.map((one) => JSON.stringify(one)).join(', ') };
      return c.evaluator.fail(diagnose('unknown_choice', details, c.argument('word').span, c.evaluator.here()));
    },
  },
  initializer('zeros', 'Zeros.', [], () => ({ kind: 'zeros' })),
  initializer('ones', 'Ones.', [], () => ({ kind: 'ones' })),
  initializer('constant', 'One value everywhere.', ['value'], (c) => ({ kind: 'constant', value: c.float('value') })),
  initializer('normal', 'Normal with a standard deviation.', ['std', 'mean?'], (c) => ({
    kind: 'normal',
    std: c.float('std'),
    mean: c.float('mean', 0),
  })),
  initializer(
    'truncated_normal',
    'Normal, cut to [a, b] (torch.nn.init.trunc_normal_: −2 to 2).',
    ['std', 'mean?', 'a?', 'b?'],
    (c) => ({
      kind: 'truncated_normal',
      std: c.float('std'),
      mean: c.float('mean', 0),
      a: c.float('a', -2),
      b: c.float('b', 2),
    }),
  ),
  initializer('uniform', 'Uniform in [low, high).', ['low', 'high'], (c) => ({
    kind: 'uniform',
    low: c.float('low'),
    high: c.float('high'),
  })),
  initializer(
    'kaiming_uniform',
    'Uniform within ±√(6 / ((1 + a²) fan_in)). He et al. 2015, arXiv:1502.01852.',
    ['a?'],
    (c) => ({
      kind: 'kaiming_uniform',
      a: c.float('a', 0),
    }),
  ),
  initializer(
    'xavier_uniform',
    'Uniform within ±gain √(6 / (fan_in + fan_out)). Glorot and Bengio 2010.',
    ['gain?'],
    (c) => ({
      kind: 'xavier_uniform',
      gain: c.float('gain', 1),
    }),
  ),
  initializer('arange', '0, 1, 2, … in row-major order.', [], () => ({ kind: 'arange' })),
  {
    name: 'bicubic_grid',
    doc: 'For `resample`: a table of learned positions over a square grid, after `prefix` rows that are kept, is bicubically resampled when a checkpoint has another grid.',
    parameters: ['prefix?'],
    call: (c) => ({ kind: 'resample', prefix: c.int('prefix', 0) }),
  },
];

/** `max` and `min` of numbers, or undefined where the arguments are no numbers. */
export function numericExtreme(c: BoundCall, pick: (...values: number[]) => number): Value | undefined {
  const values = ['x', 'axes', 'keepdims'].filter((name) => c.has(name)).map((name) => c.value(name));
  const numbers = values.flatMap((value) => (value.kind === 'int' || value.kind === 'float' ? [value] : []));
  if (numbers.length !== values.length || numbers.length < 2) return undefined;
  const result = pick(...numbers.map((number) => number.value));
  return numbers.every((number) => number.kind === 'int') ? int(result) : float(result);
}
