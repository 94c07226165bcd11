/**
 * The JSON files of a compiled folder that other programs read: config.json, generation_config.json, preprocessor_config.json, those of the
 * tokenizer, genai_config.json of a decoder. A folder of transformers has them; for another model they are made of its ports and its recipe.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATE_FILES } from '../../../recipes/chat/declaration.ts';
import { RECIPES } from '../../../recipes/index.ts';
import type { SAMPLING } from '../../../recipes/settings.ts';
import type { ValuesOf } from '../../../shared/recipe.ts';
import { type ClientJson, clientConfig, loading, type ModelTokens } from '../../clients/drivers.ts';
import { type GenaiTokens, genaiConfig } from '../../clients/genai.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Artifact, ClientFile } from '../../targets/target.ts';
import { readObject } from '../folder/config.ts';
import { endTokens, GENERATION, padToken } from '../folder/generation.ts';
import { isModelFolder } from '../folder/program.ts';
import { type PictureSettings, pictureFiles, pictureTemplate, withImageToken } from './client-pictures.ts';

/** What of a folder of transformers says how it is used; weights and config.json aside. */
const KEPT = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'processor_config.json',
] as const;

export interface ClientSource {
  /** what was compiled: an .mdl file, or a folder */
  readonly file: string;
  /** whether settings make it another model than the one that the folder describes */
  readonly changed: boolean;
  /** the model's tokenizer.json, where it has one */
  readonly tokenizer?: Uint8Array | undefined;
}

/** Files by name; none but a folder's own where other programs have no graph. @throws CliError C0104, C0108 for files of the folder that cannot be read */
export function clientFiles(
  { clients, graphs }: Artifact,
  { file, changed, tokenizer }: ClientSource,
): ReadonlyMap<string, Uint8Array> {
  const files = clients?.files ?? [];
  const isFolder = isModelFolder(file) && !changed;
  if (files.length === 0 && !isFolder) return new Map();
  const written = isFolder ? fromFolder(files, file) : fromRecipe(files, graphs.model, tokenizer);
  const told = isFolder ? tokensOfFolder(file) : tokensOfRecipe(graphs.model);
  const genai = written.has('tokenizer.json') ? genaiConfig(files, told) : undefined;
  return genai ? written.set('genai_config.json', json(genai)) : written;
}

/** Settings that onnxruntime-genai has by the names of generation_config.json. */
const SEARCH = ['do_sample', 'temperature', 'top_k', 'top_p', 'repetition_penalty', 'num_beams'] as const;

const IS_SETTING: ReadonlySet<string> = new Set(['number', 'boolean']);

function tokensOfFolder(folder: string): GenaiTokens {
  const config = readObject(folder, 'config.json') ?? {};
  const said = readObject(folder, GENERATION) ?? {};
  const count = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return {
    bos: count(config.bos_token_id),
    eos: endTokens(folder),
    pad: padToken(config, folder),
    positions: count(config.max_position_embeddings ?? config.n_positions),
    search: Object.fromEntries(
      SEARCH.map((name) => [name, said[name]]).filter(([, value]) => IS_SETTING.has(typeof value)),
    ),
  };
}

function tokensOfRecipe({ recipe }: Model): GenaiTokens {
  const settings = (recipe?.settings ?? {}) as Settings;
  const { bos, eos, pad, max_positions } = settings;
  const ends = settings.stop_tokens ?? (eos === undefined ? [] : [eos]);
  return { bos, eos: ends, pad, positions: max_positions, search: searchOf(settings) };
}

function fromFolder(clients: readonly ClientFile[], folder: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const name of KEPT) {
    const path = join(folder, name);
    if (existsSync(path)) files.set(name, readFileSync(path));
  }
  // transformers.js reads a template from here alone
  const [words, text] = [readObject(folder, TEMPLATE_FILES.config), files.get(TEMPLATE_FILES.text)];
  const template = text ? new TextDecoder().decode(text) : readObject(folder, TEMPLATE_FILES.processor)?.chat_template;
  if (words && template && words.chat_template === undefined)
    files.set(TEMPLATE_FILES.config, json({ ...words, chat_template: template }));
  const config = readObject(folder, 'config.json')!;
  const { eos_token_id } = config;
  if (!files.has('generation_config.json') && eos_token_id !== undefined)
    files.set('generation_config.json', json({ eos_token_id }));
  if (clients.length === 0) return files;
  const said = Object(config['transformers.js_config']) as ClientJson;
  files.set('config.json', json({ ...config, 'transformers.js_config': { ...said, ...loading(clients) } }));
  return files;
}

type Settings = ModelTokens & PictureSettings & Partial<ValuesOf<typeof SAMPLING>>;

/** Settings of generation_config.json that a recipe says. */
const searchOf = (settings: Settings): Record<string, number | boolean> =>
  Object.fromEntries(
    SEARCH.flatMap((name) => {
      const value = settings[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

function fromRecipe(
  clients: readonly ClientFile[],
  { recipe }: Model,
  tokenizer: Uint8Array | undefined,
): Map<string, Uint8Array> {
  // checked against the recipe's declaration when the file was compiled
  const settings = (recipe?.settings ?? {}) as Settings;
  const made: Record<string, object> = { 'config.json': clientConfig(clients, settings) };
  const { bos, eos, pad = eos, image_token } = settings;
  if (eos !== undefined)
    made[GENERATION] = {
      do_sample: false,
      ...searchOf(settings),
      bos_token_id: bos,
      eos_token_id: settings.stop_tokens ?? eos,
      pad_token_id: pad,
    };
  const said = RECIPES.find(({ name }) => name === recipe?.declaration.name)?.promptWords;
  Object.assign(made, pictureFiles(settings, clients, said));
  const pictures = image_token !== undefined && Object.hasOwn(made, 'processor_config.json') ? said : undefined;
  if (tokenizer) {
    const words = JSON.parse(new TextDecoder().decode(tokenizer)) as Readonly<Record<string, unknown>>;
    if (pictures) made['tokenizer.json'] = withImageToken(words, image_token!, pictures);
    made[TEMPLATE_FILES.config] = {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      ...namesOf(words, { bos_token: bos, eos_token: eos, pad_token: pad }),
      ...(pictures ? { chat_template: pictureTemplate(settings, pictures) } : {}),
    };
  }
  return new Map(Object.entries(made).map(([name, value]) => [name, json(value)]));
}

/** Special tokens by their texts, as tokenizer_config.json has them. */
function namesOf(
  tokenizer: Readonly<Record<string, unknown>>,
  ids: Readonly<Record<string, number | undefined>>,
): Readonly<Record<string, string>> {
  const added = Array.isArray(tokenizer.added_tokens)
    ? (tokenizer.added_tokens as { id: number; content: string }[])
    : [];
  return Object.fromEntries(
    Object.entries(ids).flatMap(([name, id]) => {
      const found = added.find((token) => token.id === id);
      return found ? [[name, found.content]] : [];
    }),
  );
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
