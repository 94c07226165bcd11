/** The long form of each message (`mdl explain CODE`), with a file that provokes it. */
import { GRADIENT_EXPLANATIONS } from './explanations/gradients.ts';
import { LAYOUT_EXPLANATIONS } from './explanations/layouts.ts';
import { MODULE_EXPLANATIONS } from './explanations/modules.ts';
import { NAMES_EXPLANATIONS } from './explanations/names.ts';
import { QUANTISE_EXPLANATIONS } from './explanations/quantise.ts';
import { RECIPE_EXPLANATIONS } from './explanations/recipes.ts';
import { STAGE_EXPLANATIONS } from './explanations/stages.ts';
import { SYNTAX_EXPLANATIONS } from './explanations/syntax.ts';
import { TENSOR_EXPLANATIONS } from './explanations/tensors.ts';
import { VALUES_EXPLANATIONS } from './explanations/values.ts';

export const EXPLANATIONS = {
  ...SYNTAX_EXPLANATIONS,
  ...NAMES_EXPLANATIONS,
  ...VALUES_EXPLANATIONS,
  ...RECIPE_EXPLANATIONS,
  ...LAYOUT_EXPLANATIONS,
  ...QUANTISE_EXPLANATIONS,
  ...TENSOR_EXPLANATIONS,
  ...MODULE_EXPLANATIONS,
  ...GRADIENT_EXPLANATIONS,
  ...STAGE_EXPLANATIONS,
};
