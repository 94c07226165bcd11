/** Recipes and the data that stages are trained on. */
import { message, type Named } from '../message.ts';

export const RECIPE_MESSAGES = {
  unknown_recipe: message<Named>('E0240', 'unknown recipe', (a) => `there is no recipe ${a.name}`),
  unknown_recipe_setting: message<Named & { recipe: string }>(
    'E0241',
    'unknown setting of a recipe',
    (a) => `the recipe ${a.recipe} has no setting ${a.name}`,
  ),
  several_recipes: message<object>('E0242', 'several recipes', () => 'a model has one recipe'),
  other_recipe: message<{ name: string; given: string }>(
    'E0243',
    'another recipe than the file says',
    (a) => `the model has the recipe ${a.name} and is asked for ${a.given}`,
  ),
  unknown_role_entry: message<Named & { role: string }>(
    'E0290',
    'role of an unknown entry',
    (a) => `\`${a.role}\` takes an entry of the model, and it has no entry ${a.name}`,
  ),
  role_not_entry: message<{ role: string }>(
    'E0291',
    'role of something else than an entry',
    (a) => `\`${a.role}\` takes the name of an entry, as it stands, without quotes`,
  ),
  unknown_role_output: message<Named & { entry: string }>(
    'E0292',
    'role of an unknown output',
    (a) => `the entry ${a.entry} gives no ${a.name}`,
  ),
} as const;
