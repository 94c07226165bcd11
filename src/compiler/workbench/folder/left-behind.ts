/** What a folder of transformers says and neither an .mdl file nor a compiled folder holds: named aloud, never left out in silence. */

import { ARCHITECTURES } from './architectures.ts';
import { readObject } from './config.ts';
import type { ConfigJson } from './fields.ts';
import { endTokens, GENERATION, UNUSED } from './generation.ts';
import { PREPROCESSOR } from './pictures.ts';

/** Options of `mdl generate` by the keys that they stand for. */
const OPTIONS: Readonly<Record<string, string>> = {
  temperature: '--temperature',
  top_k: '--top-k',
  top_p: '--top-p',
  repetition_penalty: '--repetition-penalty',
  num_beams: '--num-beams',
};

/** @throws CliError C0104, C0108, C0466 for files that cannot be read */
export function leftBehind(folder: string): readonly string[] {
  return [...samplingOf(folder), ...endsOf(folder), ...preprocessorOf(folder)];
}

function samplingOf(folder: string): string[] {
  const json = readObject(folder, GENERATION) ?? {};
  const set = Object.entries(json).filter(
    ([key, value]) => value !== null && value !== false && !Object.hasOwn(UNUSED, key),
  );
  if (set.length === 0) return [];
  const given = set.flatMap(([key, value]) => (OPTIONS[key] === undefined ? [] : [`${OPTIONS[key]} ${text(value)}`]));
  if (json.do_sample === true && json.temperature === undefined) given.unshift('--temperature 1');
  const how = json.do_sample === true && given.length > 0 ? `; mdl generate takes ${given.join(' ')}` : '';
  return [`not kept: ${listed(set)} of ${GENERATION}${how}`];
}

function endsOf(folder: string): string[] {
  const [first, ...more] = endTokens(folder);
  return more.length === 0 ? [] : [`not kept: the end tokens ${more.join(', ')}; ${first} ends an answer`];
}

function preprocessorOf(folder: string): string[] {
  const json: ConfigJson | undefined = readObject(folder, PREPROCESSOR);
  const type = String(readObject(folder, 'config.json')?.model_type);
  const known = Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type]! : undefined;
  // models that read pictures have a recipe that says it
  if (!json || known?.pictures || known?.encoder) return [];
  return [`not read: ${PREPROCESSOR} (${listed(Object.entries(json))}); give the model pictures that are prepared so`];
}

function listed(entries: readonly (readonly [key: string, value: unknown])[]): string {
  return entries.map(([key, value]) => `${key} ${text(value)}`).join(', ');
}

const text = (value: unknown): string => JSON.stringify(value);
