/**
 * The compiler on one screen. Nothing here touches Node: it runs in a page as well.
 *
 *   text ─ syntax ─▶ AST ─ check ─▶ program ─ elaborate(config, flags, adapters) ─▶ model
 *   model ─ graphsOf ─▶ finished graphs ─ TARGETS.onnx · webgpu · reference: compile ─▶ artifact ─ open ─▶ backend of a session
 */
import { DECLARATIONS } from '../recipes/declarations.ts';
import type { NameTable } from './check/name-table.ts';
import { checkNames } from './check/names.ts';
import { loadProgram, type Program, type SourceHost } from './check/program.ts';
import {
  type Form,
  type Forms,
  LIST,
  OBJECT,
  SWITCH,
  TEXT,
  TEXTS,
  wrongForm,
  wrongOptions,
} from './diagnostics/call.ts';
import { type Diagnostic, DiagnosticBag } from './diagnostics/diagnostic.ts';
import { BUILTINS } from './elaborate/builtins/index.ts';
import { elaborate, type Model, type ModelOptions } from './elaborate/model.ts';

export type { PlannedFile } from './backends/onnx/external-data.ts';
export type { Definition } from './check/binding.ts';
export type { NameTable } from './check/name-table.ts';
export type { Program, SourceHost } from './check/program.ts';
export { rename } from './check/rename.ts';
export { CATALOGUE } from './diagnostics/catalogue.ts';
export { type Diagnostic, DiagnosticBag, DiagnosticError } from './diagnostics/diagnostic.ts';
export { diagnosticsToJson } from './diagnostics/json.ts';
export { renderDiagnostics } from './diagnostics/render.ts';
export type { Model, ModelOptions } from './elaborate/model.ts';
export type { EntryGraph } from './elaborate/trace-entry.ts';
export { type FinishedGraph, finish, type Graphs, type GraphsRequest, graphsOf, type PlainGraph } from './graphs.ts';
export { interpret } from './ir/interpreter.ts';
export { printGraph } from './ir/print.ts';
export { PIPELINE, runPipeline } from './passes/pipeline.ts';
export { TARGETS } from './targets/index.ts';
export { TARGET_NAMES, type TargetName } from './targets/names.ts';
export type { Artifact, Host, StoredFile, Target, TargetOptions, WeightReader } from './targets/target.ts';
export { VERSION } from './version.ts';

export interface Compilation {
  readonly program: Program | undefined;
  /** what each name stands for, for editors; undefined when a file cannot be read */
  readonly names: NameTable | undefined;
  /** undefined when there are errors */
  readonly model: Model | undefined;
  /** what could be elaborated in spite of errors: tracing its entries finds more of them */
  readonly partial: Model | undefined;
  /** everything found so far; tracing entries may add to it */
  readonly bag: DiagnosticBag;
  diagnostics(): readonly Diagnostic[];
}

const HOST: Form = {
  expected: 'an object with a function read',
  fits: (host) => typeof (host as Partial<SourceHost> | null | undefined)?.read === 'function',
};

const OPTIONS: Forms<ModelOptions> = {
  config: TEXT,
  set: LIST,
  values: OBJECT,
  valuesOrigin: TEXT,
  valuesText: TEXT,
  mergeAdapters: SWITCH,
  recipe: TEXT,
  quantise: TEXTS,
  recipes: LIST,
  observer: OBJECT,
};

/**
 * Reads, checks and elaborates a model under the settings asked for. Never throws for what is wrong with the
 * program, the settings or the call: that is in the diagnostics.
 *
 * @param path project-relative, with forward slashes
 */
export function compile(path: string, host: SourceHost, options: ModelOptions = {}): Compilation {
  const bag = new DiagnosticBag();
  const wrong =
    wrongForm('compile', 'the path', path, TEXT) ??
    wrongForm('compile', 'the host', host, HOST) ??
    wrongOptions('compile', options, OPTIONS);
  if (wrong) bag.add(wrong);
  const program = wrong ? undefined : loadProgram(path, host, bag);
  let model: Model | undefined;
  let names: NameTable | undefined;
  if (program && !bag.hasErrors) {
    const recipes = [...DECLARATIONS, ...(options.recipes ?? [])];
    names = checkNames(program, new Set(BUILTINS.keys()), bag, recipes);
    model = elaborate(program, names, { ...options, recipes }, bag);
  }
  return {
    program,
    names,
    model: bag.hasErrors ? undefined : model,
    partial: model,
    bag,
    diagnostics: () => bag.sorted(),
  };
}
