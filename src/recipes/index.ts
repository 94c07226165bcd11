/** The recipes that come with the program, in Node. A new one is one line here and one in `declarations.ts`. */
import { runtimeError } from '../runtime/errors.ts';
import { nearest } from '../shared/nearest.ts';
import { chatRecipe } from './chat/recipe.node.ts';
import { imageClassification } from './image-classification/recipe.ts';
import type { Recipe } from './recipe.ts';
import { tensorsRecipe } from './tensors/recipe.ts';
import { textRecipe } from './text/recipe.ts';
import { visionLanguage } from './vision-language/recipe.node.ts';

export const RECIPES: readonly Recipe[] = [visionLanguage, textRecipe, chatRecipe, imageClassification, tensorsRecipe];

/** The recipe of this name. @throws RuntimeError R1123 */
export function recipeOf(name: string): Recipe {
  const known = RECIPES.map((recipe) => recipe.name);
  const found = RECIPES.find((recipe) => recipe.name === name);
  if (!found) throw runtimeError('recipe_unknown', { name, known, near: nearest(name, known) });
  return found;
}
