/** What commands tell a recipe of a model that is being compiled, of one that was compiled before, and of a stage. */
import { dirname, join } from 'node:path';
import { openChatTemplate } from '../../recipes/chat/files.node.ts';
import type { ChatTemplate } from '../../recipes/chat/template.ts';
import { RECIPES, recipeOf } from '../../recipes/index.ts';
import type { Recipe, RecipeModel, RecipeStage } from '../../recipes/recipe.ts';
import type { ModelManifest } from '../../runtime/backend.ts';
import type { Tokenizer } from '../../runtime/index.ts';
import type { SettingValues } from '../../shared/recipe.ts';
import { entryFor } from '../../shared/roles.ts';
import { guard } from '../checks/index.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import { entryManifest } from '../ports.ts';
import { type CliError, cliError } from './errors.ts';
import { homeOf } from './folder/program.ts';
import { soundEntry } from './model.ts';
import { tokenizerOf } from './tokenizer.ts';

export interface ModelRecipe {
  readonly recipe: Recipe;
  readonly model: RecipeModel;
}

/** The recipe of a model that is being compiled. @throws CliError C0411 when it has none */
export function recipeFor(model: Model): ModelRecipe {
  if (!model.recipe) throw noRecipe(model.name);
  return { recipe: recipeOf(model.recipe.declaration.name), model: toldOf(model) };
}

/**
 * What a recipe, or a module of data, is told of a model that is being compiled, for a stage: its loss is the stage's.
 * `entry` throws DiagnosticError for an entry with a mistake in it: its ports are no question of the data then.
 */
export function toldOf(model: Model, stage?: Stage): RecipeModel {
  const roles = stage ? { ...model.roles, loss: stage.minimizes } : model.roles;
  const entry = (role: string): ReturnType<RecipeModel['entry']> => {
    const name = entryFor(roles, role);
    if (!model.entries.includes(name)) return undefined;
    const traced = soundEntry(model, name);
    return entryManifest({ guarded: guard(traced.graph), cache: traced.cache, adapters: [] });
  };
  return { name: model.name, settings: model.recipe?.settings ?? {}, entry };
}

/** The recipe of a model that was compiled before. @throws CliError C0411, RuntimeError R1123 */
export function recipeOfManifest({ model, entries }: ModelManifest): ModelRecipe {
  const entry = (role: string): ReturnType<RecipeModel['entry']> => {
    const name = entryFor(model.roles, role);
    return Object.hasOwn(entries, name) ? entries[name] : undefined;
  };
  if (!model.recipe) throw noRecipe(model.name);
  const { name, settings } = model.recipe;
  return { recipe: recipeOf(name), model: { name: model.name, settings, entry } };
}

function noRecipe(model: string): CliError {
  return cliError('recipe_missing', { model, known: RECIPES.map(({ name }) => name) });
}

/** A stage with its clauses that are the recipe's. */
export function recipeStage({ clauses }: Recipe, { name, options }: Stage): RecipeStage {
  const own = Object.entries(options).filter(([clause]) => Object.hasOwn(clauses, clause));
  return { who: `the stage ${name}`, clauses: Object.fromEntries(own) };
}

/** The chat template beside the tokenizer, or beside the model where that is no file. Read once, when it is wanted. */
export function chatTemplateFor(
  file: string,
  { settings }: Pick<RecipeModel, 'settings'>,
  asked: string | undefined,
): () => Promise<ChatTemplate | undefined> {
  const { tokenizer: named } = settings;
  const usual = join(homeOf(file), typeof named === 'string' ? named : 'tokenizer.json');
  let read: Promise<ChatTemplate | undefined> | undefined;
  return () => {
    read ??= openChatTemplate(dirname(asked ?? usual));
    return read;
  };
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
    read ??= tokenizerOf(asked, join(homeOf(file), typeof named === 'string' ? named : 'tokenizer.json'));
    return read;
  };
}

/** The clause that `--length` stands for. @throws CliError C0424 where rows have no length */
export function lengthOf({ name, clauses }: Recipe, { length }: { readonly length?: number }): SettingValues {
  if (length === undefined) return {};
  if (!Object.hasOwn(clauses, 'length')) throw cliError('length_not_taken', { recipe: name });
  return { length };
}
