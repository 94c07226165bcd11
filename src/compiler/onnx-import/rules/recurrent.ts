/**
 * LSTM and GRU over a number of steps that is known: each step is written out, and reads the state that the one before left.
 *
 *     LSTM  i, o, f, g = W x + R h + b    c' = σ(f) c + σ(i) tanh(g)    h' = σ(o) tanh(c')
 *     GRU   z, r = σ(W x + R h + b)    n = tanh(W x + b + r (R h + b))    h' = (1 − z) n + z h
 */
import type { Dim } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { Call, Rule } from '../call.ts';
import { sliced } from './movement.ts';

/** Steps that are written out, at most. */
const MOST_STEPS = 256;

interface Layer {
  readonly steps: number;
  readonly batch: Dim;
  readonly hidden: number;
  readonly directions: readonly ('forward' | 'reverse')[];
}

function layerOf(c: Call, usual: readonly string[]): Layer {
  c.only('layout', 0);
  c.only('input_forget', 0);
  if (c.given('clip')) c.fail('its attribute clip cuts what it computes');
  if (c.has(4)) c.fail('its rows have lengths of their own (sequence_lens)');
  const direction = c.string('direction', 'forward');
  const directions = { forward: ['forward'], reverse: ['reverse'], bidirectional: ['forward', 'reverse'] } as const;
  if (!Object.hasOwn(directions, direction)) c.fail(`its direction is ${direction}`);
  const chosen = directions[direction as keyof typeof directions];
  const activations = c.stringList('activations');
  if (activations?.some((name, index) => name !== usual[index % usual.length]))
    c.fail(`its activations are ${activations.join(', ')}, and only ${usual.join(', ')} are read`);
  const [length, batch] = c.shape(0) as readonly [Dim, Dim, Dim];
  const steps = c.static(length, 'the number of its steps');
  if (steps > MOST_STEPS) c.fail(`it has ${steps} steps, and at most ${MOST_STEPS} are written out`);
  return { steps, batch, hidden: c.int('hidden_size', 0), directions: chosen };
}

/** Entry `at` of the first axis, which goes. */
function entry(c: Call, x: ValueId, at: number): ValueId {
  const shape = c.shapeOf(x);
  return c.importer.reshape(sliced(c, x, [{ axis: 0, start: at, end: at + 1, step: 1 }]), shape.slice(1));
}

const part = (c: Call, x: ValueId, axis: number, index: number, size: number): ValueId =>
  sliced(c, x, [{ axis, start: index * size, end: (index + 1) * size, step: 1 }]);

const add = (c: Call, a: ValueId, b: ValueId): ValueId => c.emit('add', [a, b], {});
const times = (c: Call, a: ValueId, b: ValueId): ValueId => c.emit('mul', [a, b], {});
const sigmoid = (c: Call, x: ValueId): ValueId => c.emit('sigmoid', [x], {});
const tanh = (c: Call, x: ValueId): ValueId => c.emit('tanh', [x], {});

/** The state that a direction begins with: zeros where the file gives none. */
function initial(c: Call, index: number, at: number, { batch, hidden }: Layer): ValueId {
  if (c.has(index)) return entry(c, c.tensor(index, 'f32'), at);
  return c.emit('expand', [c.importer.scalar(0)], { shape: [batch, hidden] });
}

/** One direction: the states after each step, in the order of the steps, and the last. */
function run<S>(
  { steps, directions }: Layer,
  at: number,
  start: S,
  step: (state: S, index: number) => S,
): { readonly states: readonly S[]; readonly last: S } {
  const states: S[] = [];
  let state = start;
  const backwards = directions[at] === 'reverse';
  for (let index = 0; index < steps; index++) {
    state = step(state, backwards ? steps - 1 - index : index);
    states.push(state);
  }
  return { states: backwards ? states.reverse() : states, last: state };
}

/** [steps, directions, batch, hidden] of the states of each direction */
function sequence(c: Call, layer: Layer, states: readonly (readonly ValueId[])[]): ValueId {
  const shape = [1, 1, layer.batch, layer.hidden];
  const rows = Array.from({ length: layer.steps }, (_, index) => {
    const each = states.map((direction) => c.importer.reshape(direction[index]!, shape));
    return each.length === 1 ? each[0]! : c.emit('concat', each, { axis: 1 });
  });
  return rows.length === 1 ? rows[0]! : c.emit('concat', rows, { axis: 0 });
}

function lasts(c: Call, layer: Layer, states: readonly ValueId[]): ValueId {
  const each = states.map((state) => c.importer.reshape(state, [1, layer.batch, layer.hidden]));
  return each.length === 1 ? each[0]! : c.emit('concat', each, { axis: 0 });
}

const lstm: Rule = (c) => {
  const layer = layerOf(c, ['Sigmoid', 'Tanh', 'Tanh']);
  if (c.has(7)) c.fail('its gates look at the cell (peepholes)');
  const { hidden } = layer;
  const x = c.tensor(0, 'f32');
  const found = layer.directions.map((_, at) => {
    const [weight, recurrent] = [entry(c, c.weight(1), at), entry(c, c.weight(2), at)];
    const bias = c.has(3) ? entry(c, c.weight(3), at) : undefined;
    const biases = bias === undefined ? [] : [add(c, part(c, bias, 0, 0, 4 * hidden), part(c, bias, 0, 1, 4 * hidden))];
    const given = c.emit('linear', [x, weight, ...biases], {});
    const start = { h: initial(c, 5, at, layer), c: initial(c, 6, at, layer) };
    return run(layer, at, start, (state, index) => {
      const gates = add(c, entry(c, given, index), c.emit('linear', [state.h, recurrent], {}));
      const [i, o, f, g] = [0, 1, 2, 3].map((gate) => part(c, gates, 1, gate, hidden)) as [
        ValueId,
        ValueId,
        ValueId,
        ValueId,
      ];
      const cell = add(c, times(c, sigmoid(c, f), state.c), times(c, sigmoid(c, i), tanh(c, g)));
      return { h: times(c, sigmoid(c, o), tanh(c, cell)), c: cell };
    });
  });
  const all = found.map(({ states }) => states.map(({ h }) => h));
  const [h, cells] = [found.map(({ last }) => last.h), found.map(({ last }) => last.c)];
  return c.made(sequence(c, layer, all), lasts(c, layer, h), lasts(c, layer, cells));
};

const gru: Rule = (c) => {
  const layer = layerOf(c, ['Sigmoid', 'Tanh']);
  const resetsAfter = c.flag('linear_before_reset', false);
  const { hidden } = layer;
  const x = c.tensor(0, 'f32');
  const found = layer.directions.map((_, at) => {
    const [weight, recurrent] = [entry(c, c.weight(1), at), entry(c, c.weight(2), at)];
    const bias = c.has(3) ? entry(c, c.weight(3), at) : undefined;
    const [own, past] = [0, 1].map((half) => (bias === undefined ? [] : [part(c, bias, 0, half, 3 * hidden)])) as [
      ValueId[],
      ValueId[],
    ];
    const given = c.emit('linear', [x, weight, ...own], {});
    return run(layer, at, initial(c, 5, at, layer), (h, index) => {
      const now = entry(c, given, index);
      const gate = (of: ValueId, which: number): ValueId => part(c, of, 1, which, hidden);
      // r acts on R h + b, or on h before it is multiplied
      const before = c.emit('linear', [h, recurrent, ...past], {});
      const [z, r] = [0, 1].map((which) => sigmoid(c, add(c, gate(now, which), gate(before, which)))) as [
        ValueId,
        ValueId,
      ];
      const rows = part(c, recurrent, 0, 2, hidden);
      const reset = resetsAfter
        ? times(c, r, gate(before, 2))
        : c.emit('linear', [times(c, r, h), rows, ...past.map((all) => part(c, all, 0, 2, hidden))], {});
      const n = tanh(c, add(c, gate(now, 2), reset));
      const kept = c.emit('sub', [c.importer.scalar(1), z], {});
      return add(c, times(c, kept, n), times(c, z, h));
    });
  });
  return c.made(
    sequence(
      c,
      layer,
      found.map(({ states }) => states),
    ),
    lasts(
      c,
      layer,
      found.map(({ last }) => last),
    ),
  );
};

export const RECURRENT: Readonly<Record<string, Rule>> = { LSTM: lstm, GRU: gru };
