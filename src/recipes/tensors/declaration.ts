/** What a model says of itself to be trained on arrays of numbers. */
import type { RecipeDeclaration } from '../../shared/recipe.ts';
import { LOSS_ROLE } from '../../shared/roles.ts';
import { HELD_OUT } from '../settings.ts';

export const SETTINGS = { held_out: HELD_OUT } as const;

export const TENSORS: RecipeDeclaration = {
  name: 'tensors',
  doc: 'arrays of numbers, named as the inputs of the loss: .safetensors, .npz, .npy and .csv files, or a folder of them',
  roles: LOSS_ROLE,
  settings: SETTINGS,
  clauses: {},
};
