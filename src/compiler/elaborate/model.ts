/**
 * A program under given settings becomes a model: a tree of instances, a table of parameters by checkpoint key,
 * checked stages, and entries that can be traced into graphs.
 */
import type { ConfigValue } from '../../shared/artifact.ts';
import { nearest } from '../../shared/nearest.ts';
import type { RecipeDeclaration } from '../../shared/recipe.ts';
import { entryFor, type GivenRoles } from '../../shared/roles.ts';
import type { NameTable } from '../check/name-table.ts';
import type { Program } from '../check/program.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Diagnostic, DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { applyAdapters, mergeAdapters } from './adapters.ts';
import { BUILTINS } from './builtins/index.ts';
import { configToJson } from './config-json.ts';
import { Evaluator } from './evaluator.ts';
import { Frame } from './frame.ts';
import type { ModuleInstance, ParameterInfo } from './instance.ts';
import type { Layout } from './layout.ts';
import { layoutsOf } from './layouts.ts';
import type { Observer } from './observer.ts';
import { type QuantiseRule, quantiseRules } from './quantise.ts';
import { quantiseOptions } from './quantise-option.ts';
import { type ModelRecipe, recipeOf } from './recipe.ts';
import { resolveSettings, type Settings, type SettingsRequest } from './settings.ts';
import { checkStages, type Stage } from './stages.ts';
import { type EntryGraph, type TraceOptions, traceEntry } from './trace-entry.ts';

export interface ModelOptions extends SettingsRequest {
  /** fold adapters into the weights they adapt */
  readonly mergeAdapters?: boolean;
  /** the recipe of a file that names none */
  readonly recipe?: string;
  /** `PATTERN as int4(group = 32)`, each: as declarations of the file, which they follow */
  readonly quantise?: readonly string[];
  /** recipes that a file can name beside those that come with the compiler */
  readonly recipes?: readonly RecipeDeclaration[];
  /** told of every value, for editors */
  readonly observer?: Observer;
}

/**
 * A program under one set of config values and flags: its tree of modules, its parameters by checkpoint key, its stages,
 * and its entries as graphs.
 */
export class Model {
  readonly name: string;
  readonly program: Program;
  readonly settings: Settings;
  readonly root: ModuleInstance;
  readonly stages: readonly Stage[];
  /** how it meets data; undefined where neither the file nor the options say */
  readonly recipe: ModelRecipe | undefined;
  /** how released checkpoints store its parameters, beside its own keys */
  readonly layouts: readonly Layout[];
  /** what the file says of how parameters are stored, in order */
  readonly quantised: readonly QuantiseRule[];
  private readonly evaluator: Evaluator;

  constructor(
    evaluator: Evaluator,
    settings: Settings,
    root: ModuleInstance,
    { stages, recipe, layouts, quantised }: Pick<Model, 'stages' | 'recipe' | 'layouts' | 'quantised'>,
  ) {
    this.name = root.declaration.name.text;
    this.program = evaluator.program;
    this.settings = settings;
    this.root = root;
    this.stages = stages;
    this.recipe = recipe;
    this.layouts = layouts;
    this.quantised = quantised;
    this.evaluator = evaluator;
  }

  /** Every parameter and buffer, by canonical checkpoint key, in order of declaration. */
  get parameters(): ReadonlyMap<string, ParameterInfo> {
    return this.evaluator.modules.parameters;
  }

  /** Parameters that flags leave out: their keys may be in a checkpoint and are not used. */
  get absent(): readonly ParameterInfo[] {
    return this.evaluator.modules.absent;
  }

  /** Every module of the tree, and what flags switch off. */
  get instances(): Iterable<ModuleInstance> {
    return this.evaluator.modules.instances.values();
  }

  /** What was found wrong so far; tracing entries may add to it. */
  get diagnostics(): readonly Diagnostic[] {
    return this.evaluator.bag.sorted();
  }

  get entries(): readonly string[] {
    return this.root.declaration.members.flatMap((member) => (member.kind === 'entry' ? [member.name.text] : []));
  }

  /**
   * The entries that the file gives roles to. `loss`, which a recipe's declaration gives, else belongs to what all stages
   * minimise, where that is one entry.
   */
  get roles(): GivenRoles {
    const given = this.recipe?.roles ?? {};
    const [minimized, ...others] = new Set(this.stages.map(({ minimizes }) => minimizes));
    const loss = given.loss ?? (others.length === 0 ? minimized : undefined);
    return loss === undefined ? given : { ...given, loss };
  }

  /** The outputs that the file names with its roles: by role. `loss` as for `roles`. */
  get namedOutputs(): Readonly<Record<string, string>> {
    const given = this.recipe?.outputs ?? {};
    if (this.recipe?.roles.loss !== undefined) return given;
    const [loss, ...others] = new Set(
      this.stages.map((stage) => (stage.minimizes === this.roles.loss ? stage.loss : undefined)),
    );
    return loss === undefined || others.length > 0 ? given : { ...given, loss };
  }

  /** Names of what an entry takes and gives, as it declares them: no caches, adapters or taps. */
  portsOf(name: string): { readonly inputs: ReadonlySet<string>; readonly outputs: ReadonlySet<string> } {
    const entry = this.root.declaration.members.find((member) => member.kind === 'entry' && member.name.text === name);
    const { parameters = [], result } = entry?.kind === 'entry' ? entry.signature : {};
    return {
      inputs: new Set(parameters.map((parameter) => parameter.name.text)),
      outputs: new Set(result?.flatMap((output) => output.name?.text ?? [])),
    };
  }

  /** The entry that plays a role. */
  entryFor(role: string): string {
    return entryFor(this.roles, role);
  }

  /** Entries that are trained or judged: they take labels. */
  get losses(): ReadonlySet<string> {
    return new Set([this.entryFor('loss'), ...this.stages.map(({ minimizes }) => minimizes)]);
  }

  config(): { [name: string]: ConfigValue } {
    return configToJson(this.settings.config, (field, record) =>
      this.evaluator.names.fieldValue(field, record, [this.settings.config]),
    );
  }

  /**
   * Traces an entry. `taps`: paths of module outputs or `let`s that become outputs too. With `training`, the graph is one
   * for training: it updates buffers, and drops by the i64 scalar input `dropout_seed` (absent where nothing drops).
   * Problems go into the bag; undefined when there are any.
   */
  entry(name: string, taps: readonly string[] = [], options: TraceOptions = {}): EntryGraph | undefined {
    const e = this.evaluator;
    e.effort.restart();
    const declaration = this.root.declaration.members.find(
      (member) => member.kind === 'entry' && member.name.text === name,
    );
    if (declaration?.kind !== 'entry') {
      const near = nearest(name, this.entries);
      const notes = [
        near ? `did you mean \`${near}\`?` : `the entries of ${this.name} are ${this.entries.join(', ') || '(none)'}`,
      ];
      e.report(diagnose('no_entry', { name }, this.root.declaration.name.span, { notes }));
      return undefined;
    }
    const before = e.errors;
    const traced = e.attempt(() => traceEntry(e, this.root, declaration, taps, options));
    // a mistake is one even where no output depends on it
    return e.errors === before ? traced : undefined;
  }
}

/**
 * Resolves the settings, builds the tree, applies adapters, checks stages. Problems go into the bag.
 *
 * @param names of `checkNames`: what each name stands for
 */
export function elaborate(
  program: Program,
  names: NameTable,
  options: ModelOptions,
  bag: DiagnosticBag,
): Model | undefined {
  if (!program.model) {
    bag.add(diagnose('no_model', {}, { source: program.root.source, start: 0, end: 0 }));
    return undefined;
  }
  const { declaration, file } = program.model;
  const evaluator = new Evaluator(program, names, bag, BUILTINS);
  evaluator.observer = options.observer;
  const settings = resolveSettings(
    program,
    options,
    bag,
    (expression, within) =>
      evaluator.attempt(() => evaluator.expression(expression, new Frame(program.root, undefined, within))) ?? {
        kind: 'error',
      },
  );
  evaluator.settings = settings;
  const root = evaluator.attempt(() => evaluator.modules.model(declaration, file));
  if (!root) return undefined;
  applyAdapters(evaluator);
  const { recipes = [], recipe: asked } = options;
  const recipe = recipeOf(evaluator, recipes, asked);
  const stages = checkStages(evaluator, recipe, recipes);
  // before adapters are folded: a checkpoint has them apart
  const layouts = layoutsOf(evaluator);
  if (options.mergeAdapters && mergeAdapters(evaluator) === 0)
    bag.add(diagnose('nothing_to_merge', { name: declaration.name.text }, declaration.name.span));
  const quantised = quantiseRules(evaluator, quantiseOptions(options.quantise ?? [], bag));
  return new Model(evaluator, settings, root, { stages, recipe, layouts, quantised });
}
