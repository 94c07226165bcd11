/** The chat template in a folder of a model, in Node. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import { TEMPLATE_FILES } from './declaration.ts';
import { type ChatTemplate, chatTemplateOf } from './template.ts';

/**
 * The template in a folder: chat_template.jinja, else the one in tokenizer_config.json, which has the special tokens of
 * either; undefined where there is neither.
 * @throws RuntimeError R1190
 */
export async function openChatTemplate(folder: string): Promise<ChatTemplate | undefined> {
  const configFile = join(folder, TEMPLATE_FILES.config);
  const textFile = join(folder, TEMPLATE_FILES.text);
  const [json, text] = await Promise.all([readIfThere(configFile), readIfThere(textFile)]);
  if (json === undefined && text === undefined) return undefined;
  const config = json === undefined ? {} : parsedJson(json, configFile);
  const file = text === undefined ? configFile : textFile;
  return chatTemplateOf({ config, file, ...(text === undefined ? {} : { text }) });
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
