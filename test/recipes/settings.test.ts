/** Settings of recipes: what is refused, by name and with what would be right; what a stage says in a setting's place. */
import { expect, test } from 'vitest';
import { DECLARATIONS } from '../../src/recipes/declarations.ts';
import { RECIPES, recipeOf } from '../../src/recipes/index.ts';
import { required, settingsOf } from '../../src/recipes/recipe.ts';
import {
  boolSetting,
  choiceSetting,
  intSetting,
  numbersSetting,
  textSetting,
  withFallback,
} from '../../src/shared/recipe.ts';

const RECIPE = { name: 'text' };
const TABLE = {
  length: withFallback(intSetting('tokens of a row', 2, 4096), 128),
  pad: intSetting('token id', 0),
  mode: choiceSetting('how rows are filled', ['packed', 'padded']),
  end: textSetting('ends an answer'),
  shuffle: boolSetting('whether rows are shuffled'),
  mean: numbersSetting('mean of each channel', 3, 'three numbers'),
};

test('what is given counts, a stage before the model, a fallback last', () => {
  expect(settingsOf(RECIPE, TABLE, {})).toEqual({ length: 128 });
  expect(settingsOf(RECIPE, TABLE, { length: 64, pad: 0, mean: [0, 0.5, 1] })).toEqual({
    length: 64,
    pad: 0,
    mean: [0, 0.5, 1],
  });
  expect(settingsOf(RECIPE, TABLE, { length: 64 }, { length: 32, pad: undefined })).toEqual({ length: 32 });
});

test.each([
  [
    { lenght: 3 },
    'R1120',
    'the recipe text has no setting lenght, did you mean length, and its settings are length, pad, mode',
  ],
  [{ toString: 3 }, 'R1120', 'the recipe text has no setting toString'],
  [{ length: 1 }, 'R1121', 'the setting length of the recipe text is 1 and must be an int from 2 to 4096'],
  [{ pad: -1 }, 'R1121', 'is -1 and must be an int of at least 0'],
  [{ pad: 0.5 }, 'R1121', 'an int of at least 0'],
  [{ mode: 'pack' }, 'R1121', 'is "pack" and must be one of "packed", "padded"'],
  [{ end: '' }, 'R1121', 'a string that is not empty'],
  [{ shuffle: 1 }, 'R1121', 'true or false'],
  [{ mean: [0, 0] }, 'R1121', 'is [0,0] and must be three numbers'],
  [{ mean: [0, 0, '1'] }, 'R1121', 'three numbers'],
] as const)('%j is refused with %s', (values, code, message) => {
  expect(() => settingsOf(RECIPE, TABLE, values)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test('a setting that some work needs is asked for where it is given', () => {
  expect(required(RECIPE, 'pad', 0, 'rows')).toBe(0);
  expect(() => required(RECIPE, 'pad', undefined, 'padded rows')).toThrow(
    'padded rows need the setting pad of the recipe text, which the model does not give: add `pad = …` to `recipe "text" { … }`',
  );
});

test('recipes are found by name', () => {
  expect(recipeOf('vision-language').name).toBe('vision-language');
  expect(() => recipeOf('vision-langage')).toThrow(
    expect.objectContaining({ code: 'R1123', message: expect.stringContaining('did you mean vision-language') }),
  );
  expect(RECIPES.map(({ name }) => name)).toEqual(DECLARATIONS.map(({ name }) => name));
});
