/** generation_config.json of a Hugging Face folder: the tokens that end an answer, and how tokens are chosen where the command does not say. */
import type { GenerateOptions } from '../../../runtime/index.ts';
import type { ConfigValue } from '../../../shared/artifact.ts';
import { cliError } from '../errors.ts';
import { ARCHITECTURES } from './architectures.ts';
import { readObject, textOf } from './config.ts';
import type { ConfigJson, Json } from './fields.ts';

export const GENERATION = 'generation_config.json';

/** Keys that the command's own options stand for, or that no token depends on. */
export const UNUSED: Readonly<Record<string, string>> = {
  _from_model_config: 'where it came from',
  transformers_version: 'who wrote the file',
  bos_token_id: 'the tokenizer begins with it',
  eos_token_id: 'read as the tokens that end an answer',
  pad_token_id: 'what finished rows of a batch are fed; an id of the vocabulary',
  max_length: '--max-new-tokens says it',
  max_new_tokens: '--max-new-tokens says it',
  use_cache: 'speed',
  output_attentions: 'what the Python library returns',
  output_hidden_states: 'what the Python library returns',
};

type Range = readonly [holds: (value: number) => boolean, expected: string];
const COUNT: Range = [(value) => Number.isInteger(value) && value >= 1, 'a whole number of at least 1'];

/** Chosen tokens depend on these, by the names of `GenerateOptions`. */
const TAKEN: Readonly<Record<string, Range>> = {
  temperature: [(value) => value >= 0, 'a number of at least 0'],
  top_k: [(value) => Number.isInteger(value) && value >= 0, 'a whole number of at least 0'],
  top_p: [(value) => value > 0 && value <= 1, 'a number above 0 and at most 1'],
  repetition_penalty: [(value) => value > 0, 'a number above 0'],
  num_beams: COUNT,
};

/** How long an answer is. */
const LENGTHS: readonly string[] = ['max_length', 'max_new_tokens'];

/** Only sampling depends on these. */
const OF_SAMPLING: readonly string[] = ['temperature', 'top_k', 'top_p'];

/**
 * Ids of the tokens that end an answer: those of generation_config.json, else of config.json.
 * @throws CliError C0466 for what is no id of the vocabulary
 */
export function endTokens(folder: string): number[] {
  const config = readObject(folder, 'config.json') ?? {};
  const own = readObject(folder, GENERATION)?.eos_token_id ?? undefined;
  const said = config.eos_token_id ?? wordsOf(config).eos_token_id ?? [];
  const [file, given] = own === undefined ? ['config.json', said] : [GENERATION, own];
  const ids: readonly Json[] = Array.isArray(given) ? given : [given];
  checkIds('eos_token_id', ids, { file, config, folder });
  return ids as readonly number[] as number[];
}

/**
 * The id that fills rows up; undefined where config.json has none, which -1 says too.
 * @throws CliError C0466 for what is no id of the vocabulary
 */
export function padToken(config: ConfigJson, folder: string): number | undefined {
  const id = config.pad_token_id ?? wordsOf(config).pad_token_id ?? null;
  if (id === null || id === -1) return undefined;
  checkIds('pad_token_id', [id], { file: 'config.json', config, folder });
  return id as number;
}

/** -1 says that there is none. @throws CliError C0466 for what is no id of the vocabulary */
function checkPad({ pad_token_id: id = null }: ConfigJson, folder: string): void {
  if (id === null || id === -1) return;
  checkIds('pad_token_id', [id], { file: GENERATION, config: readObject(folder, 'config.json') ?? {}, folder });
}

/** The keys of the language model: a record of their own where the model reads pictures too. */
function wordsOf(config: ConfigJson): ConfigJson {
  const type = String(config.model_type);
  return textOf(config, Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type]!.words : undefined);
}

interface Of {
  readonly file: string;
  readonly config: ConfigJson;
  readonly folder: string;
}

function checkIds(key: string, ids: readonly Json[], { file, config, folder }: Of): void {
  const { vocab_size } = wordsOf(config);
  const size = typeof vocab_size === 'number' ? vocab_size : Number.POSITIVE_INFINITY;
  const wrong = ids.filter((id) => !(Number.isInteger(id) && Number(id) >= 0 && Number(id) < size));
  if (wrong.length === 0) return;
  const below = Number.isFinite(size) ? `, below the vocab_size ${size},` : '';
  const problems = wrong.map(
    (id) => `${key} of ${file} has ${JSON.stringify(id)}, and a whole number from 0${below} is expected`,
  );
  throw cliError('config_not_honoured', { folder, count: problems.length, file: 'the model' }, problems);
}

/** What generation_config.json says of choosing tokens, and what in it cannot be honoured. */
interface Said {
  /** by the names of `GenerateOptions` */
  readonly found: Readonly<Record<string, ConfigValue>>;
  /** by key */
  readonly problems: ReadonlyMap<string, string>;
}

/** @throws CliError C0466 for ids of tokens that end or fill up and are none of the vocabulary */
function read(folder: string): Said {
  const json: ConfigJson = readObject(folder, GENERATION) ?? {};
  // at temperature 0 the likeliest token is taken
  const samples = json.do_sample === true && json.temperature !== 0;
  const problems = new Map<string, string>();
  checkPad(json, folder);
  if (![true, false, null, undefined].includes(json.do_sample as boolean | null | undefined))
    problems.set(
      'do_sample',
      `do_sample of ${GENERATION} is ${JSON.stringify(json.do_sample)}, and true or false is expected`,
    );
  const found: Record<string, ConfigValue> = samples ? { do_sample: true } : {};
  for (const [key, value] of Object.entries(json)) {
    if (value === null || key === 'do_sample' || Object.hasOwn(UNUSED, key)) continue;
    if (key === 'length_penalty' && value === 1) continue;
    const range = Object.hasOwn(TAKEN, key) ? TAKEN[key] : undefined;
    const said = `${key} of ${GENERATION} is ${JSON.stringify(value)}`;
    // what sampling takes says nothing of greedy search
    const counts = samples || !OF_SAMPLING.includes(key);
    if (!range) problems.set(key, `${said}, and whether tokens depend on it is not known`);
    else if (typeof value !== 'number' || (counts && !range[0](value)))
      problems.set(key, `${said}, and ${typeof value === 'number' ? range[1] : 'a number'} is expected`);
    else if (samples && key === 'num_beams' && value > 1)
      problems.set(key, `${said} beside do_sample true, and beam search does not sample`);
    else if (counts) found[key] = value;
  }
  if (samples && found.top_k === undefined) found.top_k = 50; // as transformers has it where the file does not say
  return { found, problems };
}

/**
 * How transformers generates with this folder, in the options of `generate`.
 * @throws CliError C0466 for keys that would change the tokens and are not honoured
 */
export function generationDefaults(folder: string): GenerateOptions {
  const { found, problems } = read(folder);
  if (problems.size > 0)
    throw cliError('config_not_honoured', { folder, count: problems.size, file: 'mdl generate' }, [
      ...problems.values(),
    ]);
  return { stop_tokens: endTokens(folder), ...found };
}

/** The same as settings of a recipe, which has its first end token as `eos`; what it cannot hold is left out. @throws CliError C0466 as `read` */
export function samplingSettings(folder: string): Readonly<Record<string, ConfigValue>> {
  const ends = endTokens(folder);
  const { temperature, ...found } = read(folder).found;
  return {
    ...(ends.length > 1 ? { stop_tokens: ends } : {}),
    ...found,
    // transformers takes 0 for greedy search too
    ...(temperature === 0 ? { do_sample: false } : temperature === undefined ? {} : { temperature }),
  };
}

/** Entries of generation_config.json that settings of a recipe do not hold and that change an answer, its length among them. */
export function notInSettings(folder: string): [key: string, value: Json][] {
  const { problems } = read(folder);
  const entries = Object.entries(readObject(folder, GENERATION) ?? {});
  return entries.filter(([key, value]) => value !== null && (problems.has(key) || LENGTHS.includes(key)));
}
