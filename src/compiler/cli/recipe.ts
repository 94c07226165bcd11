/** What commands tell a recipe of a model that is being compiled, of one that was compiled before, and of a stage. */
import { dirname, join } from 'node:path';
import { recipeOf } from '../../recipes/index.ts';
import type { Recipe, RecipeModel, RecipeStage } from '../../recipes/recipe.ts';
import type { ModelManifest } from '../../runtime/backend.ts';
import type { Tokenizer } from '../../runtime/index.ts';
import type { ConfigValue } from '../../shared/artifact.ts';
import type { SettingValues } from '../../shared/recipe.ts';
import { guard } from '../checks/index.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import { entryManifest } from '../ports.ts';
import { tokenizerOf } from './tokenizer.ts';
import { Config } from './training/config.ts';

/** Where the config of the vision-language models has a setting of their recipe. */
const PLACES: Readonly<Record<string, string>> = {
  image_size: 'vit.image_size',
  mean: 'image.mean',
  std: 'image.std',
  background: 'image.background',
  exif_orientation: 'image.exif_orientation',
  tokenizer: 'tokens.tokenizer',
  bos: 'tokens.bos',
  eos: 'tokens.eos',
  pad: 'tokens.pad',
  template: 'prompt.template',
  end: 'prompt.end',
  max_positions: 'phi.max_position_embeddings',
};

export interface ModelRecipe {
  readonly recipe: Recipe;
  readonly model: RecipeModel;
}

/** The recipe of a model that is being compiled. */
export function recipeFor(model: Model): ModelRecipe {
  const entry = (name: string): ReturnType<RecipeModel['entry']> => {
    const traced = model.entries.includes(name) ? model.entry(name) : undefined;
    return traced && entryManifest({ guarded: guard(traced.graph), cache: traced.cache, adapters: [] });
  };
  return {
    recipe: recipeOf('vision-language'),
    model: { name: model.name, settings: settingsIn(model.config()), entry },
  };
}

/** The recipe of a model that was compiled before. */
export function recipeOfManifest({ model, entries }: ModelManifest): ModelRecipe {
  const entry = (name: string): ReturnType<RecipeModel['entry']> =>
    Object.hasOwn(entries, name) ? entries[name] : undefined;
  return {
    recipe: recipeOf('vision-language'),
    model: { name: model.name, settings: settingsIn(model.config), entry },
  };
}

function settingsIn(config: { readonly [name: string]: ConfigValue }): SettingValues {
  const found = new Config({ config: () => config });
  const settings = Object.entries(PLACES).map(([name, path]) => [name, found.value(path) ?? undefined] as const);
  return Object.fromEntries(settings.filter(([, value]) => value !== undefined));
}

/** A stage with its clauses that are the recipe's. */
export function recipeStage({ clauses }: Recipe, { name, options }: Stage): RecipeStage {
  const own = Object.entries(options).filter(([clause]) => Object.hasOwn(clauses, clause));
  return { who: `the stage ${name}`, clauses: Object.fromEntries(own) };
}

/** The tokenizer that `--tokenizer` gives, else the one that the settings name, beside the model. Read once, when it is wanted. */
export function tokenizerFor(
  file: string,
  { settings }: Pick<RecipeModel, 'settings'>,
  asked: string | undefined,
): () => Promise<Tokenizer> {
  const { tokenizer: named } = settings;
  let read: Promise<Tokenizer> | undefined;
  return () => {
    read ??= tokenizerOf(asked, join(dirname(file), typeof named === 'string' ? named : 'tokenizer.json'));
    return read;
  };
}
