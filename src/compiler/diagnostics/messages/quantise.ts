/** Quantised weights. */
import { message, type Named } from '../message.ts';

export const QUANTISE_MESSAGES = {
  unknown_storage: message<Named>(
    'E0270',
    'unknown storage of weights',
    (a) => `weights are stored as int4, int8 or f32, and ${a.name} is none of them`,
  ),
  quantise_argument: message<{ what: string; expected: string; found: string }>(
    'E0271',
    'argument of quantise',
    (a) => `${a.what} is ${a.expected}, and ${a.found} is none`,
  ),
  quantise_no_matrix: message<{ pattern: string }>(
    'E0272',
    'quantise without a matrix',
    (a) => `${a.pattern} has no f32 parameter of two axes`,
  ),
  quantise_indivisible: message<{ key: string; last: number; group: number }>(
    'E0273',
    'groups that do not divide a row',
    (a) => `${a.key} has rows of ${a.last}, which groups of ${a.group} do not divide`,
  ),
  quantise_command_line: message<{ text: string }>(
    'E0274',
    'quantise on the command line',
    (a) => `${a.text} is one \`PATTERN as int4(…)\`, with numbers and words alone, and this is something else`,
  ),
} as const;
