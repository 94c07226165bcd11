/** config.json of a Hugging Face folder as values and flags of a model of models/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliError, reasonOf } from '../errors.ts';
import { ARCHITECTURES } from './architectures.ts';
import { ropeOf, SCALINGS } from './decoders.ts';
import type { Architecture, ConfigJson, Field, Fields, Json } from './fields.ts';

export interface FolderConfig {
  readonly architecture: Architecture;
  readonly json: ConfigJson;
  /** settings of MDL, by the names of the model's config and flags: `= 16`, `{ hidden_size = 16 }` */
  readonly values: ReadonlyMap<string, string>;
}

/** A JSON object of the folder; undefined where there is no such file. @throws CliError C0104, C0108 */
export function readObject(folder: string, name: string): ConfigJson | undefined {
  const file = join(folder, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cliError('file_not_read', { what: 'the config file', file, reason: reasonOf(error) }, [], error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw cliError('config_file', { file, reason: reasonOf(error) }, [], error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw cliError('config_file', { file, reason: 'it is no object' });
  return value as ConfigJson;
}

/** @throws CliError C0465 for an architecture that models/ has not, C0466 for keys that would change numbers */
export function readConfig(folder: string): FolderConfig {
  const json = readObject(folder, 'config.json') ?? {};
  const type = typeof json.model_type === 'string' ? json.model_type : String(json.model_type ?? '(none)');
  const architecture = Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type]! : undefined;
  if (!architecture) {
    const known = Object.keys(ARCHITECTURES).join(', ');
    throw cliError('unknown_architecture', { folder, type, known });
  }
  const { fields, defaults, file } = architecture;
  const given = { ...defaults, ...json };
  const config = { ...given, ...architecture.derived?.(given) };
  const problems = [
    ...keyProblems(json, { fields, defaults, file, at: '' }),
    ...ropeProblems(architecture, json),
    ...layerProblems(architecture, config),
    ...(architecture.problems?.(config) ?? []),
  ];
  const read = valuesOf(config, fields, '');
  const values = new Map([...read.values, ...read.top]);
  for (const [name, derived] of Object.entries(architecture.derived?.(config) ?? {}))
    if (!isSetting(fields[name]) && fields[name]?.kind !== 'record') values.set(name, setting(derived));
  for (const [name, on] of Object.entries(architecture.flags(config))) values.set(name, setting(on));
  const all = [...problems, ...read.problems];
  if (all.length > 0) throw cliError('config_not_honoured', { folder, count: all.length, file }, all);
  return { architecture, json, values };
}

const isSetting = (field: Field | undefined): boolean => field?.kind === 'value' || field?.kind === 'flag';

interface Written {
  readonly fields: Fields;
  readonly defaults: ConfigJson;
  readonly file: string;
  /** `vision_config.` */
  readonly at: string;
}

/** Where the file does not say, what transformers takes is what the weights were made with. */
function keyProblems(json: ConfigJson, written: Written): readonly string[] {
  const { defaults } = written;
  return [
    ...Object.entries(json).flatMap(([key, given]) => problemsOf(key, given, written)),
    ...Object.entries(defaults).flatMap(([key, given]) =>
      Object.hasOwn(json, key)
        ? []
        : problemsOf(key, given, written).map((problem) => `${problem} (not in config.json: transformers' default)`),
    ),
  ];
}

function problemsOf(key: string, given: Json, { fields, file, at }: Written): readonly string[] {
  const field = Object.hasOwn(fields, key) ? fields[key]! : undefined;
  const said = `${at}${key} is ${short(given)}`;
  if (!field) return [`${said}, and whether numbers depend on it is not known`];
  if (field.kind === 'record') {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return [`${said}, and an object is expected`];
    return keyProblems(given as ConfigJson, { ...field, file, at: `${at}${key}.` });
  }
  if (field.kind !== 'only' || field.values.some((one) => one === given) || given === null) return [];
  return [`${said}, and ${file} has it as ${field.values.map((one) => JSON.stringify(one)).join(' or ')}`];
}

interface Values {
  readonly values: ReadonlyMap<string, string>;
  /** of records, but values of the model */
  readonly top: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

function valuesOf(config: ConfigJson, fields: Fields, at: string): Values {
  const values = new Map<string, string>();
  const top = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const given = config[name];
    if (field.kind === 'record') {
      const inner = valuesOf({ ...field.defaults, ...(Object(given) as ConfigJson) }, field.fields, `${at}${name}.`);
      const lines = [...inner.values].map(([key, text]) => `${key} ${text}`);
      values.set(field.name, `{ ${lines.join(', ')} }`);
      for (const [key, text] of inner.top) top.set(key, text);
      problems.push(...inner.problems);
    }
    if (field.kind !== 'value' && field.kind !== 'flag') continue;
    if (field.kind === 'value' && field.optional && (given === null || given === undefined)) continue;
    const expected = expectedOf(field);
    if (!expected.fits(given))
      problems.push(`${at}${name} is ${JSON.stringify(given) ?? 'not there'}, and ${expected.text} is expected`);
    else
      (field.kind === 'value' && field.top ? top : values).set(
        name,
        setting(given!, field.kind === 'value' && field.float),
      );
  }
  return { values, top, problems };
}

function expectedOf(field: Field & { kind: 'value' | 'flag' }): {
  readonly text: string;
  fits(given: Json | undefined): boolean;
} {
  if (field.kind === 'flag') return { text: 'true or false', fits: (given) => typeof given === 'boolean' };
  if (field.float) return { text: 'a number', fits: (given) => typeof given === 'number' && Number.isFinite(given) };
  return { text: 'a whole number', fits: Number.isInteger };
}

/** The keys of the language model. */
export function textOf(config: ConfigJson, words: string | undefined): ConfigJson {
  return words === undefined ? config : (Object(config[words]) as ConfigJson);
}

/** Rotary positions are scaled as the file has it, and turn as much of a head. */
function ropeProblems({ scalings = [], fields, file, words }: Architecture, whole: ConfigJson): readonly string[] {
  const json = textOf(whole, words);
  const { key: own, rope } = ropeOf(json);
  const key = words === undefined ? own : `${words}.${own}`;
  const { rope_type = 'default', ...more } = rope;
  const scaled = scalings.some((scaling) => scaling === rope_type);
  const ways = ['not scaled', ...scalings.map((scaling) => `scaled as ${JSON.stringify(scaling)}`)].join(' or ');
  const other =
    rope_type === 'default' || scaled
      ? []
      : [`${key}.rope_type is ${short(rope_type)}, and positions of ${file} are ${ways}`];
  const { needed = [], also = {}, magnitude = [] } = (scaled && SCALINGS[String(rope_type)]) || {};
  const numbers = [...needed, ...Object.keys(also)];
  const known = [
    'rope_theta',
    ...numbers,
    ...magnitude,
    ...(isSetting(fields.partial_rotary_factor) ? ['partial_rotary_factor'] : []),
  ];
  const both =
    json.rope_parameters && json.rope_scaling
      ? [`rope_scaling is ${short(json.rope_scaling)} beside rope_parameters, and one of them is expected`]
      : [];
  return [
    ...both,
    ...other,
    ...Object.entries(more).flatMap(([name, given]) =>
      known.includes(name) || given === null || (name === 'partial_rotary_factor' && given === 1)
        ? []
        : [`${key}.${name} is ${short(given)}, and it is not read`],
    ),
    ...magnitude.flatMap((name) =>
      (more[name] ?? null) === null || (typeof more[name] === 'number' && more[name] >= 0)
        ? []
        : [`${key}.${name} is ${JSON.stringify(more[name])}, and a number of at least 0 is expected`],
    ),
    ...numbers.flatMap((name) =>
      (typeof more[name] === 'number' && more[name] > 0) || (Object.hasOwn(also, name) && (more[name] ?? null) === null)
        ? []
        : [`${key}.${name} is ${JSON.stringify(more[name]) ?? 'not there'}, and a number above 0 is expected`],
    ),
  ];
}

function layerProblems({ layer = () => 'full_attention', file }: Architecture, config: ConfigJson): readonly string[] {
  const { layer_types } = config;
  if (!Array.isArray(layer_types)) return [];
  const at = layer_types.findIndex((type, index) => type !== layer(index, config));
  if (at < 0) return [];
  return [
    `layer_types has ${short(layer_types[at] as Json)} at ${at}, and that layer of ${file} is ${layer(at, config)}`,
  ];
}

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** As MDL writes it: a float has a point or an exponent. */
function setting(value: Json, float = false): string {
  if (typeof value !== 'object' || value === null) {
    const text = String(value);
    return `= ${float && /^-?\d+$/.test(text) ? `${text}.0` : text}`;
  }
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name} ${setting(inner as Json)}`)
    .join(', ')} }`;
}
