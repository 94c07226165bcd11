/** The chat template in a folder of a model, in Node. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import { TEMPLATE_FILES } from './declaration.ts';
import { type ChatTemplate, chatTemplateOf } from './template.ts';

/**
 * The template in a folder: chat_template.jinja, else the one in chat_template.json, else in tokenizer_config.json, which has the
 * special tokens of all; undefined where there is none.
 * @throws RuntimeError R1190
 */
export async function openChatTemplate(folder: string): Promise<ChatTemplate | undefined> {
  const configFile = join(folder, TEMPLATE_FILES.config);
  const textFile = join(folder, TEMPLATE_FILES.text);
  const processorFile = join(folder, TEMPLATE_FILES.processor);
  const [json, processor, text] = await Promise.all([configFile, processorFile, textFile].map(readIfThere));
  if (json === undefined && processor === undefined && text === undefined) return undefined;
  const config = json === undefined ? {} : parsedJson(json, configFile);
  if (text !== undefined) return chatTemplateOf({ config, file: textFile, text });
  if (processor === undefined) return chatTemplateOf({ config, file: configFile });
  return chatTemplateOf({
    config,
    file: processorFile,
    text: templateIn(parsedJson(processor, processorFile), processorFile),
  });
}

function templateIn(json: unknown, file: string): string {
  const { chat_template } = Object(json) as { chat_template?: unknown };
  if (typeof chat_template === 'string') return chat_template;
  throw runtimeError('chat_template_form', { file, reason: 'it has no chat_template that is a text' });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw runtimeError('chat_template_form', { file, reason: reasonOf(error) }, error);
  }
}

function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw runtimeError('chat_template_form', { file, reason: `it is not JSON, ${reasonOf(error)}` }, error);
  }
}
