/** What a chat model says of itself to be trained on conversations. */
import { type RecipeDeclaration, textSetting, withFallback } from '../../shared/recipe.ts';
import { GENERATION_ROLES, LOSS_ROLE } from '../../shared/roles.ts';
import { SAMPLING } from '../settings.ts';
import { SETTINGS as TEXT_SETTINGS } from '../text/declaration.ts';

const { tokenizer, eos, pad, length, rows, held_out } = TEXT_SETTINGS;

/** The files of a folder that have a chat template, a later one before those above it. */
export const TEMPLATE_FILES = {
  config: 'tokenizer_config.json',
  /** of models that read pictures, as transformers wrote it before chat_template.jinja */
  processor: 'chat_template.json',
  text: 'chat_template.jinja',
} as const;

export const SETTINGS = {
  tokenizer,
  eos,
  pad,
  length,
  rows,
  field: withFallback(textSetting('field of a .jsonl line that has the messages'), 'messages'),
  held_out,
  ...SAMPLING,
} as const;

export const CHAT: RecipeDeclaration = {
  name: 'chat',
  doc: 'conversations for chat models: .jsonl files of messages, or a folder of them, through the chat template beside the tokenizer',
  roles: { ...LOSS_ROLE, ...GENERATION_ROLES },
  settings: SETTINGS,
  clauses: { length: SETTINGS.length },
  beside: Object.values(TEMPLATE_FILES),
};
