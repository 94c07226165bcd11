/** Reading and syntax: E00xx. */
import { message } from '../message.ts';

export const SYNTAX_MESSAGES = {
  file_too_large: message<{ characters: number; most: number }>(
    'E0001',
    'file too large',
    (a) => `a source file may have ${a.most} characters and this one has ${a.characters}`,
  ),
  nesting_too_deep: message<{ most: number }>(
    'E0002',
    'nesting too deep',
    (a) => `brackets and operators nest deeper than ${a.most} levels`,
  ),
  unexpected_character: message<{ text: string }>(
    'E0003',
    'unexpected character',
    (a) => `${JSON.stringify(a.text)} is no part of the language`,
  ),
  unterminated_string: message<object>(
    'E0004',
    'unterminated string',
    () => 'this string has no closing quote on its line',
  ),
  syntax: message<{ found: string; rule: string; expected: string }>(
    'E0005',
    'syntax error',
    (a) => `${a.found} does not fit in ${a.rule}, where ${a.expected} was expected`,
  ),
  reserved_word: message<{ word: string }>(
    'E0007',
    'reserved word',
    (a) => `'${a.word}' is a reserved word and cannot be a name`,
  ),
  file_not_found: message<{ path: string }>(
    'E0006',
    'file not found',
    (a) => `there is no file ${JSON.stringify(a.path)}`,
  ),
  line_begins_with_minus: message<object>(
    'E0008',
    'line that begins with a minus',
    () => 'this line begins with `-` and goes on with the expression above it',
  ),
} as const;
