/** Gradients that are written, and what only training has. */
import { type Found, message, type Named } from '../message.ts';

export const GRADIENT_MESSAGES = {
  gradient_target: message<Named & Found & { callee: string }>(
    'E0275',
    'no gradient of this',
    (a) => `the backward clause of ${a.callee} gives a gradient of ${a.name}, which is ${a.found} and has none`,
  ),
  gradient_shape: message<Named & Found & { callee: string; expected: string }>(
    'E0276',
    'wrong shape of a gradient',
    (a) => `the backward clause of ${a.callee} gives ${a.found} as the gradient of ${a.name}, which is ${a.expected}`,
  ),
  gradient_count: message<{ callee: string; targets: number; found: number }>(
    'E0277',
    'wrong number of gradients',
    (a) =>
      `the backward clause of ${a.callee} gives ${a.found} ${a.found === 1 ? 'value' : 'values'} for the gradients of ${a.targets} ${a.targets === 1 ? 'name' : 'names'}`,
  ),
  gradient_result: message<Found & { callee: string }>(
    'E0278',
    'backward clause without a result to go back from',
    (a) => `${a.callee} has a backward clause and gives ${a.found}, where one tensor of floats goes back`,
  ),
  gradient_missing: message<Named & { callee: string }>(
    'E0279',
    'param without a gradient',
    (a) => `the body of ${a.callee} reads the param ${a.name}, and its backward clause gives no gradient of it`,
  ),
  random_outside_training: message<object>(
    'E0281',
    'random numbers outside of training',
    () => 'random numbers are drawn in a backward clause, or where is_training() holds, and nowhere else',
  ),
  unknown_choice: message<Named & { what: string; known: string }>(
    'E0282',
    'unknown choice',
    (a) => `${a.what} is ${JSON.stringify(a.name)} and can be ${a.known}`,
  ),
} as const;
