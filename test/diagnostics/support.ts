/** Compiling broken programs: everything that any phase reports, with every entry traced, and places as line:column. */

import { checkNames } from '../../src/compiler/check/names.ts';
import { loadProgram, type SourceHost } from '../../src/compiler/check/program.ts';
import { type Diagnostic, DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { formatPosition, type Span } from '../../src/compiler/diagnostics/span.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import { elaborate, type ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { withoutEntries } from '../../src/compiler/workbench/model.ts';
import { DECLARATIONS } from '../../src/recipes/declarations.ts';
import { memory } from '../support/project.ts';

export interface Request extends ModelOptions {
  /** taps of every entry */
  readonly taps?: readonly string[];
  /** an entry to trace besides those of the model */
  readonly entry?: string;
  /** as `mdl check` and `mdl compile` do: a model that compiles to nothing is a warning */
  readonly commanded?: boolean;
}

const BUILTIN_NAMES: ReadonlySet<string> = new Set(BUILTINS.keys());

/** Loads, checks and elaborates a program and traces its entries; nothing stops at the first error that need not. */
export function diagnoseProgram(path: string, host: SourceHost, request: Request = {}): readonly Diagnostic[] {
  const bag = new DiagnosticBag();
  const program = loadProgram(path, host, bag);
  if (!program || bag.hasErrors) return bag.sorted();
  const names = checkNames(program, BUILTIN_NAMES, bag, DECLARATIONS);
  const model = elaborate(program, names, { recipes: DECLARATIONS, ...request }, bag);
  if (!model) return bag.sorted();
  for (const entry of model.entries) model.entry(entry, request.taps);
  if (request.entry !== undefined) model.entry(request.entry);
  model.config();
  if (request.commanded) for (const warning of withoutEntries(model)) bag.add(warning);
  return bag.sorted();
}

/** The diagnostics of `main.mdl`, given as its text or as one of several files. */
export function diagnose(
  files: string | Readonly<Record<string, string>>,
  request: Request = {},
): readonly Diagnostic[] {
  return diagnoseProgram('main.mdl', memory(typeof files === 'string' ? { 'main.mdl': files } : files), request);
}

/** `main.mdl:3:11`, without the file for main.mdl itself. */
export function placeOf(span: Span): string {
  return formatPosition(span.source, span.start).replace(/^main\.mdl:/, '');
}

/**
 * Diagnostics as a test compares them, one place per line: `E0105 4:9 message`, the primary label, then `@ 2:3` for
 * each other label, notes and fixes.
 */
export function summary(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .flatMap(({ code, message, primary, secondary, notes, suggestions }) => [
      `${code} ${placeOf(primary.span)} ${message}`,
      ...(primary.message === '' ? [] : [`  label: ${primary.message}`]),
      ...secondary.map((label) => `  @ ${placeOf(label.span)} ${label.message}`),
      ...notes.map((note) => `  note: ${note}`),
      ...suggestions.map((fix) => `  help: ${fix.message} [${placeOf(fix.span)} ${JSON.stringify(fix.replacement)}]`),
    ])
    .join('\n');
}

export function rendered(diagnostics: readonly Diagnostic[]): string {
  return renderDiagnostics(diagnostics);
}
