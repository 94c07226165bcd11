/** Messages about conversations and about judging a model while it trains: R119 and R120. Part of the catalogue in errors.ts. */
import { message } from './message.ts';

export const CHAT_MESSAGES = {
  chat_template_form: message(
    'R1190',
    ({ file, reason }: { file: string; reason: string }) =>
      `the chat template of ${file} cannot be read (${reason}): give one in Jinja, as transformers writes it`,
  ),
  chat_template_refused: message(
    'R1191',
    ({ file, reason }: { file: string; reason: string }) =>
      `the chat template of ${file} refuses the conversation: ${reason}; change its roles or their order`,
  ),
  chat_template_missing: message(
    'R1192',
    ({ what }: { what: string }) =>
      `${what} needs the model's chat template, and there is none beside its tokenizer: put chat_template.jinja or tokenizer_config.json there`,
  ),
  no_scalars: message(
    'R1193',
    ({ model, found }: { model: string; found: readonly string[] }) =>
      `the entry loss of ${model} gives ${found.join(', ')} and no scalar that could be judged by: give one, such as loss: []`,
  ),
} as const;
