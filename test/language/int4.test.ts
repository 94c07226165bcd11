/**
 * std/int4 against test/fixtures/int4: the authors' Python (arXiv:2306.11987) and an independent numpy implementation. Draws are
 * inputs there, so integers and masks are exact; then that what is unbiased by the paper's meaning is.
 */
import { describe, expect, it } from 'vitest';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { gradientsOf, run as runGraph, type Tensors } from '../passes/autodiff/support.ts';
import { fixture, readJson, readTensors } from '../support/reference.ts';
import { evaluate, numbers, problems, program, tensor, wave } from './support.ts';

type Meaning = 'paper' | 'code' | 'code_sampled';
type Scalars = Readonly<
  Record<
    'block' | 's_X' | 's_W' | 's_X_initial' | 's_W_initial' | 'ds_X' | 'ds_W' | 'ds_X_size' | 'ds_W_size' | 'step_lo',
    number
  >
>;
interface LinearCase {
  readonly name: string;
  readonly N: number;
  readonly C: number;
  readonly O: number;
  readonly steps: 'initial' | 'given';
  readonly meanings: Readonly<Record<Meaning, readonly string[]>>;
  readonly scalars: Readonly<Record<Meaning, Scalars>>;
}
interface Plain {
  readonly name: string;
  readonly per?: 'layer' | 'row' | 'column';
  readonly steps?: 'initial' | 'given';
}

const json = readJson<{ linear: readonly LinearCase[]; luq: readonly Plain[]; lsq: readonly Plain[] }>(
  'int4/int4.json',
);
const stored = readTensors(fixture('int4/int4.safetensors'));

function wide(key: string): WideTensor {
  const { shape, data } = stored.get(key)!;
  return { dtype: 'f32', shape, data: Float64Array.from(data, Number) };
}

/** Largest difference over the largest element, or over `size`. */
function off(found: WideTensor | undefined, key: string, size?: number): number {
  const expected = wide(key);
  expect(found?.shape, key).toEqual(expected.shape);
  const most = size ?? expected.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return found!.data.reduce((worst, value, at) => Math.max(worst, Math.abs(value - expected.data[at]!)), 0) / most;
}

const exact = (found: WideTensor | undefined, key: string): void =>
  expect(
    numbers(found).map((x) => x + 0),
    key,
  ).toEqual(numbers(wide(key)).map((x) => x + 0));

const linear = ({ N, C, O }: LinearCase, meaning: Meaning, block: number): string => `
import { int4_product, lsq_integers, lsq_initial_step, hadamard, hadamard_transforms, hadamard_choice, split_bits,
  leverage_probabilities, row_norms } from "std/int4"
model M {
  entry loss(
    x: [${N}, ${C}], w: [${O}, ${C}], g: [${N}, ${O}], noise: [${N}, ${O}], u_x: [${2 * N}], u_w: [${2 * N}], step_x: [], step_w: []
  ) -> (loss: [], y: [...], hx: [...], hw: [...], qx: [...], qw: [...], sx: [], sw: [], choice: int[], hi: [...], lo: [...], p_x: [...], p_w: [...]) {
    let hx, hw = [hadamard(x, ${block}), hadamard(w, ${block})]
    let low = ${meaning === 'paper' ? 7 : 8}.0
    let y = int4_product(hx, hw, step_x, step_w, "${meaning}", [noise, u_x, u_w])
    let choice = hadamard_choice(hadamard_transforms(x), hadamard_transforms(w), low)
    let high, rest, d = split_bits(g, noise, max(abs(g)) ${meaning === 'paper' ? '' : '+ 1e-8'}, ${meaning === 'paper' ? 7 : 6}.0)
    let scores = row_norms(concat([14.0 * d * high, d * rest], axis = 0))
    let norms = row_norms(step_x * lsq_integers(hx, step_x, low))
    let of_w = scores * concat([norms, norms], axis = 0)
    (
      sum(y * g), y, hx, hw, lsq_integers(hx, step_x, low), lsq_integers(hw, step_w, low), lsq_initial_step(hx), lsq_initial_step(hw),
      choice, high, rest, leverage_probabilities(scores, ${N}.0),
      ${meaning === 'code' ? 'where(of_w > 0.0, 1.0, 0.0)' : `leverage_probabilities(of_w, ${N}.0)`}
    )
  }
}`;

describe.each(json.linear)('$name', (one) => {
  it.each(['paper', 'code', 'code_sampled'] as const)('is the layer of the meaning %s', (meaning) => {
    const base = meaning === 'code_sampled' ? 'code' : meaning;
    const scalars = one.scalars[meaning];
    const graph = program(linear(one, meaning, scalars.block)).entry('loss')!.graph;
    const tensors: Tensors = new Map<string, WideTensor>([
      ['x', wide(`${one.name}/X`)],
      ['w', wide(`${one.name}/W`)],
      ['g', wide(`${one.name}/G`)],
      ['noise', wide(`${one.name}/noise`)],
      ['u_x', wide(`${one.name}/u_X`)],
      ['u_w', wide(`${one.name}/u_W`)],
      ['step_x', tensor([], [scalars.s_X])],
      ['step_w', tensor([], [scalars.s_W])],
    ]);
    const outputs = runGraph(graph, tensors);
    const found = gradientsOf(graph, tensors, ['x', 'w', 'step_x', 'step_w']);
    const of = (name: string): string => `${one.name}/${one.meanings[meaning].includes(name) ? meaning : base}/${name}`;
    for (const [output, name] of [
      ['qx', 'qX'],
      ['qw', 'qW'],
      ['hi', 'hi'],
      ['lo', 'lo'],
    ] as const)
      exact(outputs.get(output), of(name));
    for (const [output, name] of [
      ['y', 'Y'],
      ['hx', 'hX'],
      ['hw', 'hW'],
      ['p_x', 'p_X'],
      ['p_w', 'p_W'],
    ] as const)
      expect(off(outputs.get(output), of(name)), name).toBeLessThan(1e-6);
    if (one.steps === 'initial') {
      expect(outputs.get('choice')!.data[0]).toBe(Math.log2(scalars.block) + 1);
      expect(outputs.get('sx')!.data[0]).toBeCloseTo(scalars.s_X_initial, 12);
      expect(outputs.get('sw')!.data[0]).toBeCloseTo(scalars.s_W_initial, 12);
    }
    expect(off(found.get('x'), of('dX'))).toBeLessThan(1e-6);
    expect(off(found.get('w'), of('dW'))).toBeLessThan(1e-6);
    for (const [name, key, size] of [
      ['step_x', 'ds_X', 'ds_X_size'],
      ['step_w', 'ds_W', 'ds_W_size'],
    ] as const)
      expect(Math.abs(found.get(name)!.data[0]! - scalars[key]) / scalars[size], key).toBeLessThan(1e-6);
  });
});

describe.each(json.lsq)('$name', ({ name, per, steps }) => {
  it('is the authors’ quantiser', () => {
    const a = wide(`${name}/a`);
    const [rows, columns] = a.shape as [number, number];
    const shape = { layer: [], row: [rows, 1], column: [1, columns] }[per!];
    const axes = { layer: 'none', row: '[1]', column: '[0]' }[per!];
    const graph = program(`import { lsq, lsq_integers, lsq_initial_step } from "std/int4"
model M { entry loss(a: [${a.shape}], up: [${a.shape}], step: [${shape}]) -> (loss: [], q: [...], start: [...]) {
  (sum(lsq(a, step, 8.0, 7.0) * up), lsq_integers(a, step, 8.0, 7.0), lsq_initial_step(a, axes = ${axes}))
} }`).entry('loss')!.graph;
    const step = { ...wide(`${name}/step`), shape };
    const tensors = new Map([
      ['a', a],
      ['up', wide(`${name}/upstream`)],
      ['step', step],
    ]);
    const outputs = runGraph(graph, tensors);
    exact(outputs.get('q'), `${name}/q`);
    if (steps === 'initial')
      for (const [at, value] of numbers(outputs.get('start')).entries()) expect(value).toBeCloseTo(step.data[at]!, 6);
    const found = gradientsOf(graph, tensors, ['a', 'step']);
    expect(off(found.get('a'), `${name}/da`)).toBeLessThan(1e-6);
    const { data } = wide(`${name}/dstep`);
    for (const [at, value] of numbers(found.get('step')).entries()) expect(value).toBeCloseTo(data[at]!, 6);
  });
});

it.each(json.luq.map(({ name }) => name))('%s: LUQ without bias, integer by integer', (name) => {
  const q = evaluate(
    'luq(g, u)',
    { g: wide(`${name}/G`), u: wide(`${name}/u`) },
    { imports: 'import { luq } from "std/int4"' },
  );
  expect(off(q, `${name}/q_unbiased`)).toBeLessThan(1e-6);
});

describe('out of the ordinary', () => {
  const layer = (meaning = 'paper') =>
    program(`import { int4_product } from "std/int4"
model M { entry loss(x: [N, 4], w: [3, 4], s: [], g: [N, 3]) -> (loss: [], y: [N, 3]) {
  let y = int4_product(x, w, s, s, "${meaning}")
  (sum(y * g), y) } }`).entry('loss')!.graph;
  const given = (n: number, g: number) =>
    new Map([
      ['x', wave([n, 4])],
      ['w', wave([3, 4], 2)],
      ['s', tensor([], [0.25])],
      ['g', tensor([n, 3], new Array<number>(3 * n).fill(g))],
    ]);

  it.each(['paper', 'code', 'code_sampled'])('a gradient of zeros gives zeros, as %s', (meaning) => {
    for (const n of [1, 5]) {
      const found = gradientsOf(layer(meaning), given(n, 0), ['x', 'w', 's']);
      expect(
        [...found.values()].flatMap((t) => [...t.data]).filter((value) => value !== 0),
        `N = ${n}`,
      ).toEqual([]);
    }
  });

  it('no rows have no largest gradient, which is said', () => {
    expect(() => gradientsOf(layer(), given(0, 0), ['x'])).toThrow(/needs N ≥ 1/);
  });

  it('a NaN in the gradient is seen in every gradient', () => {
    const found = gradientsOf(layer(), given(2, Number.NaN), ['x', 'w']);
    expect([...found.values()].some((t) => t.data.some(Number.isNaN))).toBe(true);
  });

  it('an unknown meaning is refused by name', () => {
    const text = `import { int4_product } from "std/int4"
model M { entry run(x: [2, 4], w: [3, 4], s: []) -> (y: [2, 3]) { int4_product(x, w, s, s, "papers") } }`;
    expect(problems(text)).toEqual([
      'E0282 the meaning of int4_product is "papers" and can be "paper", "code", "code_sampled"',
    ]);
  });
});

/** The outputs of an entry in training, one run a seed. */
function trained(text: string, inputs: Tensors = new Map()) {
  const { graph } = program(text).entry('loss', [], { training: { dropout: true } })!;
  return (seed: number) => runGraph(graph, new Map([...inputs, ['dropout_seed', tensor([], [seed], 'i64')]]));
}

describe('what is drawn from the generator has no bias: 100,000 draws', () => {
  const DRAWS = 100_000;
  const g = [0.9, -0.501, 0.13, 0.0171, -0.0042, 0.3337, 0, 1];

  it.each([
    [
      'split_bits',
      `let high, low, d = split_bits(wide, random([${DRAWS}, 8]) - 0.5, 1.0)\n mean(14.0 * d * high + d * low, axes = [0])`,
    ],
    ['luq', `mean(luq(wide, random([${DRAWS}, 8])), axes = [0])`],
    [
      'kept_rows',
      `mean(reshape(kept_rows(reshape(0.05 + 0.95 * abs(wide), [-1]), random([${8 * DRAWS}])), [${DRAWS}, 8]), axes = [0]) * g`,
    ],
  ])('%s', (_, body) => {
    const run = trained(
      `import { kept_rows, luq, split_bits } from "std/int4"
model M { entry loss(g: [8]) -> (loss: [], mean: [8]) {
  let wide = expand(g, [${DRAWS}, 8])
  let m = drawn(wide, g) when is_training() else g
  (sum(m), m) }
  fn drawn(wide, g) { ${body} }
}`,
      new Map([['g', tensor([8], g)]]),
    );
    const found = run(11).get('mean')!.data;
    // a mean of 1e5 draws that are at most 1 (kept rows: 20) apart: five standard errors
    for (const [at, value] of g.entries())
      expect(Math.abs(found[at]! - value), `${at}`).toBeLessThan(
        (5 * 0.5 * Math.max(1 / 49, 0.11 + 4 * Math.abs(value))) / Math.sqrt(DRAWS),
      );
    expect([...run(11).get('mean')!.data]).toEqual([...found]); // the same seed, the same numbers
    expect([...run(12).get('mean')!.data]).not.toEqual([...found]);
  });
});
