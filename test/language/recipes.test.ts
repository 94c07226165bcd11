/** The clause `recipe "NAME" { … }`: settings as data, and what is wrong with one, at its place in the file. */
import { describe, expect, it } from 'vitest';
import { modelManifest } from '../../src/compiler/ports.ts';
import { choiceSetting, intSetting, type RecipeDeclaration, textSetting } from '../../src/shared/recipe.ts';
import { elaborated, problemsAt } from './recipes.ts';

const TEXT: RecipeDeclaration = {
  name: 'text',
  doc: 'texts',
  settings: {
    length: intSetting('tokens of a row', 1, 512),
    end: textSetting('ends an answer'),
    mode: choiceSetting('how rows are filled', ['packed', 'padded']),
  },
  clauses: { end: textSetting('ends an answer') },
  shapes: ['length'],
};

const program = (recipe: string, stage = '') => `import { Linear } from "std"
flag wide = true
config c { sizes { length = 64 }, ids { eos = 3 }, words = none }
model M { a = Linear(2, 2) }
${recipe}
stage s { train a ${stage} }`;

describe('settings', () => {
  it('are values of the config and of flags, and say which config value they are', () => {
    const { recipe } = elaborated(
      program('recipe "text" { length = sizes.length, mode = "packed" when wide else "padded" }'),
      [TEXT],
    );
    expect(recipe).toEqual({
      declaration: TEXT,
      outputs: {},
      settings: { length: 64, mode: 'packed' },
      places: { length: 'sizes.length' },
      roles: {},
    });
  });

  it('follow --set', () => {
    const set = [{ name: 'sizes.length', text: '32' }];
    expect(elaborated(program('recipe "text" { length = sizes.length * 2 }'), [TEXT], { set }).recipe).toMatchObject({
      settings: { length: 64 },
      places: {},
    });
  });

  it('that are none are not given', () => {
    expect(elaborated(program('recipe "text" { end = words }'), [TEXT]).recipe!.settings).toEqual({});
  });

  it('go into the manifest', () => {
    const model = elaborated(program('recipe "text" { length = 8 }'), [TEXT]);
    expect(modelManifest({ model, entries: [] }).recipe).toEqual({ name: 'text', settings: { length: 8 } });
    expect(modelManifest({ model: elaborated(program(''), [TEXT]), entries: [] }).recipe).toBeUndefined();
  });

  it('a recipe may be a name elsewhere', () => {
    const text = 'config c { recipe = 3 }\nmodel recipe { entry run(x: [recipe]) -> (y: [recipe]) { x } }';
    expect(elaborated(text, [TEXT]).recipe).toBeUndefined();
  });
});

describe('--recipe', () => {
  it('names the recipe of a file that names none', () => {
    expect(elaborated(program('', 'end "x"'), [TEXT], { recipe: 'text' }).recipe!.declaration).toBe(TEXT);
  });

  it.each([
    ['', 'texd', 'command line:1:10 E0240 there is no recipe texd'],
    ['recipe "text" { }', 'vision', 'main.mdl:5:8 E0243 the model has the recipe text and is asked for vision'],
  ])('%j with %s', (clause, recipe, problem) => {
    expect(problemsAt(program(clause), [TEXT], { recipe })).toContain(problem);
  });
});

describe('mistakes', () => {
  it.each([
    ['recipe "texts" { }', '5:8 E0240 there is no recipe texts', 'did you mean `text`?'],
    ['recipe "text" { lenght = 3 }', '5:17 E0241 the recipe text has no setting lenght', 'did you mean `length`?'],
    [
      'recipe "text" { colour = 3 }',
      '5:17 E0241 the recipe text has no setting colour',
      'its settings are length, end, mode',
    ],
    ['recipe "text" { length = 0 }', '5:26 E0201', 'an int from 1 to 512'],
    ['recipe "text" { length = -ids.eos }', '5:26 E0201', 'is -3'],
    ['recipe "text" { mode = "both" }', '5:24 E0201', 'one of "packed", "padded"'],
    ['recipe "text" { end = sizes }', '5:23 E0201', 'a number, string, bool or list'],
    ['recipe "text" { length = size }', '5:26 E0105', 'size'],
    ['recipe "text" { length = 1, length = 2 }', '5:29 E0106', 'length'],
    ['recipe "text" { }\nrecipe "text" { }', '6:8 E0242 a model has one recipe', 'the first is here'],
    ['recipe "text" { length }', '5:24 E0', "'='"],
  ])('%s', (clause, problem, words) => {
    const found = problemsAt(program(clause), [TEXT]);
    expect(found).toContain(`main.mdl:${problem}`);
    expect(found).toContain(words);
  });

  it('a clause of a recipe that the file does not name', () => {
    const found = problemsAt(program('', 'end "x"'), [TEXT]);
    expect(found).toContain('main.mdl:6:19 E0501 a stage has no clause end');
    expect(found).toContain('it is a clause of the recipe text: the file names its recipe as `recipe "text" { … }`');
    expect(problemsAt(program('recipe "text" { }', 'end ""'), [TEXT])).toContain('main.mdl:6:23 E0201');
  });
});
