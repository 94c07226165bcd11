/** Random numbers: their only operand is an integer seed. */
import { type Gradients, notDifferentiable } from '../rule.ts';

export const RANDOM: Gradients<'random_uniform'> = {
  random_uniform: notDifferentiable('its operand is an integer seed'),
};
