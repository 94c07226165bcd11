/** Entries by role: what a file gives, what it may give, and who asks. */
import { describe, expect, it } from 'vitest';
import { rename } from '../../src/compiler/check/rename.ts';
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
    expect(modelManifest(model('', 'recipe "text" { loss = near, decode = step }')).roles).toEqual({
      loss: 'near',
      decode: 'step',
    });
    expect(modelManifest(model('', 'recipe "text" { }'))).not.toHaveProperty('roles');
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
