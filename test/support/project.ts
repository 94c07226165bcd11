/** Programs for tests: files in memory, or the repository's own models. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkNames } from '../../src/compiler/check/names.ts';
import { loadProgram, type Program, type SourceHost } from '../../src/compiler/check/program.ts';
import { type Diagnostic, DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import { elaborate, type Model, type ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { DECLARATIONS } from '../../src/recipes/declarations.ts';

const ROOT = new URL('../../', import.meta.url);

export const repository: SourceHost = {
  read(path) {
    try {
      return readFileSync(fileURLToPath(new URL(path, ROOT)), 'utf8');
    } catch {
      return undefined;
    }
  },
};

export function memory(files: Readonly<Record<string, string>>): SourceHost {
  return { read: (path) => (Object.hasOwn(files, path) ? files[path] : undefined) };
}

export interface Compiled {
  readonly program: Program | undefined;
  readonly model: Model | undefined;
  readonly bag: DiagnosticBag;
  readonly diagnostics: readonly Diagnostic[];
}

export function compile(path: string, host: SourceHost, options: ModelOptions = {}): Compiled {
  const bag = new DiagnosticBag();
  const program = loadProgram(path, host, bag);
  const names =
    program && !bag.hasErrors ? checkNames(program, new Set(BUILTINS.keys()), bag, DECLARATIONS) : undefined;
  const model = program && names ? elaborate(program, names, { recipes: DECLARATIONS, ...options }, bag) : undefined;
  return { program, model, bag, diagnostics: bag.sorted() };
}

/** The model, or an error that lists what is wrong. */
export function compileOk(path: string, host: SourceHost, options: ModelOptions = {}): Model {
  const { model, diagnostics } = compile(path, host, options);
  const errors = diagnostics.filter((d) => d.severity === 'error');
  if (!model || errors.length > 0) throw new Error(errors.map((d) => `${d.code} ${d.message}`).join('\n'));
  return model;
}
