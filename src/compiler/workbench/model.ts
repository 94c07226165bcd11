/** What every command that needs a model does first: read, check, elaborate, find the weights. */
import { readFileSync } from 'node:fs';
import { diagnose } from '../diagnostics/catalogue.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostics/diagnostic.ts';
import type { Model, ModelOptions } from '../elaborate/model.ts';
import type { EntryGraph } from '../elaborate/trace-entry.ts';
import { type Compilation, compile } from '../index.ts';
import { cliError, reasonOf } from './errors.ts';
import { type Lora, loraOfAdapter, parseLora } from './folder/lora.ts';
import { type FolderRequest, isModelFolder } from './folder/program.ts';
import { locate } from './host.ts';
import { openSources } from './layouts/sources.ts';
import type { Notes } from './notes.ts';
import { hasAdapter, withAdapter } from './training/peft.ts';
import { type Match, matchCheckpoint } from './weights/match.ts';
import { type CheckpointLike, checkpointWeights, seededWeights, type WeightProvider } from './weights/provider.ts';

export interface SettingsOptions {
  readonly config?: string;
  readonly configFile?: string;
  readonly set?: readonly string[];
  /** of a file that names none */
  readonly recipe?: string;
  /** `r=8,alpha=16`: low-rank matrices on the linear layers of a folder of transformers */
  readonly lora?: string;
  /** a folder with a LoRA adapter in PEFT's format; a folder of transformers is given LoRA of its sizes */
  readonly adapter?: string;
  readonly mergeLora?: boolean;
  /** `PATTERN as int4(group = 32)`, each */
  readonly quantise?: readonly string[];
}

export interface WeightsOptions {
  /** files, indexes or folders, whose tensors are put together */
  readonly weights?: string | readonly string[];
  readonly init?: number;
  readonly allowMissing?: readonly string[];
  readonly allowUnexpected?: readonly string[];
  /** a folder with a LoRA adapter in PEFT's format */
  readonly adapter?: string;
  /** adapters are fed at run time: the weights may come without one */
  readonly swapAdapters?: boolean;
}

/** What `--weights` gave, for messages. */
export const weightsText = (weights: string | readonly string[]): string => [weights].flat().join(' + ');

export function settingsOf(options: SettingsOptions): ModelOptions {
  const set = (options.set ?? []).map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw cliError('option_value', { option: '--set', text, expected: 'name=value' });
    return { name: text.slice(0, at), text: text.slice(at + 1) };
  });
  return {
    set,
    ...(options.quantise === undefined ? {} : { quantise: options.quantise }),
    ...(options.recipe === undefined ? {} : { recipe: options.recipe }),
    ...(options.config === undefined ? {} : { config: options.config }),
    ...(options.configFile === undefined
      ? {}
      : { ...readConfigFile(options.configFile), valuesOrigin: options.configFile }),
    ...(options.mergeLora ? { mergeAdapters: true } : {}),
  };
}

function readConfigFile(file: string): { values: { [name: string]: unknown }; valuesText: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw cliError('file_not_read', { what: 'the config file', file, reason: reasonOf(error) }, [], error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw cliError('config_file', { file, reason: reasonOf(error) }, [], error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw cliError('config_file', {
      file,
      reason: Array.isArray(value) ? 'it is a list' : `it is ${value === null ? 'null' : `a ${typeof value}`}`,
    });
  }
  return { values: value as { [name: string]: unknown }, valuesText: text };
}

export interface Loaded {
  readonly model: Model;
  readonly compilation: Compilation;
}

/** A warning for a model that compiles to nothing. */
export function withoutEntries(model: Model | undefined): readonly Diagnostic[] {
  if (!model || model.entries.length > 0) return [];
  const { name } = model.root.declaration;
  const notes = ['what is compiled is written as `entry run(x: [B, 8]) -> (y: [B, 8]) { … }` in the model'];
  return [diagnose('no_entries', { name: name.text }, name.span, { notes })];
}

/** What options ask of a folder of transformers. @throws CliError C0103, C0640; C0204 for an adapter without a config */
export const requestOf = (file: string, options: SettingsOptions): FolderRequest => ({
  recipe: options.recipe,
  lora: loraOf(file, options),
});

function loraOf(file: string, { lora, adapter }: SettingsOptions): Lora | undefined {
  const isFolder = isModelFolder(file);
  if (lora !== undefined && !isFolder) throw cliError('lora_of_file', { file });
  if (lora !== undefined) return parseLora(lora);
  return isFolder && adapter !== undefined ? loraOfAdapter(adapter) : undefined;
}

/** @throws DiagnosticError with everything that is wrong */
export function loadModel(file: string, options: SettingsOptions, output: Notes): Loaded {
  const { path, host } = locate(file, requestOf(file, options));
  const compilation = compile(path, host, settingsOf(options));
  if (!compilation.model) {
    // every mistake at once: those in bodies show when entries are traced
    for (const entry of compilation.partial?.entries ?? []) compilation.partial?.entry(entry);
    throw new DiagnosticError(compilation.diagnostics());
  }
  output.warn(compilation.diagnostics());
  return { model: compilation.model, compilation };
}

/** An entry's graph as it is in inference. @throws DiagnosticError for a mistake in it, before anything else is asked that could hide it */
export function soundEntry(model: Model, name: string): EntryGraph {
  const traced = model.entry(name);
  if (!traced) throw new DiagnosticError(model.diagnostics);
  return traced;
}

/** The weights that options ask for; undefined when they ask for none. Says what it did not use. */
export async function openWeights(
  model: Model,
  options: WeightsOptions,
  output: Notes,
): Promise<WeightProvider | undefined> {
  if (options.init !== undefined) {
    checkOptions(options);
    return seededWeights(model, options.init);
  }
  const stored = await openStored(model, options, output);
  return stored && checkpointWeights(model, stored.checkpoint, stored.match);
}

/** Weights as they are stored, before they are what the model computes with. */
export interface StoredWeights {
  readonly checkpoint: CheckpointLike;
  readonly match: Match;
}

function checkOptions(options: WeightsOptions): void {
  if (options.weights !== undefined && options.init !== undefined) {
    throw cliError('option_value', {
      option: '--init',
      text: String(options.init),
      expected: 'either --weights or --init',
    });
  }
  if (options.adapter !== undefined && options.weights === undefined)
    throw cliError('option_without', { option: '--adapter', without: '--weights' });
}

/** The checkpoint that options name, matched with the model; undefined when they name none. Says what it did not use. */
export async function openStored(
  model: Model,
  options: WeightsOptions,
  output: Notes,
): Promise<StoredWeights | undefined> {
  checkOptions(options);
  if (options.weights === undefined) return undefined;
  const { checkpoint: base, initial, notes } = await openSources(model, options.weights);
  let checkpoint: CheckpointLike = base;
  try {
    for (const note of notes) output.note(note);
    if (options.adapter !== undefined) checkpoint = await withAdapter(base, options.adapter, model, output);
    // what a run feeds is not missing; part of an adapter still is
    const fed = options.swapAdapters && !hasAdapter(model, checkpoint);
    const adapters = [...model.parameters.values()].filter(({ adapter }) => fed && adapter !== undefined);
    const match = matchCheckpoint(model, checkpoint, {
      allowMissing: [...(options.allowMissing ?? []), ...adapters.map(({ path }) => path)],
      allowUnexpected: options.allowUnexpected ?? [],
      initial,
    });
    if (match.initial.length > 0) output.note(initialNote(match.initial, initial));
    const off = [...model.settings.flags].filter(([, on]) => !on).map(([flag]) => flag);
    if (match.unused.length > 0) {
      output.note(`unused: ${keys(match.unused)} of components that are switched off (${off.join(', ')})`);
    }
    if (match.unexpected.length > 0)
      output.note(`ignored: ${keys(match.unexpected)} that the model does not have, as allowed`);
    const missing = match.missing.filter((key) => {
      const parameter = model.parameters.get(key);
      return !parameter?.buffer && !(fed && parameter?.adapter !== undefined);
    });
    const ofAdapters = missing.filter((key) => model.parameters.get(key)?.adapter !== undefined);
    const allowed = missing.length - ofAdapters.length;
    if (ofAdapters.length > 0)
      output.note(`made from their initialisers: ${keys(ofAdapters)} of adapters, which the checkpoint does not have`);
    if (allowed > 0)
      output.note(`made from their initialisers: ${count(allowed)} that the checkpoint lacks, as allowed`);
    return { checkpoint, match };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** Which keys are initial, and which layouts say so: nobody asked for it, so all are named. */
function initialNote(found: readonly string[], initial: ReadonlyMap<string, string>): string {
  const layouts = [...new Set(found.map((key) => initial.get(key)!))];
  return [
    `initial values: ${keys(found)} that no source has, as the layout ${layouts.join(' and ')} says:`,
    ...found.map((key) => `  ${key}`),
  ].join('\n');
}

/** `1 key`, `3 keys` */
function keys(names: readonly string[]): string {
  return count(names.length);
}

function count(many: number): string {
  return `${many} ${many === 1 ? 'key' : 'keys'}`;
}
