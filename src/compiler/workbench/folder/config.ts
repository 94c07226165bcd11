/** config.json of a Hugging Face folder as values and flags of a model of models/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliError, reasonOf } from '../errors.ts';
import { ARCHITECTURES, type Architecture, type ConfigJson, type Json } from './architectures.ts';

export interface FolderConfig {
  readonly architecture: Architecture;
  readonly json: ConfigJson;
  /** literals of MDL, by the names of the model's config and flags */
  readonly values: readonly (readonly [name: string, literal: string])[];
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
  const config = {
    ...architecture.defaults,
    ...json,
    ...architecture.derived?.({ ...architecture.defaults, ...json }),
  };
  const problems = [
    ...Object.entries(json).flatMap(([key, given]) => problemOf(architecture, key, given)),
    // where the file does not say, what transformers takes is what the weights were made with
    ...Object.entries(architecture.defaults).flatMap(([key, given]) =>
      Object.hasOwn(json, key)
        ? []
        : problemOf(architecture, key, given).map(
            (problem) => `${problem} (not in config.json: transformers' default)`,
          ),
    ),
    ...scalingOf(json),
    ...layersOf(json),
  ];
  const values: [string, string][] = [];
  for (const [name, field] of Object.entries(architecture.fields)) {
    if (field.kind !== 'value' && field.kind !== 'flag') continue;
    const given = config[name];
    const fits =
      field.kind === 'flag' ? typeof given === 'boolean' : typeof given === 'number' && Number.isFinite(given);
    const whole = field.kind === 'flag' || field.float || Number.isInteger(given);
    if (!fits || !whole) {
      const expected = field.kind === 'flag' ? 'true or false' : field.float ? 'a number' : 'a whole number';
      problems.push(`${name} is ${JSON.stringify(given) ?? 'not there'}, and ${expected} is expected`);
    } else values.push([name, literal(given!, field.kind === 'value' && field.float)]);
  }
  for (const [name, given] of Object.entries(architecture.derived?.(config) ?? {}))
    if (!Object.hasOwn(architecture.fields, name)) values.push([name, literal(given, false)]);
  for (const [name, on] of Object.entries(architecture.flags(json))) values.push([name, String(on)]);
  if (problems.length > 0)
    throw cliError('config_not_honoured', { folder, count: problems.length, file: architecture.file }, problems);
  return { architecture, json, values };
}

function problemOf({ fields, file }: Architecture, key: string, given: Json): string[] {
  const field = Object.hasOwn(fields, key) ? fields[key]! : undefined;
  if (!field) return [`${key} is ${short(given)}, and whether numbers depend on it is not known`];
  if (field.kind !== 'only' || field.values.some((value) => value === given) || given === null) return [];
  return [
    `${key} is ${short(given)}, and ${file} has it as ${field.values.map((value) => JSON.stringify(value)).join(' or ')}`,
  ];
}

/** Rotary positions are not scaled, and turn the whole head. */
function scalingOf({ rope_parameters }: ConfigJson): string[] {
  const { rope_type, rope_theta: _, ...more } = Object(rope_parameters) as ConfigJson;
  return [
    ...(rope_type === undefined || rope_type === 'default'
      ? []
      : [`rope_parameters.rope_type is ${short(rope_type)}, and positions are not scaled`]),
    ...Object.entries(more).flatMap(([key, value]) =>
      value === null || (key === 'partial_rotary_factor' && value === 1)
        ? []
        : [`rope_parameters.${key} is ${short(value)}, and it is not read`],
    ),
  ];
}

function layersOf({ layer_types }: ConfigJson): string[] {
  const other = Array.isArray(layer_types) ? layer_types.find((type) => type !== 'full_attention') : undefined;
  return other === undefined ? [] : [`layer_types has ${short(other)}, and all layers look at all positions`];
}

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** As MDL writes it: a float has a point or an exponent. */
function literal(value: Json, float: boolean): string {
  const text = String(value);
  return float && /^-?\d+$/.test(text) ? `${text}.0` : text;
}
