/** Adapters: LoRA's formula, its keys in both PEFT layouts, where it goes, and its merged form. */
import { describe, expect, it } from 'vitest';
import type { Model, ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { compileOk, repository } from '../support/project.ts';
import { feedsOf } from './feeds.ts';
import { distance, numbers, problems, program, run, tensor, type Weights, wave, weightsOf } from './support.ts';

const FILE = `import { Linear, LayerNorm, LoRA } from "std"
flag lora = true
module Block() { dense = Linear(3, 3)  out = Linear(3, 3, with_bias = false)  norm = LayerNorm(3)
  forward(x: [B, 3]) -> [B, 3] { x |> dense |> out |> norm } }
model M { blocks = [Block() for i in range(2)] key "base.model" | "plain"
  entry main(x: [B, 3]) -> (out: [B, 3]) { for b in blocks { x = b(x) }  x } }
adapt blocks[*].{dense, out} with LoRA(r = 2, alpha = 6, dropout = 0.1) when lora`;

describe('LoRA', () => {
  const single = `import { Linear, LoRA } from "std"
    model M { l = Linear(3, 2)  entry main(x: [B, 3]) -> (out: [B, 2]) { l(x) } }
    adapt l with LoRA(r = 1, alpha = 4)`;

  it('computes W x + b + (alpha / r) B A x', () => {
    const weights: Weights = new Map([
      ['l.weight', tensor([2, 3], [1, 0, 0, 0, 1, 0])],
      ['l.bias', tensor([2], [10, 20])],
      ['l.lora_A.default.weight', tensor([1, 3], [1, 1, 1])],
      ['l.lora_B.default.weight', tensor([2, 1], [1, -1])],
    ]);
    // W x + b = [11, 22]; A x = 6; (4 / 1) B 6 = [24, -24]
    expect(numbers(run(program(single), { x: tensor([1, 3], [1, 2, 3]) }, { weights }).out)).toEqual([35, -2]);
  });

  it('starts as the base: B is zero', () => {
    const model = program(single);
    const x = wave([2, 3]);
    const weights = weightsOf(model, 'initial');
    const plain = run(program(single.slice(0, single.indexOf('adapt'))), { x }, { weights });
    expect(distance(run(model, { x }, { weights }).out, plain.out)).toBe(0);
    expect(weights.get('l.lora_A.default.weight')!.data.some((a) => a !== 0)).toBe(true);
  });

  it('accepts the keys of both PEFT layouts', () => {
    const { parameters } = program(single);
    expect(parameters.get('l.weight')!.keys).toEqual(['l.weight', 'l.base_layer.weight']);
    expect(parameters.get('l.lora_A.default.weight')!.keys).toEqual(['l.lora_A.default.weight', 'l.lora_A.weight']);
  });

  it('multiplies the aliases of what it adapts', () => {
    const { parameters } = program(FILE);
    expect(parameters.get('base.model.0.dense.weight')!.keys).toEqual([
      'base.model.0.dense.weight',
      'plain.0.dense.weight',
      'base.model.0.dense.base_layer.weight',
      'plain.0.dense.base_layer.weight',
    ]);
    expect(parameters.get('base.model.0.dense.lora_B.default.weight')!.keys).toEqual([
      'base.model.0.dense.lora_B.default.weight',
      'base.model.0.dense.lora_B.weight',
      'plain.0.dense.lora_B.default.weight',
      'plain.0.dense.lora_B.weight',
    ]);
    expect(parameters.get('base.model.0.norm.weight')!.keys).toEqual([
      'base.model.0.norm.weight',
      'plain.0.norm.weight',
    ]);
  });

  it('stands where the pattern says, and nowhere when its flag is off', () => {
    const adapted = [...program(FILE).parameters.values()].filter((p) => p.name === 'lora_A').map((p) => p.path);
    expect(adapted).toEqual([
      'blocks.0.dense.lora_A',
      'blocks.0.out.lora_A',
      'blocks.1.dense.lora_A',
      'blocks.1.out.lora_A',
    ]);
    const off = program(FILE, { values: { lora: false } });
    expect([...off.parameters.keys()].filter((key) => key.includes('lora'))).toEqual([]);
    expect(off.absent.map((p) => p.path).filter((path) => path.endsWith('lora_B'))).toHaveLength(4);
    // a checkpoint of a PEFT model still fits
    expect(off.parameters.get('base.model.0.dense.weight')!.keys).toContain('base.model.0.dense.base_layer.weight');
  });
});

describe('merged', () => {
  function check(
    open: (options: ModelOptions) => Model,
    entries: readonly string[],
    inputs: (model: Model, entry: string) => Record<string, WideTensor>,
  ): void {
    const model = open({});
    const merged = open({ mergeAdapters: true });
    const weights = weightsOf(model);
    const folded = new Map(weights);
    let count = 0;
    for (const [key, parameter] of merged.parameters) {
      if (!parameter.merged) continue;
      count++;
      const computed = interpret(parameter.merged, { inputs: new Map(), parameters: (name) => weights.get(name)! });
      folded.set(key, computed.get(key)!);
    }
    expect(count).toBeGreaterThan(0);
    expect([...merged.parameters.keys()]).toEqual([...model.parameters.keys()].filter((key) => !key.includes('lora_')));
    for (const entry of entries) {
      const feeds = inputs(model, entry);
      const [a, b] = [run(model, feeds, { entry, weights }), run(merged, feeds, { entry, weights: folded })];
      for (const name of Object.keys(a)) expect(distance(a[name], b[name])).toBeLessThan(1e-12);
      // and it is the adapter's work that was folded
      const unadapted = run(merged, feeds, { entry, weights });
      expect(Object.keys(a).some((name) => distance(a[name], unadapted[name]) > 1e-6)).toBe(true);
    }
  }

  it('a small model computes what the adapted one does', () => {
    check(
      (options) => program(FILE, options),
      ['main'],
      () => ({ x: wave([2, 3]) }),
    );
  });

  it('so does TinyGPT-V', () => {
    const values = { vit: { depth: 1 }, phi: { num_layers: 2, vocab_size: 32 }, qformer: { num_layers: 1 } };
    check(
      (options) => compileOk('models/tinygpt-v.mdl', repository, { ...options, config: 'nano', values }),
      ['decode', 'loss'],
      (model, entry) =>
        feedsOf(
          model.entry(entry)!.graph,
          { N: 1, B: 1, T: 10, P: 2 },
          { input_ids: (column) => (column < 8 ? -1 : column) },
        ),
    );
  });
});

describe('where adapters go', () => {
  const text = (adapt: string, more = '') => `import { Linear, LayerNorm, LoRA } from "std"
    ${more}
    model M { a = Linear(2, 2)  n = LayerNorm(2)  entry main(x: [2]) -> (out: [2]) { x |> a |> n } }
    ${adapt}`;

  it('only on modules of their kind', () => {
    expect(problems(text('adapt n with LoRA(r = 1, alpha = 1)'))).toEqual([
      'E0404 LoRA adapts Linear, and n is a LayerNorm',
    ]);
  });

  it('a pattern must match something, and an adapter is needed', () => {
    expect(problems(text('adapt b with LoRA(r = 1, alpha = 1)'))).toEqual(['E0403 b matches nothing']);
    expect(problems(text('adapt a with Linear(r = 1, alpha = 1)'))).toEqual([
      'E0107 Linear is a module and cannot be an adapter',
    ]);
    expect(problems(text('adapt a with LoRA(r = 1)'))).toEqual(['E0203 LoRA needs the argument alpha']);
  });

  it('once on each module, however many patterns match it', () => {
    const model = program(
      text('adapt a, {a,n2}, ** with LoRA(r = 1, alpha = 1)')
        .replace('n = LayerNorm(2)', 'n2 = Linear(2, 2)')
        .replace('|> n }', '|> n2 }'),
    );
    expect([...model.parameters.values()].filter((p) => p.name === 'lora_A').map((p) => p.path)).toEqual([
      'a.lora_A',
      'n2.lora_A',
    ]);
  });

  it('one on each module', () => {
    const own =
      'adapter Gate() on Linear { param g: [1] = ones()  forward(x: [..., in_features]) -> [..., out_features] { base(x) * g } }';
    const both = 'adapt a with LoRA(r = 1, alpha = 1)\nadapt a with Gate()';
    expect(problems(text(both, own))).toEqual(['E0106 the adapter of a is declared twice']);
    const flagged = `flag gated = true\n${own}`;
    expect(
      problems(text('adapt a with LoRA(r = 1, alpha = 1) when not gated\nadapt a with Gate() when gated', flagged)),
    ).toEqual([]);
  });

  it('on the branch of a when … else … that is taken', () => {
    const other = (wide: boolean) =>
      program(
        `import { Linear, LoRA } from "std"
      flag wide = true
      model M { a = Linear(2, 4) when wide else Linear(2, 3)  entry main(x: [2]) -> (out: [_]) { a(x) } }
      adapt a with LoRA(r = 1, alpha = 1)`,
        { values: { wide } },
      );
    for (const wide of [true, false]) {
      expect(other(wide).parameters.get('a.lora_B.default.weight')!.shape).toEqual([wide ? 4 : 3, 1]);
      expect(other(wide).entry('main')!.parameters.has('a.lora_B.default.weight')).toBe(true);
    }
  });

  it('an adapter of one’s own sees the base’s arguments and calls base', () => {
    const own = `adapter Gate(by) on Linear { param g: [out_features] = constant(by)
      forward(x: [..., in_features]) -> [..., out_features] { base(x) * g } }`;
    const model = program(text('adapt a with Gate(by = 3)', own));
    const weights = weightsOf(model, 'initial');
    expect(model.parameters.get('a.g')!.shape).toEqual([2]);
    const x = wave([2]);
    const plain = run(program(text('', own)), { x }, { weights });
    // LayerNorm hides a common factor, so compare before it
    const traced = model.entry('main', ['a'])!;
    const base = program(text('', own)).entry('main', ['a'])!;
    const of = (entry: typeof traced) =>
      interpret(entry.graph, { inputs: new Map([['x', x]]), parameters: (key) => weights.get(key)! }).get('a')!;
    expect(plain.out!.shape).toEqual([2]);
    expect(numbers(of(traced))).toEqual(numbers(of(base)).map((value) => 3 * value));
  });
});

it("a name that the body assigns is the module's until then, in every call anew", () => {
  const text = `import { Linear } from "std"
    adapter Gate() on Linear { param g: [1] = ones()
      forward(x: [..., in_features]) -> [..., out_features] { for i in range(2) { let h = g  g = h * 3.0 }  base(x) * g } }
    model M { l = Linear(1, 1, with_bias = false)  entry main(x: [B, 1]) -> (out: [B, 1]) { l(l(x)) } }
    adapt l with Gate()`;
  const weights: Weights = new Map([
    ['l.weight', tensor([1, 1], [2])],
    ['l.g', tensor([1], [1])],
  ]);
  // each call: 2 · 3 · 3
  expect(numbers(run(program(text), { x: tensor([1, 1], [1]) }, { weights }).out)).toEqual([324]);
});
