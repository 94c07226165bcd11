/**
 * Settings that weights carry: the template, the end, the image size that the last stage trained under are stored with what
 * it trained and become the config's, so that `generate`, a compiled folder and a page ask as the training data asked.
 * Which they are is for the recipe to say (`carried`).
 */
import { openCheckpoint } from '../../../runtime/index.ts';
import type { ConfigValue } from '../../../shared/artifact.ts';
import type { Setting } from '../../../shared/recipe.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { splitLayout } from '../layouts/asked.ts';
import { loadModel, type SettingsOptions, type WeightsOptions, weightsText } from '../model.ts';
import type { Notes } from '../notes.ts';
import { recipeFor, recipeStage } from '../recipe.ts';

/**
 * What is stored with weights that a stage has trained.
 * @param plain the model as the file and the options say, without a stage
 * @param data the name of the data that it was trained on
 */
export function carriedMetadata(
  plain: Model,
  { model, stage, data }: { readonly model: Model; readonly stage: Stage; readonly data: string },
): Readonly<Record<string, string>> {
  if (!plain.recipe || !model.recipe) return {};
  const { declaration, places, settings: own } = plain.recipe;
  const { recipe } = recipeFor(model);
  const { clauses } = recipeStage(recipe, stage);
  const ofData = recipe.settingsOfData?.(data) ?? {};
  const stored: Record<string, string> = {};
  for (const [name, key] of Object.entries(declaration.carried ?? {})) {
    const shapes = declaration.shapes?.includes(name) ?? false;
    // of a size the model's own has the last word: --set comes after the stage
    const value = shapes ? model.recipe.settings[name] : (clauses[name] ?? ofData[name] ?? own[name]);
    if (places[name] === undefined || value === undefined || (shapes && value === own[name])) continue;
    stored[key] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return stored;
}

/**
 * Options with the settings that the weights were trained under, unless `--set` gives others.
 * @param ofStage the model is made for a stage, which has sizes of its own
 */
export async function asTrained<T extends SettingsOptions & WeightsOptions>(
  file: string,
  options: T,
  output: Notes,
  ofStage = false,
): Promise<T> {
  const metadata = options.weights === undefined ? undefined : await metadataOf(options.weights);
  if (!metadata || metadata.size === 0) return options;
  const { recipe } = loadModel(file, options, { note: (text) => output.note(text), warn: () => {} }).model;
  if (!recipe) return options;
  const { declaration, places } = recipe;
  const given = options.set ?? [];
  const found = Object.entries(declaration.carried ?? {}).flatMap(([name, key]) => {
    const text = metadata.get(key);
    const place = places[name];
    if (text === undefined || place === undefined || given.some((set) => set.startsWith(`${place}=`))) return [];
    if (ofStage && declaration.shapes?.includes(name)) return [];
    const value = parsed(declaration.settings[name]!, text);
    return value === undefined ? [] : [{ name, place, value }];
  });
  if (found.length === 0) return options;
  const said = found.map(({ name, value }) => `${name} ${JSON.stringify(value)}`).join(', ');
  const other = found.map(({ place }) => `--set ${place}=…`).join(', ');
  output.note(`${said}, as ${weightsText(options.weights ?? [])} was trained (${other} for another)`);
  return { ...options, set: [...found.map(({ place, value }) => `${place}=${JSON.stringify(value)}`), ...given] };
}

/** A text of the metadata as the setting takes it. */
function parsed(setting: Setting, text: string): ConfigValue | undefined {
  const fits = (value: ConfigValue): boolean => setting.fits(value);
  if (fits(text)) return text;
  const number = Number(text);
  return text.trim() !== '' && fits(number) ? number : undefined;
}

/** Entries of this program. A file that cannot be read says so where its weights are opened. */
async function metadataOf(file: string | readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  try {
    for (const path of [file].flat()) {
      const checkpoint = await openCheckpoint(splitLayout(path).path);
      for (const { metadata } of checkpoint.files)
        for (const [key, value] of metadata) if (key.startsWith('mdl.')) found.set(key, value);
      await checkpoint.close();
    }
  } catch {} // reported when the weights are opened
  return found;
}
