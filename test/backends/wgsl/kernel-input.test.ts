/**
 * Kernels are written from their inputs alone: equal inputs are written once, an input has all that its text depends on, and
 * the key by which inputs are compared misses nothing of them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerEntry, PlanTables, type WeightStorage } from '../../../src/compiler/backends/wgsl/index.ts';
import type { KeyedInputs } from '../../../src/compiler/backends/wgsl/plan/kernel-input.ts';
import { emptyTexts, type KernelTexts } from '../../../src/compiler/backends/wgsl/plan/kernel-texts.ts';
import { StructuralKeys } from '../../../src/compiler/backends/wgsl/plan/structural-key.ts';
import { type EmittedForms, emitKernels } from '../../../src/compiler/backends/wgsl/text/emit.ts';
import type { KernelInput } from '../../../src/compiler/backends/wgsl/text/input.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { arenasOf } from '../../../src/compiler/training/arenas.ts';
import { trainedParameter } from '../../../src/compiler/training/plan.ts';
import { gradientGraph } from '../../../src/compiler/training/step.ts';
import { compileOk, memory, repository } from '../../support/project.ts';

/** Without objects that are remembered. */
const structuralKey = (data: unknown): string => new StructuralKeys().keyOf(data);

/** Writes each dispatch by itself. */
class Anew extends PlanTables {
  written = 0;

  override emitted(_keyed: KeyedInputs, make: () => EmittedForms): EmittedForms {
    this.written++;
    return make();
  }

  override shareKey(_keyed: KeyedInputs, make: () => string): string {
    return make();
  }
}

class Counted extends PlanTables {
  constructor(storage?: WeightStorage, texts = emptyTexts()) {
    super(storage, undefined, texts);
  }

  written = 0;
  /** inputs of dispatches, each time they are asked for */
  readonly asked: (readonly KernelInput[])[] = [];

  override emitted(keyed: KeyedInputs, make: () => EmittedForms): EmittedForms {
    this.asked.push(keyed.inputs);
    return super.emitted(keyed, () => {
      this.written++;
      return make();
    });
  }
}

describe('a plan whose equal kernels are written once', () => {
  it.each([
    ['models/tinygpt-v.mdl', 'nano', 'f32', 0.7],
    ['models/tinygpt-v.mdl', 'nano', 'f16', 0.7],
    ['examples/gpt.mdl', undefined, 'f32', 0.7],
    ['examples/vit.mdl', undefined, 'f32', 0.5],
  ] as const)('of %s (%s, %s)', (file, config, storage, most) => {
    const model = compileOk(file, repository, config === undefined ? {} : { config });
    const [anew, once] = [new Anew(storage), new Counted(storage)];
    for (const name of model.entries) {
      const { graph, cache } = model.entry(name)!;
      const finished = runPipeline(graph);
      expect(JSON.stringify(lowerEntry(finished, once, { cache }))).toBe(
        JSON.stringify(lowerEntry(finished, anew, { cache })),
      );
    }
    expect(once.kernels).toEqual(anew.kernels);
    expect(once.written).toBeLessThan(most * anew.written);
  });

  it('of gradients, and of values that only a constant, an attribute or an order tells apart', () => {
    const model = compileOk(
      'm.mdl',
      memory({
        'm.mdl': `import { LayerNorm, Linear } from "std"
config base { d = 8 }
module Block(d, scale) {
  norm = LayerNorm(d)
  fc = Linear(d, d)
  forward(x: [B, d]) -> [B, d] { (fc(norm(x)) * scale + x) * 0.5 + sum(x, axes = [-1], keepdims = true) / scale }
}
model M {
  blocks = [Block(d, i + 1.0) for i in range(4)]
  last = Block(d, 2.0)
  entry loss(x: [B, d], y: [B, d]) -> (loss: []) {
    let h = x
    for block in blocks { h = block(h) }
    let gap = last(h) - last(y)
    mean(gap * gap)
  }
}
`,
      }),
    );
    const loss = runPipeline(model.entry('loss')!.graph);
    const gradient = gradientGraph(model, new Set(model.parameters.keys()), { dropout: false, recompute: false })!;
    const trained = [...model.parameters.values()].map((parameter) =>
      trainedParameter(parameter, { noDecay: new Set() }),
    );
    const inArenas = gradientGraph(model, new Set(model.parameters.keys()), {
      dropout: false,
      arenas: (keys) =>
        arenasOf(
          keys.map((key) => trained.find((one) => one.key === key)!),
          256,
        ),
    })!;
    const [anew, once] = [new Anew(), new Counted()];
    for (const graph of [loss, gradient.graph, inArenas.graph])
      expect(JSON.stringify(lowerEntry(graph, once))).toBe(JSON.stringify(lowerEntry(graph, anew)));
    expect(once.kernels).toEqual(anew.kernels);
    expect(once.written).toBeLessThan(anew.written);
  });
});

describe('texts that were written before', () => {
  /** A block under two names. */
  const planOf = (name: string, texts: KernelTexts): Counted => {
    const program = `import { LayerNorm, Linear } from "std"
config base { d = 8 }
model M {
  norm = LayerNorm(d)
  ${name} = Linear(d, d)
  entry run(x: [B, d]) -> (y: [B, d]) { gelu(${name}(norm(x))) }
}
`;
    const tables = new Counted('f32', texts);
    const model = compileOk('m.mdl', memory({ 'm.mdl': program }));
    lowerEntry(runPipeline(model.entry('run')!.graph), tables);
    return tables;
  };

  it('are not written again, and have the names of the plan that they are in', () => {
    const texts = emptyTexts();
    const [first, second] = [planOf('first', texts), planOf('second', texts)];
    expect(first.written).toBeGreaterThan(0);
    expect(second.written).toBe(0);
    expect(second.kernels).toEqual(planOf('second', emptyTexts()).kernels);
    expect(second.kernels.some(({ wgsl }) => wgsl.includes('second_weight'))).toBe(true);
  });
});

describe('the input of a kernel', () => {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano' });
  const tables = new Counted();
  for (const name of model.entries) {
    const { graph, cache } = model.entry(name)!;
    lowerEntry(runPipeline(graph), tables, { cache });
  }
  const asked = tables.asked.filter((inputs) => inputs.length > 0);
  const textOf = (inputs: readonly KernelInput[]): string => JSON.stringify(emitKernels(inputs));

  it('is all that its text is written from, so that layers with equal inputs have one text', () => {
    const byKey = new Map<string, readonly KernelInput[]>();
    let compared = 0;
    for (const inputs of asked) {
      const key = structuralKey(inputs);
      const before = byKey.get(key);
      byKey.set(key, inputs);
      if (!before || before === inputs) continue;
      compared++;
      // a copy that shares no object with the entry, and that nothing may write to
      expect(textOf(frozen(structuredClone(inputs)))).toBe(textOf(before));
    }
    expect(compared).toBeGreaterThan(10);
  });

  it('has another key when anything in it is another', () => {
    const inputs = fc.constantFrom(...asked);
    let changed = 0;
    fc.assert(
      fc.property(inputs, fc.nat(), (input, at) => {
        const copy = structuredClone(input) as unknown;
        const leaves = leavesOf(copy);
        const { holder, name } = leaves[at % leaves.length]!;
        holder[name] = another(holder[name]);
        changed++;
        expect(structuralKey(copy)).not.toBe(structuralKey(input));
      }),
      { numRuns: 2000, seed: 13 },
    );
    expect(changed).toBe(2000);
  });
});

describe('a structural key', () => {
  it.each([
    [0, -0],
    [1, '1'],
    [Number.NaN, null],
    [{ a: undefined }, {}],
    [['a,b'], ['a', 'b']],
    [{ a: 'b' }, ['a', 'b']],
    [[[1], 2], [[1, 2]]],
    [{ 'a":1,"b': 1 }, { a: 1, b: 1 }],
    [true, 'true'],
  ])('of %j is not that of %j', (a, b) => expect(structuralKey(a)).not.toBe(structuralKey(b)));

  it('is equal for equal data in other objects', () => {
    const data = { shape: [1, { kind: 'symbolic', terms: [] }], number: Number.POSITIVE_INFINITY };
    expect(structuralKey(structuredClone(data))).toBe(structuralKey(data));
  });

  it.each([[new Map()], [new Set()], [new Float32Array(1)], [() => 1], [1n]])(
    'refuses what is no plain data: %s',
    (data) => expect(() => structuralKey({ data })).toThrow(/no plain data|has no structural key/),
  );
});

interface Leaf {
  readonly holder: Record<string, unknown>;
  readonly name: string;
}

/** Everything in data that is no list or object, with where it is. */
function leavesOf(data: unknown): readonly Leaf[] {
  if (typeof data !== 'object' || data === null) return [];
  const holder = data as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => {
    const inner = holder[name];
    return typeof inner === 'object' && inner !== null ? leavesOf(inner) : [{ holder, name }];
  });
}

function another(leaf: unknown): unknown {
  if (typeof leaf === 'number') return leaf + 1;
  return typeof leaf === 'string' ? `${leaf}x` : !leaf;
}

function frozen<T>(data: T): T {
  if (typeof data === 'object' && data !== null) {
    Object.freeze(data);
    for (const inner of Object.values(data)) frozen(inner);
  }
  return data;
}
