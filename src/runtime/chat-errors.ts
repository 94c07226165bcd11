/** Messages about conversations, about stages, and about judging a model while it trains: R119 and R120. Part of the catalogue in errors.ts. */
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
      `the loss of ${model} gives ${found.join(', ')} and no scalar: give one (loss: [])`,
  ),
  metric_unknown: message(
    'R1194',
    ({ name, stage, known }: { name: string; stage: string; known: readonly string[] }) =>
      `the best state is asked for by ${name}, and judging ${stage} gives ${known.join(', ')}: name one of them`,
  ),
  best_not_read: message(
    'R1195',
    ({ file, reason }: { file: string; reason: string }) =>
      `the best state ${file} cannot be read: ${reason}; the last one is in the checkpoints`,
  ),
  resume_stage: message(
    'R1196',
    ({ stage, known }: { stage: string; known: readonly string[] }) =>
      `the checkpoint is of the stage ${stage}, and the run has ${known.join(', ') || 'no stage'}: resume with the stages of the run that wrote it`,
  ),
  stage_unknown: message(
    'R1197',
    ({ stage, model, known }: { stage: string; model: string; known: readonly string[] }) =>
      `${model} has no stage ${stage}; it has ${known.join(', ') || 'none: write one, such as `stage all { train ** }`'}`,
  ),
} as const;
