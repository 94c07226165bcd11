/** The standard library: each module and function against its formula, and its parameters against PyTorch's names. */
import { describe, expect, it } from 'vitest';
import { STD_FILES } from '../../src/compiler/std/std.generated.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { loadFunctionCases } from '../ops/function-cases.ts';
import { bools, distance, ints, numbers, problems, program, run, tensor, wave, weightsOf } from './support.ts';

interface Made {
  readonly out: WideTensor;
  readonly weights: ReadonlyMap<string, WideTensor>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/** m = call; the entry passes its inputs to m. */
function make(call: string, inputs: Readonly<Record<string, WideTensor>>): Made {
  const module = /^\w+/.exec(call)![0];
  const type = (t: WideTensor) => `${{ f32: '', i64: 'int', bool: 'bool' }[t.dtype]}[${t.shape.join(', ')}]`;
  const model = program(`import { ${module} } from "std"
    model M { m = ${call}
      entry main(${Object.entries(inputs).map(([name, t]) => `${name}: ${type(t)}`)}) -> (out: [...]) { m(${Object.keys(inputs)}) } }`);
  const weights = weightsOf(model);
  const shapes = Object.fromEntries([...model.parameters].map(([key, { shape }]) => [key.slice(2), shape]));
  return {
    out: run(model, inputs, { weights }).out!,
    weights: new Map([...weights].map(([key, value]) => [key.slice(2), value])),
    shapes,
  };
}

/** rows of x [n, in] times weight [out, in], plus bias */
function affine(x: WideTensor, weight: WideTensor, bias?: WideTensor): WideTensor {
  const [outs, ins] = weight.shape as [number, number];
  const rows = x.data.length / ins;
  const data = Array.from({ length: rows * outs }, (_, at) => {
    const [row, out] = [Math.floor(at / outs), at % outs];
    let sum = bias?.data[out] ?? 0;
    for (let i = 0; i < ins; i++) sum += x.data[row * ins + i]! * weight.data[out * ins + i]!;
    return sum;
  });
  return tensor([...x.shape.slice(0, -1), outs], data);
}
const map = (x: WideTensor, f: (value: number, index: number) => number): WideTensor => ({ ...x, data: x.data.map(f) });

describe('modules', () => {
  const x = wave([2, 3]);

  it('Linear', () => {
    const { out, weights, shapes } = make('Linear(3, 4)', { x });
    expect(shapes).toEqual({ weight: [4, 3], bias: [4] });
    expect(distance(out, affine(x, weights.get('weight')!, weights.get('bias')))).toBeLessThan(1e-14);
    expect(make('Linear(3, 4, with_bias = false)', { x }).shapes).toEqual({ weight: [4, 3] });
  });

  it('Embedding', () => {
    const { out, weights } = make('Embedding(5, 2)', { ids: ints([2], [4, 0]) });
    const table = weights.get('weight')!.data;
    expect(numbers(out)).toEqual([table[8], table[9], table[0], table[1]]);
  });

  it('LayerNorm and RMSNorm', () => {
    const row = [...x.data.slice(0, 3)];
    const mean = row.reduce((a, b) => a + b) / 3;
    const variance = row.reduce((s, a) => s + (a - mean) ** 2, 0) / 3;
    const norm = make('LayerNorm(3, eps = 0.1)', { x });
    const [w, b] = [norm.weights.get('weight')!.data, norm.weights.get('bias')!.data];
    for (const [i, a] of row.entries())
      expect(norm.out.data[i]).toBeCloseTo(((a - mean) / Math.sqrt(variance + 0.1)) * w[i]! + b[i]!, 12);
    expect(make('LayerNorm(3, with_bias = false)', { x }).shapes).toEqual({ weight: [3] });
    const rms = make('RMSNorm(3, eps = 0.1)', { x });
    const size = Math.sqrt(row.reduce((s, a) => s + a * a, 0) / 3 + 0.1);
    for (const [i, a] of row.entries())
      expect(rms.out.data[i]).toBeCloseTo((a / size) * rms.weights.get('weight')!.data[i]!, 12);
  });

  it('Conv2d: a patch embedding is a Linear of each patch', () => {
    const image = wave([1, 1, 2, 4]);
    const { out, weights, shapes } = make('Conv2d(1, 3, 2, stride = 2)', { x: image });
    expect(shapes).toEqual({ weight: [3, 1, 2, 2], bias: [3] });
    const patches = tensor(
      [2, 4],
      [0, 1, 4, 5, 2, 3, 6, 7].map((i) => image.data[i]!),
    );
    const flat = affine(patches, { ...weights.get('weight')!, shape: [3, 4] }, weights.get('bias'));
    expect(out.shape).toEqual([1, 3, 1, 2]);
    expect(numbers(out)).toEqual([0, 3, 1, 4, 2, 5].map((i) => expect.closeTo(flat.data[i]!, 12)));
    expect(
      make('Conv2d(4, 8, 3, padding = 1, groups = 2, with_bias = false)', { x: wave([1, 4, 3, 3]) }).shapes,
    ).toEqual({ weight: [8, 2, 3, 3] });
  });

  it('BatchNorm2d: running statistics are buffers', () => {
    const model = program(`import { BatchNorm2d } from "std"
      model M { m = BatchNorm2d(2, eps = 0.5)  entry main(x: [1, 2, 1, 2]) -> (out: [...]) { m(x) } }`);
    expect([...model.parameters].map(([key, p]) => [key, p.buffer])).toEqual([
      ['m.weight', false],
      ['m.bias', false],
      ['m.running_mean', true],
      ['m.running_var', true],
      ['m.num_batches_tracked', true],
    ]);
    const weights = new Map([
      ['m.weight', tensor([2], [2, 3])],
      ['m.bias', tensor([2], [10, 20])],
      ['m.running_mean', tensor([2], [1, -1])],
      ['m.running_var', tensor([2], [3.5, 0.5])],
    ]);
    // (x − mean) / √(var + 0.5) · weight + bias
    const { out } = run(model, { x: tensor([1, 2, 1, 2], [1, 3, -1, 4]) }, { weights });
    expect(distance(out, tensor([1, 2, 1, 2], [10, 12, 20, 35]))).toBeLessThan(1e-12);
  });

  it('BatchNorm1d reads its running statistics', () => {
    const model = program(`import { BatchNorm1d } from "std"
      model M { m = BatchNorm1d(2, eps = 0.5)  entry main(x: [2, 2]) -> (out: [...]) { m(x) } }`);
    const weights = new Map([
      ['m.weight', tensor([2], [2, 3])],
      ['m.bias', tensor([2], [10, 20])],
      ['m.running_mean', tensor([2], [1, -1])],
      ['m.running_var', tensor([2], [3.5, 0.5])],
    ]);
    const { out } = run(model, { x: tensor([2, 2], [1, -1, 3, 4]) }, { weights });
    expect(distance(out, tensor([2, 2], [10, 20, 12, 35]))).toBeLessThan(1e-12);
  });

  it('moved and unbiased', () => {
    const model = program(`import { moved, unbiased } from "std"
      model M { entry main(x: [3]) -> (out: [...], var: [...]) { (moved(x, 2.0 * x, 0.25), unbiased(x, 3)) } }`);
    const { out, var: variance } = run(model, { x: tensor([3], [4, 8, -4]) });
    expect(distance(out, tensor([3], [5, 10, -5]))).toBeLessThan(1e-12);
    expect(distance(variance, tensor([3], [6, 12, -6]))).toBeLessThan(1e-12);
  });

  it('MLP and GatedMLP', () => {
    const silu = (a: number) => a / (1 + Math.exp(-a));
    const mlp = make('MLP(3, 5, activation = silu)', { x });
    const hidden = map(affine(x, mlp.weights.get('fc1.weight')!, mlp.weights.get('fc1.bias')), silu);
    expect(distance(mlp.out, affine(hidden, mlp.weights.get('fc2.weight')!, mlp.weights.get('fc2.bias')))).toBeLessThan(
      1e-13,
    );
    const gated = make('GatedMLP(3, 5)', { x });
    const gate = map(affine(x, gated.weights.get('gate_proj.weight')!), silu);
    const up = affine(x, gated.weights.get('up_proj.weight')!);
    expect(Object.keys(gated.shapes)).toEqual(['gate_proj.weight', 'up_proj.weight', 'down_proj.weight']);
    expect(
      distance(
        gated.out,
        affine(
          map(gate, (g, i) => g * up.data[i]!),
          gated.weights.get('down_proj.weight')!,
        ),
      ),
    ).toBeLessThan(1e-13);
  });

  it('MultiHeadAttention over one key is that key’s value, projected', () => {
    const context = wave([1, 1, 6], 5);
    const { out, weights, shapes } = make('MultiHeadAttention(4, 2, context_width = 6)', {
      x: wave([1, 2, 4]),
      context,
    });
    expect(shapes['k_proj.weight']).toEqual([4, 6]);
    const value = affine(context, weights.get('v_proj.weight')!, weights.get('v_proj.bias'));
    const row = affine(value, weights.get('out_proj.weight')!, weights.get('out_proj.bias'));
    expect(distance(out, tensor([1, 2, 4], [...row.data, ...row.data]))).toBeLessThan(1e-13);
  });

  it('CrossAttention is MultiHeadAttention over a context, with the same keys', () => {
    const inputs = { x: wave([1, 3, 4]), context: wave([1, 2, 6], 2) };
    const [cross, usual] = ['CrossAttention', 'MultiHeadAttention'].map((name) =>
      make(`${name}(4, 2, context_width = 6)`, inputs),
    );
    expect(cross!.shapes).toEqual(usual!.shapes);
    expect(distance(cross!.out, usual!.out)).toBe(0);
  });

  it('MultiHeadAttention with causal = true: the first position sees itself alone', () => {
    const self = wave([1, 3, 4]);
    const { out, weights } = make('MultiHeadAttention(4, 2, causal = true)', { x: self, context: self });
    const first = tensor([1, 4], [...self.data.slice(0, 4)]);
    const value = affine(first, weights.get('v_proj.weight')!, weights.get('v_proj.bias'));
    const row = affine(value, weights.get('out_proj.weight')!, weights.get('out_proj.bias'));
    expect(distance(tensor([1, 4], [...out.data.slice(0, 4)]), row)).toBeLessThan(1e-13);
  });
});

describe('functions', () => {
  const call = (name: string, expression: string, inputs: Readonly<Record<string, WideTensor>>) => {
    const model = program(`import { ${name} } from "std"
      fn body(${Object.keys(inputs)}) { ${expression} }
      model M { entry main(${Object.entries(inputs).map(([key, t]) => `${key}: ${{ f32: '', i64: 'int', bool: 'bool' }[t.dtype]}[${t.shape}]`)}) -> (out: [...]) { body(${Object.keys(inputs)}) } }`);
    return numbers(run(model, inputs).out);
  };

  it('variance is biased', () => {
    expect(call('variance', 'variance(x, -1)', { x: tensor([2, 2], [1, 3, 5, 5]) })).toEqual([1, 0]);
  });

  it('masked_fill fills where the mask is true', () => {
    expect(call('masked_fill', 'masked_fill(x, m, -1.0)', { x: tensor([2], [5, 6]), m: bools([2], [1, 0]) })).toEqual([
      -1, 6,
    ]);
  });

  it('place_rows puts rows in their places in order, row by row of the batch', () => {
    const model = program(`import { place_rows } from "std"
      model M { entry main(x: [2, 3, 2], at: bool[2, 3], rows: [N, 2]) -> (out: [...]) { place_rows(x, at, rows) } }`);
    const x = tensor([2, 3, 2], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    const at = bools([2, 3], [0, 1, 0, 1, 1, 0]);
    const rows = tensor([3, 2], [10, 11, 20, 21, 30, 31]);
    const placed = run(model, { x, at, rows }).out!;
    expect(numbers(placed)).toEqual([1, 1, 10, 11, 3, 3, 20, 21, 30, 31, 6, 6]);
    expect(() => run(model, { x, at, rows: tensor([2, 2], [10, 11, 20, 21]) })).toThrow(/3/);
  });

  it('accuracy', () => {
    const logits = tensor([3, 2], [1, 5, 2, 0, 3, 4]);
    const of = (labels: number[]) =>
      call('accuracy', 'accuracy(a, b)', { a: logits, b: tensor([3], labels, 'i64') })[0];
    expect(of([1, 0, 0])).toBeCloseTo(2 / 3);
    // torchmetrics.functional.accuracy(…, ignore_index=-100): ignored labels are neither right nor wrong
    expect(of([1, -100, 0])).toBe(1 / 2);
    expect(of([-100, -100, -100])).toBeNaN();
  });
  it('mse_loss', () => {
    expect(call('mse_loss', 'mse_loss(a, b)', { a: tensor([2], [1, 5]), b: tensor([2], [2, 2]) })).toEqual([5]);
    // PyTorch warns, and takes the mean over [B, B]
    const beside = `import { mse_loss } from "std"
      model M { entry main(x: [B, 1], y: [B]) -> (out: []) { mse_loss(x, y) } }`;
    expect(problems(beside)).toEqual(['E0303 mse_loss takes b as [..., 1] and gets [B]: axis 0 is B and C is 1']);
  });

  it('next_token_loss compares t with t + 1', () => {
    const logits = tensor([1, 3, 2], [0, 0, Math.log(3), 0, 9, 9]);
    const loss = call('next_token_loss', 'next_token_loss(l, t)', { l: logits, t: ints([1, 3], [1, 0, 1]) });
    expect(loss[0]).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 12);
    expect(
      call('next_token_loss', 'next_token_loss(l, t)', { l: logits, t: ints([1, 3], [0, -100, 1]) })[0],
    ).toBeCloseTo(Math.log(4), 12);
  });

  it('dropped is the identity outside of training', () => {
    expect(call('dropped', 'dropped(x, 0.5)', { x: tensor([2], [5, 6]) })).toEqual([5, 6]);
  });
});

const ROTARY = [
  ...['rotary_frequencies', 'linear_frequencies', 'llama3_frequencies', 'yarn_frequencies', 'yarn_magnitude'],
  'rotary_interleaved',
];
/** test/ops/functions.test.ts */
const AGAINST_TORCH = [
  ...['Conv1d', 'ConvTranspose2d', 'GroupNorm', 'conv1d', 'elu', 'leaky_relu'],
  ...['LSTM', 'LSTMCell', 'GRU', 'GRUCell'],
  ...ROTARY,
];

it('every declaration of the library has a doc, and a test here or against torch', () => {
  const text = STD_FILES['std.mdl']!;
  const declared = [...text.matchAll(/^(?:module|fn|adapter) (\w+)/gm)].map((match) => match[1]!);
  expect(declared.sort()).toEqual(
    [
      'Linear',
      'Embedding',
      'LayerNorm',
      'RMSNorm',
      'Conv2d',
      'BatchNorm1d',
      'BatchNorm2d',
      'moved',
      'unbiased',
      'straight_through', // backward.test.ts
      'MLP',
      'GatedMLP',
      'MultiHeadAttention',
      'CrossAttention',
      'LoRA',
      'variance',
      'masked_fill',
      'place_rows',
      'accuracy',
      'mse_loss',
      'next_token_loss',
      'dropped',
      ...AGAINST_TORCH,
      // what those call
      ...['llama3_frequency', 'yarn_dim', 'yarn_frequency', 'yarn_mscale', 'lstm_step', 'gru_step'],
    ].sort(),
  );
  const programs = loadFunctionCases().map(({ program }) => program);
  for (const name of AGAINST_TORCH)
    expect(
      programs.some((one) => one.includes(name)),
      name,
    ).toBe(true);
  expect(text.match(/^\/\/\/ .*\n(?:\/\/\/.*\n)*(?:module|fn|adapter) /gm)).toHaveLength(declared.length);
});
