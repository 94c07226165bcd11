/** Built-in functions that are another thing in training: what is dropped, drawn, asked for, and what no gradient passes. */
import type { Shape } from '../../../shared/dim.ts';
import { diagnose } from '../../diagnostics/catalogue.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import { recordedEffect } from '../recorded.ts';
import { type Trace, type TrainingTrace, trainsHere } from '../trace.ts';
import { bool, type Operand, type Value } from '../values.ts';

function isTraining(c: BoundCall): Value {
  const { trace } = c.evaluator;
  if (trace) {
    trace.asked.training = true;
    trace.record?.question(trace.builder, c.evaluator.calls.usersPlace(c.span));
    return bool(trainsHere(trace));
  }
  const notes = ['members are the same in every graph: ask in the body of a forward, an entry or a fn'];
  return c.evaluator.fail(diagnose('training_unknown', {}, c.span, { ...c.evaluator.here(), notes }));
}

/** x · [u ≥ p] / (1 − p) with u uniform in [0, 1): the expectation is x. */
function dropout(c: BoundCall): Value {
  const p = c.float('p');
  if (!(p >= 0 && p < 1)) c.fail('p of dropout', 'a probability from 0 to below 1', String(p), c.argument('p').span);
  const x = c.operand('x', 'f32');
  if (p === 0) return x.source.value;
  const id = recordedEffect(
    c.evaluator,
    x.id,
    () => dropped(c, x, p),
    (result) => ({ kind: 'dropout', operand: x.id, p, result }),
  );
  return id === x.id ? x.source.value : { kind: 'tensor', id, span: c.span };
}

function dropped(c: BoundCall, x: Operand, p: number): ValueId {
  const { trace } = c.evaluator;
  if (!trace?.training?.drops || !trainsHere(trace)) return x.id;
  const { builder, training } = trace;
  const origin = c.evaluator.emission.origin(c.span);
  const uniform = builder.node(
    'random_uniform',
    [seedOf(trace, training)],
    { shape: x.type.shape, salt: nextSalt(trace, training) },
    origin,
  );
  // a multiple of 2⁻²⁴ as the numbers are, so that f32 and f64 targets keep the same elements
  const threshold = builder.scalar(Math.round(p * 2 ** 24) / 2 ** 24);
  const kept = builder.node('less_equal', [threshold, uniform], {}, origin);
  const mask = builder.node(
    'mul',
    [builder.node('cast', [kept], { to: 'f32' }, origin), builder.scalar(1 / (1 - p))],
    {},
    origin,
  );
  const product = c.op('mul', [x, { id: mask, type: x.type, source: x.source }], {});
  return c.evaluator.emission.operand(product, c.span).id;
}

function seedOf({ builder }: Trace, training: TrainingTrace): ValueId {
  training.seed ??= builder.input('dropout_seed', 'i64', []);
  return training.seed;
}

/** Each call of a module's bodies that draws has numbers of its own. */
function nextSalt({ path }: Trace, { calls }: TrainingTrace): number {
  const call = calls.get(path) ?? 0;
  calls.set(path, call + 1);
  return saltOf(`${path} ${call}`);
}

/** FNV-1a, 32 bits, of a text's UTF-16 units. */
function saltOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Numbers of the step that is trained; a clause in a graph of inference is only checked, and draws from seed 0. */
function random(c: BoundCall, shape: Shape = c.shape('shape')): Value {
  const { trace } = c.evaluator;
  if (!trace) return c.evaluator.fail(diagnose('tensor_at_compile_time', { name: c.name }, c.span, c.evaluator.here()));
  const { training, builder } = trace;
  const origin = c.evaluator.emission.origin(c.span);
  const draws = training && (trace.backward || trainsHere(trace));
  if (!draws && !trace.backward) {
    const notes = ['write `if is_training() { … }` around it, or a `backward` clause'];
    return c.evaluator.fail(diagnose('random_outside_training', {}, c.span, { ...c.evaluator.here(), notes }));
  }
  const [seed, salt] = draws ? [seedOf(trace, training), nextSalt(trace, training)] : [builder.scalar(0, 'i64'), 0];
  return { kind: 'tensor', id: builder.node('random_uniform', [seed], { shape, salt }, origin), span: c.span };
}

/** √(−2 log u) cos(2πv) of two uniform numbers, u in (0, 1]. Box and Muller 1958. */
function randomNormal(c: BoundCall): Value {
  const shape = c.shape('shape');
  const operand = (value: Value): Operand => c.evaluator.emission.operand(value, c.span, 'f32');
  const times = (value: Value, factor: number): Operand =>
    operand(c.op('mul', [operand(value), operand({ kind: 'float', value: factor })], {}));
  const u = c.op('sub', [operand({ kind: 'float', value: 1 }), operand(random(c, shape))], {});
  const radius = c.op('sqrt', [times(c.op('log', [operand(u)], {}), -2)], {});
  const angle = c.op('cos', [times(random(c, shape), 2 * Math.PI)], {});
  return c.op('mul', [operand(radius), operand(angle)], {});
}

export const TRAINING_BUILTINS: readonly Builtin[] = [
  {
    name: 'stop_gradient',
    doc: 'x, through which no gradient goes back: `x + stop_gradient(y - x)` has the value of y and the gradient of x.',
    parameters: ['x'],
    call: (c) => c.op('stop_gradient', [c.operand('x', 'f32')], {}),
  },
  {
    name: 'is_training',
    doc: 'Whether the graph is that of a step of training, in whose stage `eval` leaves this module out; known while bodies are traced.',
    parameters: [],
    call: isTraining,
  },
  {
    name: 'dropout',
    doc: 'x · mask / (1 − p) in training, where each element is dropped with probability p; x elsewhere. Srivastava et al. 2014.',
    parameters: ['x', 'p'],
    call: dropout,
  },
  {
    name: 'random',
    doc: 'Numbers in [0, 1) of this shape, independent of each other: drawn from the seed of the run and its step, the same on every target. In a `backward` clause, or where is_training() holds.',
    parameters: ['shape'],
    call: (c) => random(c),
  },
  {
    name: 'random_normal',
    doc: 'Numbers of the standard normal distribution of this shape, by √(−2 log u) cos(2πv) of two draws of `random`, where that may be called: `x + 0.1 * random_normal([B, 8])`. None is larger than 5.77, as u is a multiple of 2⁻²⁴.',
    parameters: ['shape'],
    call: randomNormal,
  },
];
