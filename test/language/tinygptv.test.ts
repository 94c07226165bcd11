/** models/tinygpt-v.mdl against the released model's state dict: keys, shapes, totals, and what each stage trains. */
import { describe, expect, it } from 'vitest';
import type { ParameterInfo } from '../../src/compiler/elaborate/instance.ts';
import type { Model, ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { sizeOf } from '../../src/shared/tensor.ts';
import { compileOk, repository } from '../support/project.ts';
import { readJson } from '../support/reference.ts';

interface Released {
  readonly keys: Readonly<
    Record<string, { readonly shape: number[]; readonly dtype: string; readonly trainable_in_stages: number[] }>
  >;
  readonly key_count: number;
  readonly parameter_counts: {
    readonly per_component: Readonly<Record<string, number>>;
    readonly without_lora_total: number;
    readonly stage4_total_at_448: number;
  };
  readonly trainable_counts: Readonly<Record<string, { readonly total: number; readonly tensors: number }>>;
}

const released = readJson<Released>('tinygptv-full-keys.json');
const open = (options: ModelOptions): Model => compileOk('models/tinygpt-v.mdl', repository, options);
const count = (parameters: Iterable<ParameterInfo>): number =>
  [...parameters].reduce((sum, p) => sum + (p.buffer ? 0 : sizeOf(p.shape)), 0);
const full = open({ config: 'full' });
const FLAGS = ['input_norm', 'rms_norm', 'qk_norm', 'lora', 'q_former', 'projection_chain'] as const;

describe('the state dict', () => {
  it('has the released keys, each with its shape', () => {
    const ours = Object.fromEntries([...full.parameters].map(([key, { shape }]) => [key, [...shape]]));
    const theirs = Object.fromEntries(Object.entries(released.keys).map(([key, { shape }]) => [key, shape]));
    expect(Object.keys(ours)).toHaveLength(released.key_count);
    expect(ours).toEqual(theirs);
  });

  it('has one buffer, of ints; all else are floats', () => {
    const buffers = [...full.parameters.values()].filter((p) => p.buffer);
    expect(buffers.map((p) => [p.keys[0], p.dtype])).toEqual([['Qformer.bert.embeddings.position_ids', 'i64']]);
    for (const [key, { dtype }] of full.parameters)
      expect([key, dtype === 'i64']).toEqual([key, released.keys[key]!.dtype.startsWith('int')]);
  });

  it('has the released counts per component', () => {
    const component = ([key]: readonly [string, ParameterInfo]): string => {
      const top = key.split('.')[0]!;
      return top === 'llama_model' ? `llama_model (${key.includes('lora_') ? 'LoRA' : 'Phi-2'})` : top;
    };
    const counts: Record<string, number> = {};
    for (const entry of full.parameters) counts[component(entry)] = (counts[component(entry)] ?? 0) + count([entry[1]]);
    expect({ ...counts, total: count(full.parameters.values()) }).toEqual(released.parameter_counts.per_component);
  });

  it('has the released totals without LoRA and at 448 × 448', () => {
    expect(count(open({ config: 'full', values: { lora: false } }).parameters.values())).toBe(
      released.parameter_counts.without_lora_total,
    );
    const large = open({ config: 'full448' });
    expect(count(large.parameters.values())).toBe(released.parameter_counts.stage4_total_at_448);
    expect([...large.parameters.keys()]).toEqual([...full.parameters.keys()]);
  });

  it('lists its keys in the same order each time, in order of declaration', () => {
    expect([...open({ config: 'full' }).parameters.keys()]).toEqual([...full.parameters.keys()]);
    const tops = [...new Set([...full.parameters.values()].map((p) => p.path.split('.')[0]))];
    expect(tops.slice(0, 2)).toEqual(['query_tokens', 'llama_model']);
    const nano = [...open({ config: 'nano' }).parameters.keys()];
    expect(nano).toEqual([...full.parameters.keys()].filter((key) => nano.includes(key)));
  });
});

describe('stages', () => {
  /** the four of the paper */
  const numbered = full.stages.filter(({ name }) => /^stage\d$/.test(name));
  const trainedIn = (stage: number) =>
    Object.entries(released.keys)
      .flatMap(([key, { trainable_in_stages }]) => (trainable_in_stages.includes(stage) ? [key] : []))
      .sort();

  it.each([1, 2, 3, 4])('stage %d trains what the authors train, key by key', (number) => {
    const declared = full.stages.find(({ name }) => name === `stage${number}`)!;
    const model = open({ config: number === 4 ? 'full448' : 'full', values: Object.fromEntries(declared.flags) });
    const stage = model.stages.find(({ name }) => name === `stage${number}`)!;
    expect(stage.trained.map((p) => p.keys[0]).sort()).toEqual(trainedIn(number));
    expect({ total: count(stage.trained), tensors: stage.trained.length }).toMatchObject({
      total: released.trainable_counts[`stage${number}`]!.total,
      tensors: released.trainable_counts[`stage${number}`]!.tensors,
    });
  });

  it('stage 1 is without LoRA, the others leave flags as they are', () => {
    expect(numbered.map(({ name, flags }) => [name, [...flags]])).toEqual([
      ['stage1', [['lora', false]]],
      ['stage2', []],
      ['stage3', []],
      ['stage4', []],
    ]);
  });

  it('carry their optimiser, schedule and batch', () => {
    const [first] = numbered;
    expect(first!.optimize).toEqual({
      name: 'adamw',
      arguments: { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.05 },
    });
    expect(first!.schedule).toEqual({
      name: 'linear_warmup_cosine',
      arguments: { warmup_lr: 1e-6, lr: 1e-4, min_lr: 8e-5, warmup: 1000, iters: 5000, epochs: 1 },
    });
    expect(numbered.map(({ options }) => options.batch)).toEqual([64, 64, 6, 6]);
    expect(first!.doc).toMatch(/^warm-up/);
  });
});

describe('flags', () => {
  const on = open({ config: 'nano' });

  it('are the six of the paper and its ablations', () => {
    expect([...on.settings.flags.keys()].sort()).toEqual([...FLAGS].sort());
  });

  it.each(FLAGS)('%s off: the other keys stay, what goes is known as absent', (flag) => {
    const off = open({ config: 'nano', values: { [flag]: false } });
    const absent = off.absent.map((p) => p.keys[0]);
    const kept = [...off.parameters.keys()];
    expect(absent.filter((key) => off.parameters.has(key))).toEqual([]);
    expect([...kept, ...absent].sort()).toEqual([...on.parameters.keys()].sort());
    expect(kept).toEqual([...on.parameters.keys()].filter((key) => off.parameters.has(key)));
    expect(absent.length).toBeGreaterThan(0);
  });
});

it('two elaborations trace identical graphs', () => {
  const print = () => {
    const model = open({ config: 'nano' });
    return model.entries.map((name) => printGraph(model.entry(name)!.graph));
  };
  expect(print()).toEqual(print());
});

it('tracing an entry twice gives the same graph, whatever was traced between', () => {
  const model = open({ config: 'nano' });
  const before = printGraph(model.entry('decode')!.graph);
  model.entry('loss');
  expect(printGraph(model.entry('decode')!.graph)).toBe(before);
});
