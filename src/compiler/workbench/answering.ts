/** A model that answers: compiled before (a folder), or compiled on the way from a .mdl file and weights. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ChatTemplate } from '../../recipes/chat/template.ts';
import type { Recipe, RecipeModel } from '../../recipes/recipe.ts';
import { openSession, type Session, type TextCodec } from '../../runtime/index.ts';
import { entryFor, type GivenRoles } from '../../shared/roles.ts';
import { backendName } from './backends.ts';
import { cliError } from './errors.ts';
import { homeOf, isModelFolder } from './folder/program.ts';
import { loadModel, openWeights, type SettingsOptions, soundEntry, type WeightsOptions } from './model.ts';
import type { Notes } from './notes.ts';
import { chatTemplateFor, recipeFor, recipeOfManifest } from './recipe.ts';
import { openForRun } from './session.ts';
import { tokenizerOf } from './tokenizer.ts';
import { asTrained } from './training/carried.ts';
import type { WeightProvider } from './weights/provider.ts';

export interface OpenOptions extends SettingsOptions, WeightsOptions {
  readonly tokenizer?: string;
  readonly backend: string;
  readonly opset: string;
}

export interface Opened {
  readonly session: Session;
  readonly tokenizer: TextCodec;
  readonly chatTemplate: () => Promise<ChatTemplate | undefined>;
  close(): Promise<void>;
}

/** What a command wants of a model's recipe. */
type Wanted = 'answer' | 'evaluate';

/**
 * @param wants what the recipe must have
 * @throws DiagnosticError, CliError C0106, C0112, C0412 and C0413, RuntimeError R02xx
 */
export async function openAnswering(file: string, given: OpenOptions, wants: Wanted, output: Notes): Promise<Opened> {
  if (isCompiled(file)) {
    refuseSettings(given);
    const folder = file.endsWith('.json') ? dirname(file) : file;
    const backend = backendName(given.backend);
    // the default runs what the folder was compiled for
    const session = await openSession(file, backend === 'onnx' ? {} : { backend });
    const { recipe, model } = recipeOfManifest(session.manifest);
    if (!recipe[wants]) throw cliError('no_answers', { recipe: recipe.name });
    entriesOf(recipe, wants, session.manifest.model, Object.keys(session.manifest.entries));
    const tokenizer = await tokenizerOfModel(recipe, model, given.tokenizer, join(folder, 'tokenizer.json'));
    if (given.adapter !== undefined) await useAdapter(session, folder, given.adapter);
    const chatTemplate = chatTemplateFor(join(folder, 'model'), { settings: {} }, given.tokenizer);
    return { session, tokenizer, chatTemplate, close: () => session.dispose() };
  }
  const options = await asTrained(file, given, output);
  const loaded = loadModel(file, options, output);
  const { recipe, model } = recipeFor(loaded.model);
  if (!recipe[wants]) throw cliError('no_answers', { recipe: recipe.name });
  const entries = entriesOf(recipe, wants, loaded.model, loaded.model.entries);
  for (const entry of entries) soundEntry(loaded.model, entry);
  const { tokenizer: named } = model.settings;
  const tokenizer = await tokenizerOfModel(
    recipe,
    model,
    options.tokenizer,
    join(homeOf(file), typeof named === 'string' ? named : 'tokenizer.json'),
  );
  const weights = await openWeights(loaded.model, options, output);
  if (!weights) throw cliError('weights_needed', { weights: 'no weights were given' });
  const chatTemplate = chatTemplateFor(file, model, options.tokenizer);
  return openCompiled(loaded, { weights, tokenizer, chatTemplate, entries }, options).catch(async (error: unknown) => {
    await weights.close();
    throw error;
  });
}

/** What `--tokenizer` gives, else one without a file that the settings name, else the usual file. */
async function tokenizerOfModel(
  recipe: Recipe,
  { settings }: RecipeModel,
  asked: string | undefined,
  usual: string,
): Promise<TextCodec> {
  if (!Object.hasOwn(recipe.settings, 'tokenizer')) {
    if (asked !== undefined)
      throw cliError('option_without', { option: '--tokenizer', without: 'data that is read with a tokenizer file' });
    return NO_TEXT;
  }
  const own = asked === undefined ? recipe.tokenizerOf?.(settings) : undefined;
  return own ?? tokenizerOf(asked, usual);
}

/** Of a recipe whose models read no text. */
const NO_TEXT: TextCodec = { encode: () => [], decode: () => '' };

/** Those of a model that a recipe's answers run. @throws CliError C0412 */
export function entriesOf(
  { name, entries, judged }: Recipe,
  wants: Wanted,
  model: { readonly name: string; readonly roles?: GivenRoles },
  known: readonly string[],
): readonly string[] {
  const { needed, also } = (wants === 'evaluate' ? judged : undefined) ?? entries ?? { needed: [], also: [] };
  const missing = needed.find((role) => !known.includes(entryFor(model.roles, role)));
  if (missing !== undefined)
    throw cliError('entry_needed', {
      model: model.name,
      entry: entryFor(model.roles, missing),
      role: missing,
      recipe: name,
      known,
    });
  return [...also, ...needed].map((role) => entryFor(model.roles, role)).filter((entry) => known.includes(entry));
}

/** A folder that `mdl compile` wrote, or its index. */
export function isCompiled(file: string): boolean {
  return existsSync(file) && (statSync(file).isDirectory() || file.endsWith('.json')) && !isModelFolder(file);
}

/** What was decided when a folder was compiled. @throws CliError C0208 */
function refuseSettings(given: OpenOptions): void {
  const asked: readonly (readonly [option: string, there: boolean])[] = [
    ['--config', given.config !== undefined],
    ['--config-file', given.configFile !== undefined],
    ['--set', (given.set ?? []).length > 0],
    ['--recipe', given.recipe !== undefined],
    ['--weights', given.weights !== undefined],
    ['--init', given.init !== undefined],
    ['--merge-lora', given.mergeLora === true],
    ['--opset 23', given.opset === '23'],
    ['--backend reference', given.backend === 'reference'],
  ];
  const found = asked.find(([, there]) => there);
  if (found) throw cliError('option_without', { option: found[0], without: 'a .mdl file' });
}

/**
 * The adapter that a compiled folder answers with: `none`, one that it came with (`default`), one in its `adapters/`,
 * or a folder anywhere.
 * @throws RuntimeError R0217–R0221
 */
async function useAdapter(session: Session, folder: string, adapter: string): Promise<void> {
  if (adapter === 'none') return session.setAdapter(null);
  // an old adapters/default is not the model's: the manifest says whether it has one
  if (adapter !== 'default' && !session.adapters().some(({ name }) => name === adapter)) {
    const inside = join(folder, 'adapters', adapter);
    await session.addAdapter(adapter, existsSync(inside) ? inside : adapter);
  }
  session.setAdapter(adapter);
}

async function openCompiled(
  loaded: ReturnType<typeof loadModel>,
  {
    weights,
    tokenizer,
    chatTemplate,
    entries,
  }: Pick<Opened, 'tokenizer' | 'chatTemplate'> & {
    readonly weights: WeightProvider;
    readonly entries: readonly string[];
  },
  options: OpenOptions,
): Promise<Opened> {
  const session = await openForRun(loaded, weights, {
    backend: backendName(options.backend),
    opset: options.opset === '23' ? 23 : 17,
    entries,
  });
  const close = async (): Promise<void> => {
    await session.dispose();
    await weights.close();
  };
  return { session, tokenizer, chatTemplate, close };
}
