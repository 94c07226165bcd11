/**
 * A program: a root file, everything it imports, and the names each file can see.
 *
 * Paths are relative to the project, with forward slashes; an import may not leave the project. The standard
 * library is the file `std`, whose text ships inside the compiler. `loadProgram` reports every problem of every
 * file it can reach and returns what could be read.
 */

import { TEXT, wrongForm } from '../diagnostics/call.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import { createSource, type SourceFile, type Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import { STD_FILES } from '../std/std.generated.ts';
import type * as ast from '../syntax/ast.ts';
import { parseFile } from '../syntax/parse.ts';

/** Where source text comes from: a folder, an editor's buffers, a page. */
export interface SourceHost {
  /** Text of a project-relative path, undefined where there is no such file. */
  read(path: string): string | undefined;
}

export type FileSymbol =
  | { readonly kind: 'module'; readonly declaration: ast.ModuleDeclaration; readonly file: FileScope }
  | { readonly kind: 'function'; readonly declaration: ast.FunctionDeclaration; readonly file: FileScope }
  | { readonly kind: 'flag'; readonly declaration: ast.FlagDeclaration; readonly file: FileScope }
  | { readonly kind: 'config'; readonly declaration: ast.ConfigDeclaration; readonly file: FileScope };

export interface FileScope {
  readonly source: SourceFile;
  readonly syntax: ast.FileSyntax;
  /** declared and imported names */
  readonly names: Map<string, FileSymbol>;
  /** the file's own import statements, for `unused_import` */
  readonly imports: Map<string, Span>;
}

export interface Program {
  readonly root: FileScope;
  readonly files: ReadonlyMap<string, FileScope>;
  /** every flag of every file, by name */
  readonly flags: ReadonlyMap<string, ast.FlagDeclaration>;
  /** the root file's configs, in order; the first is the default */
  readonly configs: ReadonlyMap<string, ast.ConfigDeclaration>;
  readonly model: { readonly declaration: ast.ModuleDeclaration; readonly file: FileScope } | undefined;
  readonly adapts: readonly ast.AdaptDeclaration[];
  /** the root file's, in order */
  readonly quantises: readonly ast.QuantiseDeclaration[];
  readonly stages: readonly ast.StageDeclaration[];
  /** the root file's */
  readonly recipe: ast.RecipeDeclaration | undefined;
  /** every layout of every file */
  readonly layouts: readonly ast.LayoutDeclaration[];
}

/** Files one program may have; a generated chain of imports ends here and not in memory. */
const MAX_FILES = 1000;

/** Makes the tree of a file. Named here by its types alone, so that who installs the package needs none of the parser's. */
type ParseFile = (source: SourceFile, bag: DiagnosticBag) => ast.FileSyntax | undefined;

/** @param parse another than `parseFile` may know the file from before */
export function loadProgram(
  path: string,
  host: SourceHost,
  bag: DiagnosticBag,
  parse: ParseFile = parseFile,
): Program | undefined {
  const loader = new Loader(host, bag, parse);
  const text = host.read(path);
  const nowhere = { source: createSource(path, ''), start: 0, end: 0 };
  if (text === undefined) bag.add(diagnose('file_not_found', { path }, nowhere));
  if (text === undefined || isNoText(path, text, nowhere, bag)) return undefined;
  const root = loader.load(path, text, []);
  if (!root) return undefined;
  return link(root, loader.files, bag);
}

/** Hosts without types read bytes, promises and null. */
function isNoText(path: string, text: string, at: Span, bag: DiagnosticBag): boolean {
  const expected = 'a string (or undefined where there is no file)';
  const wrong = wrongForm('the compiler', `the text of ${path}`, text, { ...TEXT, expected }, at);
  if (wrong) bag.add(wrong);
  return wrong !== undefined;
}

class Loader {
  readonly files = new Map<string, FileScope>();
  private readonly failed = new Set<string>();
  private readonly host: SourceHost;
  private readonly bag: DiagnosticBag;
  private readonly parse: ParseFile;

  constructor(host: SourceHost, bag: DiagnosticBag, parse: ParseFile) {
    this.host = host;
    this.bag = bag;
    this.parse = parse;
  }

  load(path: string, text: string, chain: readonly string[]): FileScope | undefined {
    const syntax = this.parse(createSource(path, text), this.bag);
    if (!syntax) {
      this.failed.add(path);
      return undefined;
    }
    const scope: FileScope = { source: syntax.source, syntax, names: new Map(), imports: new Map() };
    this.declare(scope);
    this.files.set(path, scope);
    for (const declaration of syntax.declarations) {
      if (declaration.kind === 'import') this.resolve(scope, declaration, [...chain, path]);
    }
    return scope;
  }

  private declare(scope: FileScope): void {
    const places = new Map<string, Span>();
    for (const declaration of scope.syntax.declarations) {
      if (!('name' in declaration)) continue;
      // a config record and a flag may share a name, a stage's name is its own matter
      const { name } = declaration;
      const space =
        declaration.kind === 'stage' || declaration.kind === 'config' || declaration.kind === 'layout'
          ? `${declaration.kind} ${name.text}`
          : name.text;
      const before = places.get(space);
      if (before) {
        this.bag.add(
          diagnose('duplicate_name', { name: name.text }, name.span, {
            secondary: [{ span: before, message: 'first declared here' }],
          }),
        );
        continue;
      }
      places.set(space, name.span);
      if (declaration.kind === 'flag') scope.names.set(name.text, { kind: 'flag', declaration, file: scope });
      else if (declaration.kind === 'function')
        scope.names.set(name.text, { kind: 'function', declaration, file: scope });
      else if (declaration.kind === 'config')
        scope.names.set(`config ${name.text}`, { kind: 'config', declaration, file: scope });
      else if (declaration.kind !== 'stage' && declaration.kind !== 'layout')
        scope.names.set(name.text, { kind: 'module', declaration, file: scope });
    }
  }

  private resolve(scope: FileScope, declaration: ast.ImportDeclaration, chain: readonly string[]): void {
    const { from } = declaration;
    const target = this.targetOf(scope, from);
    if (target === undefined) return;
    if (chain.includes(target)) {
      const cycle = [...chain.slice(chain.indexOf(target)), target].join(' → ');
      this.bag.add(diagnose('import_cycle', { cycle }, from.span));
      return;
    }
    const file = this.files.get(target) ?? this.read(target, from, chain);
    if (!file) {
      // its own errors are reported; what it would have declared counts as known
      for (const { as } of declaration.names) scope.imports.set(as.text, as.span);
      return;
    }
    for (const { name, as } of declaration.names) {
      const symbol = file.names.get(name.text);
      if (!symbol) {
        const suggestions = fix(didYouMean(name.text, file.names.keys(), name.span));
        const facts = { name: name.text, file: file.source.path };
        this.bag.add(diagnose('import_missing', facts, name.span, { suggestions }));
        continue;
      }
      if (scope.names.has(as.text)) {
        this.bag.add(diagnose('duplicate_name', { name: as.text }, as.span));
        continue;
      }
      scope.names.set(as.text, symbol);
      scope.imports.set(as.text, as.span);
    }
  }

  private read(target: string, from: ast.StringExpression, chain: readonly string[]): FileScope | undefined {
    if (this.failed.has(target)) return undefined;
    const text = target in STD_PATHS ? STD_PATHS[target] : this.host.read(target);
    if (text === undefined || this.files.size >= MAX_FILES) {
      this.bag.add(diagnose('file_not_found', { path: target }, from.span));
      this.failed.add(target);
      return undefined;
    }
    if (isNoText(target, text, from.span, this.bag)) {
      this.failed.add(target);
      return undefined;
    }
    return this.load(target, text, chain);
  }

  private targetOf(scope: FileScope, from: ast.StringExpression): string | undefined {
    if (from.value === 'std') return 'std.mdl';
    const part = `${from.value}.mdl`;
    if (from.value.startsWith('std/') && part in STD_PATHS) return part;
    if (
      !/^\.{1,2}\//.test(from.value) ||
      !from.value.endsWith('.mdl') ||
      from.value.includes('\\') ||
      from.value.includes('\0')
    ) {
      this.bag.add(diagnose('import_form', { path: from.value }, from.span));
      return undefined;
    }
    const parts = scope.source.path.split('/').slice(0, -1);
    for (const part of from.value.split('/')) {
      if (part === '.' || part === '') continue;
      if (part !== '..') parts.push(part);
      else if (parts.pop() === undefined) {
        this.bag.add(diagnose('import_outside', { path: from.value }, from.span));
        return undefined;
      }
    }
    const target = parts.join('/');
    if (target in STD_PATHS) {
      const notes = ['a file of this name is the standard library: give yours another'];
      this.bag.add(diagnose('import_form', { path: from.value }, from.span, { notes }));
      return undefined;
    }
    return target;
  }
}

/** `std.mdl` → text; null prototype, since the key comes from a program. */
const STD_PATHS: Readonly<Record<string, string>> = Object.assign(
  Object.create(null) as Record<string, string>,
  STD_FILES,
);

function link(root: FileScope, files: ReadonlyMap<string, FileScope>, bag: DiagnosticBag): Program {
  const flags = new Map<string, ast.FlagDeclaration>();
  const configs = new Map<string, ast.ConfigDeclaration>();
  const adapts: ast.AdaptDeclaration[] = [];
  const quantises: ast.QuantiseDeclaration[] = [];
  const stages: ast.StageDeclaration[] = [];
  const layouts: ast.LayoutDeclaration[] = [];
  let model: Program['model'];
  let recipe: ast.RecipeDeclaration | undefined;
  for (const file of files.values()) {
    for (const declaration of file.syntax.declarations) {
      if (declaration.kind === 'flag') {
        const before = flags.get(declaration.name.text);
        if (before && before !== declaration) {
          bag.add(
            diagnose('duplicate_name', { name: declaration.name.text }, declaration.name.span, {
              secondary: [{ span: before.name.span, message: 'first declared here' }],
              notes: ['flags of all files share one set of names, so that --set can name them'],
            }),
          );
        }
        flags.set(declaration.name.text, declaration);
      }
      if (declaration.kind === 'layout') layouts.push(declaration);
      if (file !== root) continue;
      if (declaration.kind === 'config') configs.set(declaration.name.text, declaration);
      if (declaration.kind === 'adapt') adapts.push(declaration);
      if (declaration.kind === 'quantise') quantises.push(declaration);
      if (declaration.kind === 'stage') stages.push(declaration);
      if (declaration.kind === 'recipe') {
        if (recipe) {
          const secondary = [{ span: recipe.recipe.span, message: 'the first is here' }];
          bag.add(diagnose('several_recipes', {}, declaration.recipe.span, { secondary }));
        } else recipe = declaration;
      }
      if (declaration.kind !== 'model') continue;
      if (model) {
        bag.add(
          diagnose('several_models', {}, declaration.name.span, {
            secondary: [{ span: model.declaration.name.span, message: 'the first is here' }],
          }),
        );
      } else model = { declaration, file };
    }
  }
  return { root, files, flags, configs, model, adapts, quantises, stages, recipe, layouts };
}
