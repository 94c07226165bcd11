/** The recipes' declarations, which need nothing of the runtime: what the compiler checks files against. */
import type { RecipeDeclaration } from '../shared/recipe.ts';
import { CHAT } from './chat/declaration.ts';
import { IMAGE_CLASSIFICATION } from './image-classification/declaration.ts';
import { TENSORS } from './tensors/declaration.ts';
import { TEXT } from './text/declaration.ts';
import { VISION_LANGUAGE } from './vision-language/declaration.ts';

export const DECLARATIONS: readonly RecipeDeclaration[] = [VISION_LANGUAGE, TEXT, CHAT, IMAGE_CLASSIFICATION, TENSORS];
