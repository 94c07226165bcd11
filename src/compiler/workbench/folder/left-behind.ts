/** What a folder of transformers says and neither an .mdl file nor a compiled folder holds: named aloud, never left out in silence. */

import { ARCHITECTURES } from './architectures.ts';
import { readObject } from './config.ts';
import type { ConfigJson } from './fields.ts';
import { GENERATION, notInSettings } from './generation.ts';
import { PREPROCESSOR } from './pictures.ts';

/** @throws CliError C0104, C0108, C0466 for files that cannot be read */
export function leftBehind(folder: string): readonly string[] {
  return [...generationOf(folder), ...preprocessorOf(folder)];
}

/** Of language models; what their recipe holds is not left behind. */
function generationOf(folder: string): string[] {
  if (readObject(folder, GENERATION) === undefined) return [];
  const set = notInSettings(folder);
  const given = set.find(([key]) => key === 'max_new_tokens');
  const how = given ? `; mdl generate takes --max-new-tokens ${text(given[1])}` : '';
  return set.length === 0 ? [] : [`not kept: ${listed(set)} of ${GENERATION}${how}`];
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
