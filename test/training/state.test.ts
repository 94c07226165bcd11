/**
 * State that training updates: BatchNorm's running statistics against torch after 20 steps (test/fixtures/training/make.py),
 * and what else a model may keep: a moving average, a codebook, a count, on every engine.
 */
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { TrainState } from '../../src/runtime/train/index.ts';
import { type HostTensor, narrow, widen } from '../../src/shared/tensor.ts';
import { problems, program } from '../language/support.ts';
import { readJson } from '../support/reference.ts';
import { ENGINES, runStageOn } from './engines.ts';

interface Case {
  readonly accumulate: number;
  readonly trains: readonly string[];
  readonly evaluates: readonly string[];
  /** the state dict before and after */
  readonly start: Readonly<Record<string, readonly number[]>>;
  readonly end: Readonly<Record<string, readonly number[]>>;
  readonly losses: readonly number[];
  readonly batches: readonly { readonly x: readonly number[]; readonly labels: readonly number[] }[];
  /** of the first batch, afterwards, in eval mode */
  readonly logits: readonly number[];
}

const network = ({ accumulate, trains, evaluates }: Case): string => `
import { BatchNorm1d, BatchNorm2d, Conv2d, Linear } from "std"
model Network {
  conv = Conv2d(2, 3, 3, padding = 1)
  bn   = BatchNorm2d(3)
  head = Linear(3, 3)
  bn1  = BatchNorm1d(3, momentum = none)
  fn logits(x) { x |> conv |> bn |> relu |> mean(axes = [2, 3]) |> head |> bn1 }
  entry predict(x: [N, 2, 4, 4]) -> (logits: [N, 3]) { logits(x) }
  entry loss(x: [N, 2, 4, 4], labels: int[N]) -> (loss: []) { cross_entropy(logits(x), labels) }
}
stage s {
  train ${trains.join(', ')}  ${trains.includes('bn') ? ', bn1' : ''}
  optimize sgd(momentum = 0.9)  schedule constant(lr = 0.05)  accumulate ${accumulate}  average "batches"
  ${evaluates.map((name) => `eval ${name}`).join('\n')}
}
`;

const f32 = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(data),
});
const i64 = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(data, BigInt),
});
const numbersOf = ({ data }: HostTensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number);

function tensorsOf(model: Model, values: Readonly<Record<string, readonly number[]>>): (key: string) => HostTensor {
  return (key) => {
    const { dtype, shape } = model.parameters.get(key)!;
    return (dtype === 'i64' ? i64 : f32)(shape, values[key]!);
  };
}

const cases = readJson<readonly Case[]>('training/batchnorm.json').map((one) => ({
  ...one,
  name: `accumulate ${one.accumulate}, trains ${one.trains.join(' ')}${one.evaluates.length > 0 ? `, eval ${one.evaluates.join(' ')}` : ''}`,
}));

describe.each(ENGINES)('BatchNorm as torch has it after 20 steps, on %s', (engine) => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const model = program(network(one));
    const batches = one.batches.map(({ x, labels }) => ({
      x: f32([labels.length, 2, 4, 4], x),
      labels: i64([labels.length], labels),
    }));
    const { plan, records, state } = await runStageOn(engine, model, {
      stage: 's',
      weights: tensorsOf(model, one.start),
      batches,
      steps: one.losses.length,
    });
    for (const [index, loss] of one.losses.entries()) expect(records[index]!.loss).toBeCloseTo(loss, 4);
    const changed = [...plan.trained, ...plan.buffers].map(({ key }) => key);
    expect([...state.parameters.keys()].sort()).toEqual(changed.sort());
    for (const [key, expected] of Object.entries(one.end)) {
      const found = state.parameters.get(key);
      if (!found) expect(expected, key).toEqual(one.start[key]);
      else for (const [index, value] of numbersOf(found).entries()) expect(value, key).toBeCloseTo(expected[index]!, 3);
    }
    expect(state.parameters.has('bn.running_mean')).toBe(one.evaluates.length === 0);
    // what was updated is what inference reads
    const { graph } = model.entry('predict')!;
    const final = new Map([...Object.entries(one.start)].map(([key]) => [key, tensorsOf(model, one.start)(key)]));
    for (const [key, tensor] of state.parameters) final.set(key, tensor);
    const { logits } = await predict(graph, batches[0]!.x, final);
    for (const [index, value] of numbersOf(logits!).entries()) expect(value).toBeCloseTo(one.logits[index]!, 3);
  });
});

async function predict(
  graph: Parameters<typeof interpret>[0],
  x: HostTensor,
  weights: ReadonlyMap<string, HostTensor>,
): Promise<Readonly<Record<string, HostTensor>>> {
  const wide = new Map([...weights].map(([key, tensor]) => [key, widen(tensor)]));
  const outputs = interpret(graph, { inputs: new Map([['x', widen(x)]]), parameters: (key) => wide.get(key)! });
  return Object.fromEntries([...outputs].map(([name, tensor]) => [name, narrow(tensor)]));
}

// torch: "Expected more than 1 value per channel when training"
it.each(ENGINES)('BatchNorm of a batch with one number per channel is refused, on %s', async (engine) => {
  const model = program(`import { BatchNorm1d } from "std"
model M { bn = BatchNorm1d(2)  entry loss(x: [N, 2]) -> (loss: []) { mean(bn(x)) } }
stage s { train bn  schedule constant(lr = 0.1) }`);
  const run = runStageOn(engine, model, {
    stage: 's',
    weights: (key) => (key.endsWith('tracked') ? i64([], [0]) : f32([2], [1, 1])),
    batches: [{ x: f32([1, 2], [1, 2]) }],
    steps: 1,
  });
  await expect(run).rejects.toThrow(/N ≥ 2/);
});

/** A codebook by moving averages (van den Oord et al. 2017, arXiv:1711.00937, appendix A.1), an average of weights, a count. */
const KEEPS = `
import { Linear, moved } from "std"
module Codebook(codes, width, decay) {
  buffer count: [codes]        = ones()
  buffer total: [codes, width] = zeros()
  buffer code:  [codes, width] = zeros()
  forward(z: [N, width]) -> [N, width] {
    let distance = sum(code * code, axes = [1]) - 2.0 * linear(z, code)
    let nearest = argmax(-distance, axis = 1)
    let chosen = gather(code, nearest, axis = 0)
    if is_training() {
      let hot = float(reshape(nearest, [N, 1]) == iota(codes))
      update count = moved(count, sum(hot, axes = [0]), 1.0 - decay)
      update total = moved(total, transpose(hot, 0, 1) @ z, 1.0 - decay)
      update code = total / reshape(count, [codes, 1])
    }
    z + stop_gradient(chosen - z)
  }
}
model Keeps {
  encoder = Linear(2, 2, with_bias = false)
  codebook = Codebook(2, 2, 0.75)
  buffer average: [2, 2] = zeros()
  buffer steps: int[] = zeros()
  entry loss(x: [N, 2]) -> (loss: []) {
    if is_training() {
      update average = moved(average, encoder.weight, 0.5)
      update steps = steps + 1
      update steps = steps + 1
    }
    let y = codebook(encoder(x))
    mean(y * y)
  }
}
stage s { train encoder  optimize sgd()  schedule constant(lr = 0.25) }
stage frozen { train encoder  optimize sgd()  schedule constant(lr = 0.25)  eval codebook  recompute true }
`;
const START: Readonly<Record<string, readonly number[]>> = {
  'encoder.weight': [1, 0.5, -0.25, 0.75],
  'codebook.count': [1, 1],
  'codebook.total': [1, 0, -1, 0.5],
  'codebook.code': [1, 0, -1, 0.5],
  average: [0, 0, 0, 0],
  steps: [0],
};
const ROWS: readonly (readonly [number, number])[] = [
  [1, 2],
  [-1, 0.5],
  [0.5, -1.5],
];

/** The same in plain loops. */
function kept(steps: number, evaluated: boolean): Record<string, number[]> {
  const state = Object.fromEntries(Object.entries(START).map(([key, values]) => [key, [...values]]));
  const [w, count, total, code, average] = [
    'encoder.weight',
    'codebook.count',
    'codebook.total',
    'codebook.code',
    'average',
  ].map((key) => state[key]!) as [number[], number[], number[], number[], number[]];
  for (let step = 0; step < steps; step++) {
    for (const i of w.keys()) average[i] = 0.5 * average[i]! + 0.5 * w[i]!;
    state.steps = [state.steps![0]! + 2];
    const z = ROWS.map(([a, b]) => [a * w[0]! + b * w[1]!, a * w[2]! + b * w[3]!]);
    const far = (row: readonly number[], k: number): number =>
      (row[0]! - code[2 * k]!) ** 2 + (row[1]! - code[2 * k + 1]!) ** 2;
    const nearest = z.map((row): number => (far(row, 1) < far(row, 0) ? 1 : 0));
    // d mean(y²) / dy at the chosen codes, straight through to z = W x
    for (const out of [0, 1])
      for (const inner of [0, 1])
        w[2 * out + inner]! -= nearest.reduce(
          (sum, k, n) => sum + (0.25 * 2 * code[2 * k + out]! * ROWS[n]![inner]!) / 6,
          0,
        );
    if (evaluated) continue;
    for (const k of [0, 1]) {
      count[k] = 0.75 * count[k]! + 0.25 * nearest.filter((one) => one === k).length;
      for (const d of [0, 1]) {
        const sum = z.reduce((sofar, row, n) => sofar + (nearest[n] === k ? row[d]! : 0), 0);
        total[2 * k + d] = 0.75 * total[2 * k + d]! + 0.25 * sum;
      }
    }
    for (const i of code.keys()) code[i] = total[i]! / count[i >> 1]!;
  }
  return state;
}

describe.each(ENGINES)('what else a model keeps, on %s', (engine) => {
  const model = program(KEEPS);
  const run = (stage: string, steps: number, from?: TrainState) =>
    runStageOn(engine, model, {
      stage,
      weights: tensorsOf(model, START),
      batches: [{ x: f32([3, 2], ROWS.flat()) }],
      steps,
      ...(from ? { from } : {}),
    });

  it('a codebook, an average of weights and a count follow their formulas', async () => {
    const { plan, state } = await run('s', 5);
    expect(plan.buffers.map(({ key }) => key).sort()).toEqual(
      Object.keys(START)
        .filter((key) => key !== 'encoder.weight')
        .sort(),
    );
    for (const [key, expected] of Object.entries(kept(5, false)))
      for (const [index, value] of numbersOf(state.parameters.get(key)!).entries())
        expect(value, key).toBeCloseTo(expected[index]!, 4);
  });

  it('goes on from a state with the same bytes, and updates once where the forward part is computed again', async () => {
    const whole = await run('s', 4);
    const { state: half } = await run('s', 2);
    const { state } = await run('s', 4, half);
    for (const [key, tensor] of whole.state.parameters)
      expect(state.parameters.get(key)!.data, key).toEqual(tensor.data);
    const frozen = await run('frozen', 3);
    expect(frozen.plan.buffers.map(({ key }) => key).sort()).toEqual(['average', 'steps']);
    const expected = kept(3, true);
    for (const key of ['encoder.weight', 'average', 'steps'])
      for (const [index, value] of numbersOf(frozen.state.parameters.get(key)!).entries())
        expect(value, key).toBeCloseTo(expected[key]![index]!, 4);
  });
});

describe('an update', () => {
  const of = (body: string, entry = 'entry loss(x: [B, 2]) -> (loss: [])'): string[] =>
    problems(`model M {
  param w: [2] = ones()
  buffer seen: [2] = zeros()
  ${entry} { ${body}\n mean(x * w) }
}
stage s { train w  schedule constant(lr = 0.1) }`);

  it.each([
    ['update w = w', /^E0413 update takes a buffer, and w is a param/],
    ['let y = x\n update y = y', /^E0413 update takes a buffer, and y is a tensor/],
    ['update seen = seen + 1.0', /^E0415 seen is updated in a graph that does not train/],
    ['update sene = seen', /^E0105 sene/],
  ])('%s', (body, message) => {
    expect(of(body)).toEqual([expect.stringMatching(message)]);
  });

  it('has the shape and the type of its buffer', () => {
    const model = program(`model M {
  param w: [2] = ones()
  buffer seen: [2] = zeros()
  entry loss(x: [B, 2]) -> (loss: []) { if is_training() { update seen = sum(x) }\n mean(x * w) }
}`);
    expect(model.entry('loss')).toBeDefined();
    expect(model.entry('loss', [], { training: { dropout: false } })).toBeUndefined();
  });

  it('a name `update` may still be rebound, called and returned', () => {
    const text = `fn update(x) { x + 1.0 }
model M { entry run(x: [B]) -> (y: [B]) { let eval = update(x)\n let update = eval\n update = update * 2.0\n update } }`;
    expect(problems(text)).toEqual([]);
  });

  it('leaves what was read before it as it is', () => {
    const model = program(`model M {
  buffer seen: [2] = zeros()
  entry loss(x: [2]) -> (loss: [], was: [2], sum: [2], given: [2]) {
    let was = seen
    let given = kept(seen, x)
    (mean(x), was, seen + bump(x), given)
  }
  fn bump(x) { if is_training() { update seen = seen + x }  seen }
  fn kept(prev, x) { if is_training() { update seen = seen + x }  prev }
}`);
    const { graph } = model.entry('loss', [], { training: { dropout: false } })!;
    const inputs = new Map([['x', widen(f32([2], [1, 2]))]]);
    const results = interpret(graph, { inputs, parameters: () => widen(f32([2], [10, 20])) });
    expect([...results.get('was')!.data]).toEqual([10, 20]);
    expect([...results.get('given')!.data]).toEqual([10, 20]);
    expect([...results.get('sum')!.data]).toEqual([11 + 12, 22 + 24]);
  });

  it('is_training() is not known where members are made', () => {
    expect(
      problems('model M { let p = 0.1 when is_training() else 0.0\n entry run(x: [B]) -> (y: [B]) { x * p } }'),
    ).toEqual([expect.stringMatching(/^E0414/)]);
  });

  it('`eval` takes modules', () => {
    const text = 'model M { param w: [2] = ones()\n entry loss(x: [B, 2]) -> (loss: []) { mean(x * w) } }';
    expect(problems(`${text}\nstage s { train w  eval encoder }`)).toEqual([expect.stringMatching(/^E0403 encoder/)]);
  });
});
