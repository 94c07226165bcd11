/**
 * Optimisers as compositions of IR ops: p is the parameter, g its gradient (unscaled, clipped), lr the learning rate,
 * t the number of this update from 1, λ the weight decay (0 for tensors that have none). All f32.
 */
import type { ConfigValue } from '../../shared/artifact.ts';
import { STATE_BLOCK } from '../../shared/training.ts';
import type { NodeSink } from '../ir/editor.ts';
import type { ValueId } from '../ir/graph.ts';
import { CODES_PER_WORD, decoded, encoded } from './eight-bit.ts';
import { StageError } from './stage-error.ts';

/** Values of one parameter's update. */
export interface UpdateInputs {
  readonly p: ValueId;
  readonly g: ValueId;
  readonly shape: readonly number[];
  /** by slot name */
  readonly state: Readonly<Record<string, ValueId>>;
  readonly lr: ValueId;
  readonly t: ValueId;
  /** whether weight decay applies; a bool of p's shape where it does to some elements only */
  readonly decay: boolean | ValueId;
}

export interface UpdateOutputs {
  readonly p: ValueId;
  readonly state: Readonly<Record<string, ValueId>>;
}

export interface Optimiser {
  readonly slots: readonly string[];
  /** as a TrainingPlan has them */
  readonly slotSizes?: Readonly<Record<string, number>>;
  /** λ of the parameters that decay */
  readonly weightDecay: number;
  /** its arguments with those that the stage leaves out, as it takes them */
  readonly settings: OptimiserSettings;
  update(b: NodeSink, inputs: UpdateInputs): UpdateOutputs;
}

export type OptimiserSettings =
  | {
      readonly name: 'adamw' | 'adam';
      readonly betas: readonly [number, number];
      readonly eps: number;
      /** of each number of its state */
      readonly bits: 8 | 32;
    }
  | { readonly name: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
  | { readonly name: 'lion'; readonly betas: readonly [number, number] };

type Arguments = Readonly<Record<string, ConfigValue>>;
export type OptimiserName = 'adamw' | 'adam' | 'sgd' | 'lion';

export const OPTIMISERS: { readonly [N in OptimiserName]: (settings: Arguments) => Optimiser } = {
  /**
   * m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²
   * p ← p(1 − lr λ) − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
   * Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, in the order of torch.optim.AdamW.
   */
  adamw: (settings) => {
    const { betas, eps, bits, weightDecay } = adamSettings(settings, 0.01);
    return {
      ...adamState(bits),
      weightDecay,
      settings: { name: 'adamw', betas, eps, bits },
      update(b, inputs) {
        const { p, lr, decay } = inputs;
        return adam(b, { ...inputs, p: decoupled(b, p, lr, weightDecay, decay) }, betas, eps, bits);
      },
    };
  },
  /** As adamw, with the decay in the gradient: g ← g + λp. Kingma and Ba 2015, arXiv:1412.6980; torch.optim.Adam. */
  adam: (settings) => {
    const { betas, eps, bits, weightDecay } = adamSettings(settings, 0);
    return {
      ...adamState(bits),
      weightDecay,
      settings: { name: 'adam', betas, eps, bits },
      update(b, inputs) {
        const { p, g, decay } = inputs;
        return adam(b, { ...inputs, g: coupled(b, p, g, weightDecay, decay) }, betas, eps, bits);
      },
    };
  },
  /**
   * g ← g + λp,  m ← μm + g,  p ← p − lr · (g + μm with nesterov, else m)
   * Sutskever et al. 2013; torch.optim.SGD with dampening 0, whose first m is g.
   */
  sgd: (settings) => {
    const momentum = numberOf(settings, 'momentum', 0, (x) => x >= 0 && x < 1, 'from 0 to below 1');
    const nesterov = settings.nesterov === true;
    const weightDecay = decayOf(settings, 0);
    if (nesterov && momentum === 0) throw new StageError('nesterov needs a momentum above 0');
    return {
      slots: momentum === 0 ? [] : ['momentum'],
      weightDecay,
      settings: { name: 'sgd', momentum, nesterov },
      update(b, { p, g, state, lr, decay }) {
        const gradient = coupled(b, p, g, weightDecay, decay);
        if (momentum === 0) return { p: b.node('sub', [p, mul(b, lr, gradient)], {}), state: {} };
        const m = add(b, scale(b, state.momentum!, momentum), gradient);
        const direction = nesterov ? add(b, gradient, scale(b, m, momentum)) : m;
        return { p: b.node('sub', [p, mul(b, lr, direction)], {}), state: { momentum: m } };
      },
    };
  },
  /**
   * p ← p(1 − lr λ) − lr · sign(β₁m + (1 − β₁)g),  m ← β₂m + (1 − β₂)g
   * Chen et al. 2023, arXiv:2302.06675, algorithm 2.
   */
  lion: (settings) => {
    const [beta1, beta2] = betasOf(settings, [0.9, 0.99]);
    const weightDecay = decayOf(settings, 0);
    return {
      slots: ['exp_avg'],
      weightDecay,
      settings: { name: 'lion', betas: [beta1, beta2] },
      update(b, { p, g, state, lr, decay }) {
        const m = state.exp_avg!;
        const decayed = decoupled(b, p, lr, weightDecay, decay);
        const direction = sign(b, blend(b, m, g, beta1));
        return { p: b.node('sub', [decayed, mul(b, lr, direction)], {}), state: { exp_avg: blend(b, m, g, beta2) } };
      },
    };
  },
};

/** m has a sign, v has none. */
const SIGNED = { exp_avg: true, exp_avg_sq: false } as const;
type Moment = keyof typeof SIGNED;

/** With 8 bits each moment is codes, and the largest number of each block. */
function adamState(bits: 8 | 32): Pick<Optimiser, 'slots' | 'slotSizes'> {
  if (bits === 32) return { slots: ['exp_avg', 'exp_avg_sq'] };
  return {
    slots: ['exp_avg', 'exp_avg_max', 'exp_avg_sq', 'exp_avg_sq_max'],
    slotSizes: {
      exp_avg: CODES_PER_WORD,
      exp_avg_max: STATE_BLOCK,
      exp_avg_sq: CODES_PER_WORD,
      exp_avg_sq_max: STATE_BLOCK,
    },
  };
}

/** The update itself goes by the new moments before they are codes. */
function adam(
  b: NodeSink,
  { p, g, shape, state, lr, t }: Omit<UpdateInputs, 'decay'>,
  [beta1, beta2]: readonly [number, number],
  eps: number,
  bits: 8 | 32,
): UpdateOutputs {
  const before = (moment: Moment): ValueId =>
    bits === 32
      ? state[moment]!
      : decoded(b, { codes: state[moment]!, max: state[`${moment}_max`]! }, shape, SIGNED[moment]);
  const after = (moment: Moment, value: ValueId): Record<string, ValueId> => {
    if (bits === 32) return { [moment]: value };
    const { codes, max } = encoded(b, value, shape, SIGNED[moment]);
    return { [moment]: codes, [`${moment}_max`]: max };
  };
  const m = blend(b, before('exp_avg'), g, beta1);
  const v = blend(b, before('exp_avg_sq'), mul(b, g, g), beta2);
  const root = b.node('sqrt', [v], {});
  const correction = b.node('sqrt', [oneMinusPower(b, beta2, t)], {});
  const denominator = add(b, b.node('div', [root, correction], {}), b.scalar(eps));
  const size = b.node('div', [lr, oneMinusPower(b, beta1, t)], {});
  const step = mul(b, size, b.node('div', [m, denominator], {}));
  return { p: b.node('sub', [p, step], {}), state: { ...after('exp_avg', m), ...after('exp_avg_sq', v) } };
}

/**
 * 1 − βᵗ without cancellation, which in f32 would cost four digits at β₂ = 0.999 and t = 1:
 * −expm1(x) = −2u / (1 − u) with u = tanh(x/2), x = t ln β.
 */
function oneMinusPower(b: NodeSink, beta: number, t: ValueId): ValueId {
  if (beta === 0) return b.scalar(1);
  const u = b.node('tanh', [scale(b, t, Math.log(beta) / 2)], {});
  return b.node('div', [scale(b, u, -2), b.node('sub', [b.scalar(1), u], {})], {});
}

const add = (b: NodeSink, x: ValueId, y: ValueId): ValueId => b.node('add', [x, y], {});
const mul = (b: NodeSink, x: ValueId, y: ValueId): ValueId => b.node('mul', [x, y], {});
const scale = (b: NodeSink, x: ValueId, by: number): ValueId => mul(b, x, b.scalar(by));

/** βx + (1 − β)y */
const blend = (b: NodeSink, x: ValueId, y: ValueId, beta: number): ValueId =>
  add(b, scale(b, x, beta), scale(b, y, 1 - beta));

type Decay = UpdateInputs['decay'];

/** p(1 − lr λ) */
function decoupled(b: NodeSink, p: ValueId, lr: ValueId, weightDecay: number, decay: Decay): ValueId {
  if (decay === false || weightDecay === 0) return p;
  return where(b, decay, mul(b, p, b.node('sub', [b.scalar(1), scale(b, lr, weightDecay)], {})), p);
}

/** g + λp */
function coupled(b: NodeSink, p: ValueId, g: ValueId, weightDecay: number, decay: Decay): ValueId {
  if (decay === false || weightDecay === 0) return g;
  return where(b, decay, add(b, g, scale(b, p, weightDecay)), g);
}

const where = (b: NodeSink, condition: true | ValueId, x: ValueId, otherwise: ValueId): ValueId =>
  condition === true ? x : b.node('where', [condition, x, otherwise], {});

/** [0 < x] − [x < 0] */
function sign(b: NodeSink, x: ValueId): ValueId {
  const zero = b.scalar(0);
  const as = (condition: ValueId): ValueId => b.node('cast', [condition], { to: 'f32' });
  return b.node('sub', [as(b.node('less', [zero, x], {})), as(b.node('less', [x, zero], {}))], {});
}

function adamSettings(settings: Arguments, weightDecay: number) {
  return {
    betas: betasOf(settings, [0.9, 0.999]),
    eps: numberOf(settings, 'eps', 1e-8, (x) => x > 0, 'above 0'),
    bits: numberOf(settings, 'bits', 32, (x) => x === 8 || x === 32, 'that is 8 or 32') as 8 | 32,
    weightDecay: decayOf(settings, weightDecay),
  };
}

function decayOf(settings: Arguments, fallback: number): number {
  return numberOf(settings, 'weight_decay', fallback, (x) => x >= 0, 'at least 0');
}

function betasOf(settings: Arguments, fallback: readonly [number, number]): readonly [number, number] {
  const value = settings.betas;
  if (value === undefined) return fallback;
  const fits = (x: unknown): x is number => typeof x === 'number' && x >= 0 && x < 1;
  const [first, second, ...rest] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (fits(first) && fits(second) && rest.length === 0) return [first, second];
  throw new StageError(`betas is ${JSON.stringify(value)}, and two numbers from 0 to below 1 are expected`);
}

/** @throws StageError */
export function numberOf(
  settings: Arguments,
  name: string,
  fallback: number | undefined,
  fits: (x: number) => boolean,
  range: string,
): number {
  const value = settings[name] ?? fallback;
  if (typeof value === 'number' && fits(value)) return value;
  if (value === undefined) throw new StageError(`${name} is missing, and a number ${range} is expected`);
  throw new StageError(`${name} is ${JSON.stringify(value)}, and a number ${range} is expected`);
}
