/** Stages: clauses, optimisers and schedules as data, and what is wrong with one. */
import { describe, expect, it } from 'vitest';
import { compile, memory } from '../support/project.ts';
import { problems, program } from './support.ts';

const text = (clauses: string) => `import { Linear } from "std"
flag gate = true
config c { lr = 1e-3, lora { alpha = 4 } }
recipe "vision-language" { }
model M { a = Linear(2, 2)  b = Linear(2, 2) when gate  buffer ids: int[4] = arange() }
stage s { ${clauses} }`;

const stage = (clauses: string) => program(text(clauses)).stages[0]!;

describe('clauses', () => {
  it('values may come from the config', () => {
    const { optimize, schedule, options } = stage(`train a
      optimize sgd(momentum = 0.9, nesterov = true)
      schedule constant(lr = lr, iters = 10 * lora.alpha, epochs = 1)
      batch 8  clip 1.0  template "human"  accumulate lora.alpha / 2`);
    expect(optimize).toEqual({ name: 'sgd', arguments: { momentum: 0.9, nesterov: true } });
    expect(schedule).toEqual({ name: 'constant', arguments: { lr: 1e-3, iters: 40, epochs: 1 } });
    expect(options).toEqual({ batch: 8, clip: 1, template: 'human', accumulate: 2 });
  });

  it('set names flags; their values are conditions', () => {
    expect([...stage('train a  set gate = not gate').flags]).toEqual([['gate', false]]);
  });

  it('train takes no buffers, and each parameter once', () => {
    expect(stage('train **, a, a.weight').trained.map((p) => p.path)).toEqual([
      'a.weight',
      'a.bias',
      'b.weight',
      'b.bias',
    ]);
  });

  it('a comment inside of a pattern is no part of it', () => {
    const trained = stage('train a. /* all of it */ weight, a. // the shift\n bias').trained;
    expect(trained.map((p) => p.path)).toEqual(['a.weight', 'a.bias']);
  });

  it('a pattern may name only what a flag switches off', () => {
    const off = program(text('train a, b'), { values: { gate: false } });
    expect(off.stages[0]!.trained.map((p) => p.path)).toEqual(['a.weight', 'a.bias']);
  });
});

describe('mistakes', () => {
  it.each<[string, string]>([
    ['optimize adamw()', 'E0502'],
    ['train c', 'E0403'],
    ['train ids', 'E0403'],
    ['train a  optimise adamw()', 'E0501'],
    ['train a  optimize adamv()', 'E0201'],
    ['train a  optimize adamw(beta = 1)', 'E0204'],
    ['train a  optimize adamw(0.9)', 'E0204'],
    ['train a  schedule cosine(lr = 1)', 'E0201'],
    ['train a  set lr = true', 'E0220'],
    ['train a  set gate = 1', 'E0201'],
    ['train a  batch lora', 'E0201'],
    ['train a  batch unknown', 'E0105'],
    ['train a  image_size 0', 'E0201'],
    ['train a  image_size [28, 28]', 'E0201'],
    ['train a  batch "16"', 'E0201'],
    ['train a  tasks "chat"', 'E0201'],
    ['train a  template "llama"', 'E0201'],
    ['train a  end ""', 'E0201'],
    ['train a  data 1', 'E0201'],
    ['train a  dropout 0.1', 'E0201'],
    ['train a  recompute 1', 'E0201'],
    ['train a  seed -1', 'E0201'],
    ['train a  accumulate 0', 'E0201'],
    ['train a  clip 0', 'E0201'],
    ['train a  clip true', 'E0201'],
    ['train a  loss_scale "static"', 'E0201'],
    ['train a  schedule constant(lr = -0.1)', 'E0201'],
    ['train a  schedule constant(lr = 1, iters = 0)', 'E0201'],
    ['train a  schedule step(lr = 1, decay_rate = 0)', 'E0201'],
    ['train a  optimize sgd(weight_decay = "0.1")', 'E0201'],
    ['train a  batch 1  batch 2', 'E0106'],
    ['train a  set gate = true  set gate = false', 'E0106'],
    ['train a  optimize adamw(eps = 1e-8, eps = 1e-6)', 'E0106'],
  ])('%s: %s', (clauses, code) => {
    expect(problems(text(clauses)).map((problem) => problem.slice(0, 5))).toEqual([code]);
  });

  it('a pattern that covers buffers alone says why it trains nothing', () => {
    const { bag } = compile('main.mdl', memory({ 'main.mdl': text('train ids') }), {});
    expect(bag.sorted()[0]!.notes).toContain('ids has no parameters: buffers are updated, not trained');
  });

  it('no_decay of what does not train is a warning', () => {
    const codes = (clauses: string) =>
      compile('main.mdl', memory({ 'main.mdl': text(clauses) }), {})
        .bag.sorted()
        .map(({ code, message }) => `${code} ${message}`);
    expect(codes('train a  no_decay b')).toEqual([
      'W0104 no_decay b keeps nothing from decay: s trains none of what it matches',
    ]);
    expect(codes('train a  no_decay **.bias')).toEqual([]);
  });

  it('two stages have two names', () => {
    expect(problems(`${text('train a')}\nstage s { train b }`).map((problem) => problem.slice(0, 5))).toContain(
      'E0106',
    );
  });
});
