/** Update graphs against torch's AdamW (fixtures), and against each optimiser's formula in float64. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { OPTIMISERS, type OptimiserName } from '../../src/compiler/training/optimisers.ts';
import { updateGraph } from '../../src/compiler/training/update.ts';
import type { ConfigValue } from '../../src/shared/artifact.ts';
import type { HostTensor, WideTensor } from '../../src/shared/tensor.ts';
import { OPSETS, runOnnx } from '../backends/onnx/support.ts';
import { onHost, programOf } from '../backends/wasm/support.ts';
import { fixture, readJson, readTensors, relativeError } from '../support/reference.ts';
import { noise } from './support.ts';

type Settings = { readonly [name: string]: ConfigValue };

interface Case {
  readonly name: string;
  readonly op: string;
  readonly attrs: { step: number; lr: number; weight_decay: number; beta1: number; beta2: number; eps: number };
}

const f32 = (shape: readonly number[], data: ArrayLike<number>): WideTensor => ({
  dtype: 'f32',
  shape,
  data: Float64Array.from(data),
});
const scalar = (value: number): WideTensor => f32([], [value]);

/** One update of one tensor `w`, on the interpreter, on ONNX Runtime at both opsets, and as WebAssembly. */
async function update(
  name: OptimiserName,
  settings: Settings,
  decay: boolean,
  p: WideTensor,
  g: WideTensor,
  state: Record<string, WideTensor>,
  lr: number,
  step: number,
): Promise<Map<string, WideTensor>[]> {
  const optimiser = OPTIMISERS[name](settings);
  const graph = updateGraph({ trained: [{ key: 'w', shape: p.shape as number[], layer: 'w', decay }] }, optimiser);
  verifyGraph(graph);
  const inputs = new Map<string, WideTensor>([
    ['learning_rate', scalar(lr)],
    ['step', scalar(step)],
    ['gradient_scale', scalar(1)],
    ['parameter.w', p],
    ['gradient.w', g],
    ...optimiser.slots.map((slot) => [`state.${slot}.w`, state[slot]!] as const),
  ]);
  const reference = interpret(graph, { inputs, parameters: () => p });
  const results = [reference];
  const wide = (got: Readonly<Record<string, HostTensor>>): Map<string, WideTensor> =>
    new Map(Object.entries(got).map(([key, tensor]) => [key, f32(tensor.shape, tensor.data as Float32Array)]));
  for (const opset of OPSETS) {
    const got = await runOnnx(graph, Object.fromEntries(inputs), { opset });
    results.push(wide(got));
  }
  results.push(wide(await (await programOf(graph)).run(onHost(inputs))));
  return results;
}

const tensors = readTensors(fixture('ops/ops.safetensors'));
const cases = readJson<{ cases: Case[] }>('ops/ops.json').cases.filter(({ op }) => op === 'adamw');

test('the fixtures have AdamW cases', () => expect(cases.length).toBeGreaterThanOrEqual(4));

test.each(cases)('$name is torch.optim.AdamW', async ({ name, attrs }) => {
  const at = (part: string): WideTensor => {
    const { shape, data } = tensors.get(`${name}/${part}`)!;
    return f32(shape, data as Float32Array);
  };
  const settings = { betas: [attrs.beta1, attrs.beta2], eps: attrs.eps, weight_decay: attrs.weight_decay };
  const state = { exp_avg: at('exp_avg'), exp_avg_sq: at('exp_avg_sq') };
  for (const result of await update('adamw', settings, true, at('param'), at('grad'), state, attrs.lr, attrs.step)) {
    for (const [part, output] of [
      ['param_out', 'new.parameter.w'],
      ['exp_avg_out', 'new.state.exp_avg.w'],
      ['exp_avg_sq_out', 'new.state.exp_avg_sq.w'],
    ]) {
      expect(relativeError(result.get(output!)!.data, at(part!).data), part).toBeLessThan(1e-6);
    }
  }
});

// the formulas once more, one element at a time
const FORMULAS: {
  readonly [N in OptimiserName]: (s: {
    p: number;
    g: number;
    lr: number;
    t: number;
    wd: number;
    m: number;
    v: number;
  }) => number;
} = {
  adamw: ({ p, g, lr, t, wd, m, v }) =>
    p -
    lr * wd * p -
    (lr * ((0.9 * m + 0.1 * g) / (1 - 0.9 ** t))) / (Math.sqrt((0.999 * v + 0.001 * g * g) / (1 - 0.999 ** t)) + 1e-8),
  adam: ({ p, g, lr, t, wd, m, v }) => {
    const d = g + wd * p;
    return (
      p -
      (lr * ((0.9 * m + 0.1 * d) / (1 - 0.9 ** t))) / (Math.sqrt((0.999 * v + 0.001 * d * d) / (1 - 0.999 ** t)) + 1e-8)
    );
  },
  sgd: ({ p, g, lr, wd, m }) => {
    const d = g + wd * p;
    return p - lr * (d + 0.8 * (0.8 * m + d));
  },
  lion: ({ p, g, lr, wd, m }) => p * (1 - lr * wd) - lr * Math.sign(0.9 * m + 0.1 * g),
};
const SETTINGS: { readonly [N in OptimiserName]: Settings } = {
  adamw: {},
  adam: {},
  sgd: { momentum: 0.8, nesterov: true },
  lion: {},
};

describe.each(Object.keys(OPTIMISERS) as OptimiserName[])('%s', (name) => {
  test.each([[true], [false]])('follows its formula (decay %s)', async (decay) => {
    const shape = [4, 3];
    const [p, g, m] = [1, 2, 3].map((seed) => f32(shape, noise(12, seed)));
    const v = f32(shape, noise(12, 4).map(Math.abs));
    const state = { exp_avg: m!, exp_avg_sq: v, momentum: m! };
    const expected = Float64Array.from(p!.data, (_, i) =>
      FORMULAS[name]({
        p: p!.data[i]!,
        g: g!.data[i]!,
        lr: 0.01,
        t: 3,
        wd: decay ? 0.1 : 0,
        m: m!.data[i]!,
        v: v.data[i]!,
      }),
    );
    for (const result of await update(name, { ...SETTINGS[name], weight_decay: 0.1 }, decay, p!, g!, state, 0.01, 3)) {
      expect(relativeError(result.get('new.parameter.w')!.data, expected)).toBeLessThan(1e-6);
    }
  });
});

test('sgd without momentum keeps no state', () => expect(OPTIMISERS.sgd({}).slots).toEqual([]));

test.each([
  ['adamw', { betas: [0.9] }, 'betas is [0.9], and two numbers from 0 to below 1 are expected'],
  ['adamw', { eps: 0 }, 'eps is 0, and a number above 0 is expected'],
  ['sgd', { nesterov: true }, 'nesterov needs a momentum above 0'],
  ['lion', { weight_decay: 'much' }, 'weight_decay is "much", and a number at least 0 is expected'],
] as const)('%s refuses %o', (name, settings, message) => {
  expect(() => OPTIMISERS[name](settings as Settings)).toThrow(message);
});
