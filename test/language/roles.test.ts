/** Entries by role: what a file gives, what it may give, and who asks. */
import { describe, expect, it } from 'vitest';
import { rename } from '../../src/compiler/check/rename.ts';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { graphsOf } from '../../src/compiler/graphs.ts';
import { compile } from '../../src/compiler/index.ts';
import { modelManifest } from '../../src/compiler/ports.ts';
import { DECLARATIONS } from '../../src/recipes/declarations.ts';
import { memory } from '../support/project.ts';
import { elaborated, problemsAt } from './recipes.ts';

/** Two losses over one weight. */
const program = (stages: string, recipe = ''): string => `model M {
  param w: [2] = ones()
  entry near(x: [B, 2]) -> (loss: []) { mean(x * w) }
  entry far(x: [B, 2]) -> (loss: []) { mean(x * x * w) }
  entry step(inputs_embeds: [B, T, 2]) -> (logits: [B, T, 2]) { inputs_embeds * w }
}
${recipe}
${stages}
`;
const stage = (name: string, clauses = ''): string =>
  `stage ${name} {\n  train w\n  optimize sgd()\n  schedule constant(lr = 0.1, iters = 2, epochs = 1)\n  ${clauses}\n}`;
const model = (...args: Parameters<typeof program>) => elaborated(program(...args), DECLARATIONS);
const problems = (...args: Parameters<typeof program>) => problemsAt(program(...args), DECLARATIONS);

describe('which entry plays a role', () => {
  it('the one called as it, where nothing else is said', () => {
    const { roles, stages } = model(stage('one'));
    expect(roles).toEqual({ loss: 'loss' });
    expect(stages[0]!.minimizes).toBe('loss');
    expect(model('').entryFor('decode')).toBe('decode');
  });

  it('a stage says what it minimises, and with it what the model is judged by', () => {
    const one = model(stage('one', 'minimize far'));
    expect(one.stages[0]!.minimizes).toBe('far');
    expect(one.entryFor('loss')).toBe('far');
  });

  it('stages that differ leave the loss of the model to the recipe', () => {
    const both = [stage('one', 'minimize far'), stage('two', 'minimize near')].join('\n');
    expect(model(both).entryFor('loss')).toBe('loss');
    expect([...model(both).losses]).toEqual(['loss', 'far', 'near']);
    expect(model(both, 'recipe "tensors" { loss = near }').entryFor('loss')).toBe('near');
  });

  it('a recipe gives roles to stages that say nothing', () => {
    const { stages, recipe } = model(
      [stage('one'), stage('two', 'minimize far')].join('\n'),
      'recipe "text" { loss = near, decode = step }',
    );
    expect(stages.map(({ minimizes }) => minimizes)).toEqual(['near', 'far']);
    expect(recipe!.settings).toEqual({});
  });

  it('goes into the manifest, where it is not its own name', () => {
    const manifest = (recipe: string) => modelManifest({ model: model('', recipe), entries: [] });
    expect(manifest('recipe "text" { loss = near, decode = step }').roles).toEqual({
      loss: 'near',
      decode: 'step',
    });
    expect(manifest('recipe "text" { }')).not.toHaveProperty('roles');
  });
});

/** The ports that a manifest gives with roles, and what a stage minimises. */
describe('which port is wanted of it', () => {
  const [SUM, TWO] = ['(total: []) { sum(x * w) }', '(total: [], size: []) { (sum(x * w), sum(x)) }'];
  const losing = (gives: string, stages = '', recipe = '') =>
    elaborated(
      `model M { param w: [2] = ones()\n entry loss(x: [B, 2]) -> ${gives} }\n${recipe}\n${stages}`,
      DECLARATIONS,
    );
  const portsOf = (model: Model) => modelManifest(graphsOf(model)!).ports;
  const minimised = (model: Model) => {
    const built = graphsOf(model, { stage: model.stages[0]!, training: { validates: true } })!;
    return built.entries.find(({ name }) => name === 'gradient')!.guarded.graph;
  };

  it('the one that is called as usual: nothing is written', () => {
    const usual = model('', 'recipe "text" { loss = near, decode = step }');
    expect(portsOf(usual)).toBeUndefined();
    expect(portsOf(losing('(size: [], loss: []) { (sum(x), sum(x * w)) }'))).toBeUndefined();
  });

  it('else the only one of its type', () => {
    expect(portsOf(losing(SUM))).toEqual({ loss: { loss: 'total' } });
    expect(portsOf(losing('(total: [], rows: [B, 2]) { (sum(x * w), x) }'))).toEqual({ loss: { loss: 'total' } });
    const decoder = elaborated(
      `model M {
  param w: [4] = ones()
  entry embed_tokens(ids: int[B, T]) -> (rows: [B, T, 4]) { expand(unsqueeze(float(ids), 2), [B, T, 4]) }
  entry decode(states: [B, T, 4], attention_mask: int[B, T]) -> (scores: [B, T, 4], norms: [B, T]) {
    (states * w, sum(states, axes = [-1]))
  }
}`,
      DECLARATIONS,
    );
    expect(portsOf(decoder)).toEqual({
      embed_tokens: { input_ids: 'ids', inputs_embeds: 'rows' },
      decode: { inputs_embeds: 'states', logits: 'scores' },
    });
  });

  it('of several, the one that a stage or a recipe names', () => {
    expect(portsOf(losing(TWO))).toBeUndefined();
    expect(portsOf(losing(TWO, stage('one', 'minimize loss.total')))).toEqual({ loss: { loss: 'total' } });
    expect(portsOf(losing(TWO, '', 'recipe "tensors" { loss = loss.total }'))).toEqual({ loss: { loss: 'total' } });
    const both = [stage('one', 'minimize loss.total'), stage('two', 'minimize loss.size')].join('\n');
    expect(portsOf(losing(TWO, both))).toBeUndefined();
  });

  it('a stage trains by it, whatever its name, and logs the others', () => {
    const { outputs } = minimised(losing(TWO, stage('one', 'minimize loss.total')));
    expect(outputs.map(({ name }) => name)).toEqual(['loss', 'metric.size', 'gradient.w', 'statistics']);
    expect(minimised(losing(SUM, stage('one'))).outputs.map(({ name }) => name)).toContain('loss');
  });

  it('a stage that cannot know says what to write', () => {
    expect(() => minimised(losing(TWO, stage('one')))).toThrow(
      'the entry `loss` gives the scalars total, size, and none is called `loss`: say which it is with `minimize loss.total` in the stage',
    );
    const other = '(total: [], loss: []) { (sum(x * w), sum(x)) }';
    expect(() => minimised(losing(other, stage('one', 'minimize loss.total')))).toThrow(
      'the entry `loss` gives a scalar `loss` beside `total`, which is minimised',
    );
  });
});

describe('mistakes', () => {
  it.each([
    [
      'minimize fat',
      '',
      'E0290 `minimize` takes an entry of the model, and it has no entry fat\n  did you mean `far`?',
    ],
    ['minimize "far"', '', 'E0291 `minimize` takes the name of an entry, as it stands, without quotes\n  write `far`'],
    ['minimize w', '', 'E0290 `minimize` takes an entry of the model, and it has no entry w'],
    [
      '',
      'recipe "text" { decode = stap }',
      'E0290 `decode` takes an entry of the model, and it has no entry stap\n  did you mean `step`?',
    ],
    ['', 'recipe "text" { decode = 3 }', 'E0291 `decode` takes the name of an entry'],
    ['', 'recipe "text" { decod = step }', 'E0241 the recipe text has no setting decod\n  did you mean `decode`?'],
    ['', 'recipe "tensors" { decode = step }', 'E0241 the recipe tensors has no setting decode'],
    ['minimize far.lost', '', 'E0292 the entry far gives no lost\n  did you mean `loss`?'],
    ['', 'recipe "text" { decode = step.scores }', 'E0292 the entry step gives no scores\n  its outputs are logits'],
    ['minimize fat.loss', '', 'E0290 `minimize` takes an entry of the model, and it has no entry fat'],
    ['', 'recipe "vision-language" { encode_image = step.logits }', 'E0291 `encode_image` takes the name of an entry'],
    ['minimise far', '', 'E0501 a stage has no clause minimise\n  did you mean `minimize`?'],
  ])('%s %s', (clause, recipe, message) => {
    expect(problems(stage('one', clause), recipe)).toContain(message);
  });

  it('names of entries are known nowhere else', () => {
    expect(problems(stage('one', 'batch far'))).toContain('E0105 far is not declared');
  });
});

describe('an editor', () => {
  const text = program(stage('one', 'minimize far'), 'recipe "text" { loss = far, decode = step }');
  const table = compile('main.mdl', memory({ 'main.mdl': text })).names!;
  const named = (piece: string) => table.at('main.mdl', text.indexOf(piece) + piece.length)!;

  it.each(['minimize far', 'loss = far'])('finds the entry at `%s`', (piece) => {
    const { definition } = named(piece);
    expect([definition.kind, definition.span.start]).toEqual(['entry', text.indexOf('far(')]);
  });

  it('renames it everywhere', () => {
    const renamed = rename(table, named('minimize far').definition, 'distant');
    const edits = 'edits' in renamed ? renamed.edits : [];
    expect(edits.map(({ span }) => text.slice(text.lastIndexOf(' ', span.start - 2) + 1, span.end)).sort()).toEqual([
      '= far',
      'entry far',
      'minimize far',
    ]);
  });
});
