/** Every built-in function, by name. */
import type { Builtin } from '../builtin.ts';
import { IMAGE_BUILTINS } from './images.ts';
import { SHAPE_BUILTINS } from './shapes.ts';
import { TENSOR_BUILTINS } from './tensors.ts';
import { TRAINING_BUILTINS } from './training.ts';
import { VALUE_BUILTINS } from './values.ts';

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map(
  [...VALUE_BUILTINS, ...TENSOR_BUILTINS, ...TRAINING_BUILTINS, ...IMAGE_BUILTINS, ...SHAPE_BUILTINS].map((builtin) => [
    builtin.name,
    builtin,
  ]),
);
