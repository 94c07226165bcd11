/** Programs under recipes of a test's own. */
import { checkNames } from '../../src/compiler/check/names.ts';
import { loadProgram } from '../../src/compiler/check/program.ts';
import { type Diagnostic, DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { formatPosition } from '../../src/compiler/diagnostics/span.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import { elaborate, type Model, type ModelOptions } from '../../src/compiler/elaborate/model.ts';
import type { RecipeDeclaration } from '../../src/shared/recipe.ts';
import { memory } from '../support/project.ts';

function elaboration(text: string, recipes: readonly RecipeDeclaration[], options: ModelOptions) {
  const bag = new DiagnosticBag();
  const loaded = loadProgram('main.mdl', memory({ 'main.mdl': text }), bag);
  const names = loaded && !bag.hasErrors ? checkNames(loaded, new Set(BUILTINS.keys()), bag, recipes) : undefined;
  const model = loaded && names ? elaborate(loaded, names, { ...options, recipes }, bag) : undefined;
  return { bag, model };
}

/** The model of a program without mistakes. */
export function elaborated(text: string, recipes: readonly RecipeDeclaration[], options: ModelOptions = {}): Model {
  const { bag, model } = elaboration(text, recipes, options);
  if (!model || bag.hasErrors) throw new Error(bag.sorted().map(lineOf).join('\n'));
  return model;
}

/** Every message with its place, its notes and its suggestions, one a line. */
export function problemsAt(text: string, recipes: readonly RecipeDeclaration[], options: ModelOptions = {}): string {
  return elaboration(text, recipes, options).bag.sorted().map(lineOf).join('\n');
}

function lineOf({ code, message, primary, notes, suggestions, secondary }: Diagnostic): string {
  const { source, start } = primary.span;
  const more = [...notes, ...suggestions.map((one) => one.message), ...secondary.map((one) => one.message)];
  return [`${formatPosition(source, start)} ${code} ${message}`, ...more].join('\n  ');
}
