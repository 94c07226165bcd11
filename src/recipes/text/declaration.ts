/** What a language model says of itself to be trained on plain text. */
import { choiceSetting, intSetting, type RecipeDeclaration, textSetting, withFallback } from '../../shared/recipe.ts';
import { GENERATION_ROLES, LOSS_ROLE } from '../../shared/roles.ts';
import { HELD_OUT, SAMPLING, TOKEN_SETTINGS } from '../settings.ts';

export const SETTINGS = {
  tokenizer: TOKEN_SETTINGS.tokenizer,
  eos: TOKEN_SETTINGS.eos,
  pad: TOKEN_SETTINGS.pad,
  length: intSetting('tokens of a row (T)', 2, 2 ** 24),
  rows: withFallback<'packed' | 'padded'>(
    choiceSetting('"packed": documents joined by eos and cut into rows; "padded": one document a row', [
      'packed',
      'padded',
    ]),
    'packed',
  ),
  field: withFallback(textSetting('field of a .jsonl line that has the text'), 'text'),
  held_out: HELD_OUT,
  ...SAMPLING,
} as const;

export const TEXT: RecipeDeclaration = {
  name: 'text',
  doc: 'plain text for language models: .txt and .jsonl files, or a folder of them',
  roles: { ...LOSS_ROLE, ...GENERATION_ROLES },
  settings: SETTINGS,
  clauses: { length: SETTINGS.length },
};
