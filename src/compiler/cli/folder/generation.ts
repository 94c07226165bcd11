/** generation_config.json of a Hugging Face folder: the tokens that end an answer, and how tokens are chosen where the command does not say. */
import type { GenerateOptions } from '../../../runtime/index.ts';
import { cliError } from '../errors.ts';
import type { ConfigJson, Json } from './architectures.ts';
import { readObject } from './config.ts';

const GENERATION = 'generation_config.json';

/** Keys that the command's own options stand for, or that no token depends on. */
export const UNUSED: Readonly<Record<string, string>> = {
  _from_model_config: 'where it came from',
  transformers_version: 'who wrote the file',
  bos_token_id: 'the tokenizer begins with it',
  eos_token_id: 'read as the tokens that end an answer',
  pad_token_id: 'what finished rows of a batch are fed',
  max_length: '--max-new-tokens says it',
  max_new_tokens: '--max-new-tokens says it',
  use_cache: 'speed',
  output_attentions: 'what the Python library returns',
  output_hidden_states: 'what the Python library returns',
};

/** Chosen tokens depend on these, by the names of `GenerateOptions`. */
const TAKEN = ['temperature', 'top_k', 'top_p', 'repetition_penalty', 'num_beams'] as const;

/** Ids of the tokens that end an answer: those of generation_config.json, else of config.json. */
export function endTokens(folder: string): number[] {
  const own = readObject(folder, GENERATION)?.eos_token_id ?? readObject(folder, 'config.json')?.eos_token_id;
  return [own ?? []].flat().filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
}

/**
 * How transformers generates with this folder, in the options of `generate`.
 * @throws CliError C0466 for keys that would change the tokens and are not honoured
 */
export function generationDefaults(folder: string): GenerateOptions {
  const json: ConfigJson = readObject(folder, GENERATION) ?? {};
  const samples = json.do_sample === true;
  const problems: string[] = [];
  const found: Record<string, Json> = { stop_tokens: endTokens(folder), ...(samples ? { do_sample: true } : {}) };
  for (const [key, value] of Object.entries(json)) {
    if (value === null || key === 'do_sample' || Object.hasOwn(UNUSED, key)) continue;
    if (key === 'length_penalty' && value === 1) continue;
    const taken = TAKEN.find((name) => name === key);
    if (taken === undefined)
      problems.push(`${key} is ${JSON.stringify(value)}, and whether tokens depend on it is not known`);
    else if (typeof value !== 'number') problems.push(`${key} is ${JSON.stringify(value)}, and a number is expected`);
    // what sampling takes says nothing of greedy search
    else if (samples || !['temperature', 'top_k', 'top_p'].includes(key)) found[key] = value;
  }
  if (samples && found.top_k === undefined) found.top_k = 50; // as transformers has it where the file does not say
  if (problems.length > 0)
    throw cliError('config_not_honoured', { folder, count: problems.length, file: GENERATION }, problems);
  return found as GenerateOptions;
}
