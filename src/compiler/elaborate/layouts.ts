/**
 * `layout NAME for MODULE { … }`, checked against the module's parameters: each has exactly one source (the first rule that
 * has it), each rule has a parameter, and no key of the checkpoint is read twice.
 */
import { diagnose } from '../diagnostics/catalogue.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluator } from './evaluator.ts';
import type { ModuleInstance } from './instance.ts';
import type { Layout, Move } from './layout.ts';
import { movesOf, type Target } from './layout-rules.ts';
import { type CompiledPattern, compilePattern, explainNoMatch } from './pattern.ts';

const KEY_CLAUSES = ['under', 'unused', 'alias'];
const PATH_CLAUSES = ['holds', 'optional', 'initial', 'own'];
/** Parameters named in a message. */
const MOST_NAMED = 6;

/** The layouts of all modules that the model has, in order of files and declarations. Problems go into the bag. */
export function layoutsOf(e: Evaluator): Layout[] {
  return e.program.layouts.flatMap((declaration) => e.attempt(() => layoutOf(e, declaration)) ?? []);
}

/** Nothing where these settings leave the module out. @throws Reported */
function layoutOf(e: Evaluator, declaration: ast.LayoutDeclaration): Layout[] {
  const { name, of } = declaration;
  const symbol = e.names.symbolOf(of);
  if (symbol.kind !== 'module' || symbol.declaration.kind === 'adapter') {
    const what = symbol.kind === 'module' ? 'an adapter' : `a ${symbol.kind}`;
    e.fail(diagnose('not_usable_here', { name: of.text, what, use: 'what a layout is of' }, of.span));
  }
  const found = [...e.modules.instances.values()].filter((instance) => instance.declaration === symbol.declaration);
  if (found.length > 1) {
    const notes = [`they are ${namedPaths(found.map(({ path }) => path))}: write a layout for what contains them`];
    e.fail(diagnose('layout_instances', { name: name.text, module: of.text, count: found.length }, of.span, { notes }));
  }
  return found.map((instance) => new LayoutCheck(e, declaration, instance).layout());
}

function namedPaths(paths: readonly string[]): string {
  return `${paths.slice(0, MOST_NAMED).join(', ')}${paths.length > MOST_NAMED ? ', …' : ''}`;
}

class LayoutCheck {
  private readonly e: Evaluator;
  private readonly declaration: ast.LayoutDeclaration;
  private readonly instance: ModuleInstance;
  /** the module's parameters, those of switched-off components too; adapters are put on from outside */
  private readonly own: readonly Target[];
  private readonly adapters: readonly Target[];

  constructor(e: Evaluator, declaration: ast.LayoutDeclaration, instance: ModuleInstance) {
    this.e = e;
    this.declaration = declaration;
    this.instance = instance;
    const prefix = instance.path === '' ? '' : `${instance.path}.`;
    const targets = [...e.modules.parameters.values(), ...e.modules.absent]
      .filter(({ path }) => path.startsWith(prefix))
      .map((parameter) => ({ path: parameter.path.slice(prefix.length), parameter }));
    this.own = targets.filter(({ parameter }) => parameter.adapter === undefined);
    this.adapters = targets.filter(({ parameter }) => parameter.adapter !== undefined);
  }

  /** @throws Reported */
  layout(): Layout {
    const { e, declaration, instance } = this;
    this.checkClauses();
    const initial = this.covered('initial');
    const held = this.has('holds') ? this.covered('holds') : new Set(this.own);
    const optional = this.covered('optional');
    const wanted = this.own.filter((target) => !initial.has(target));
    const rest = new Map(wanted.map((target) => [target.path, target]));
    const isOptional = (target: Target): boolean => optional.has(target) || target.parameter.absent !== undefined;
    const moves = declaration.rules.flatMap((rule) => movesOf(e, { rule, rest, instance, isOptional }));
    for (const target of this.covered('own')) {
      if (!rest.delete(target.path) && target.parameter.adapter === undefined) continue;
      const { parameter } = target;
      const sources = parameter.keys.map((key) => [key]);
      const { shape } = parameter;
      moves.push({
        sources,
        shape,
        targets: [parameter],
        turn: undefined,
        optional: isOptional(target),
        span: declaration.name.span,
      });
    }
    const needed = [...rest.values()].filter((target) => held.has(target) && target.parameter.absent === undefined);
    if (needed.length > 0) {
      const notes = [
        namedPaths(needed.map(({ path }) => path)),
        'give them a rule, or say `initial` of what it never has and `holds` of what it has at all',
      ];
      const { text: module } = declaration.of;
      e.report(
        diagnose(
          'layout_uncovered',
          { name: declaration.name.text, module, count: needed.length },
          declaration.name.span,
          { notes },
        ),
      );
    }
    this.checkTwice(moves);
    this.checkKeys(moves);
    return {
      name: declaration.name.text,
      module: declaration.of.text,
      overlay: declaration.overlay,
      under: this.keys('under')[0]?.key.value,
      moves,
      initial: new Set([...initial].map(({ parameter }) => parameter.keys[0])),
      unused: this.keys('unused').map(({ key }) => compilePattern(key.value)),
      aliases: new Map(this.keys('alias').map(({ key, equals }) => [key.value, equals!.value])),
      span: declaration.name.span,
    };
  }

  private checkClauses(): void {
    const { e } = this;
    for (const { name, operands } of this.declaration.clauses) {
      const takesKeys = KEY_CLAUSES.includes(name.text);
      if (!takesKeys && !PATH_CLAUSES.includes(name.text)) {
        const known = [...KEY_CLAUSES, ...PATH_CLAUSES];
        const near = didYouMean(name.text, known, name.span);
        const notes = near ? [] : [`its clauses are ${known.join(', ')}`];
        e.report(diagnose('layout_clause', { name: name.text }, name.span, { notes, suggestions: fix(near) }));
        continue;
      }
      for (const operand of operands) {
        const span = operand.kind === 'keys' ? operand.key.span : operand.pattern.span;
        const fits = takesKeys ? operand.kind === 'keys' : operand.kind === 'paths';
        const isPair = operand.kind === 'keys' && operand.equals !== undefined;
        if (!fits || isPair !== (name.text === 'alias')) {
          const expected =
            name.text === 'alias' ? '"one" = "another"' : takesKeys ? 'keys as strings' : 'paths of parameters';
          e.report(diagnose('layout_form', { problem: `${name.text} takes ${expected}` }, span));
        }
      }
    }
    if (this.keys('under').length > 1)
      e.report(diagnose('layout_form', { problem: 'keys lie under one level' }, this.keys('under')[1]!.key.span));
  }

  private has(clause: string): boolean {
    return this.declaration.clauses.some(({ name }) => name.text === clause);
  }

  private keys(clause: string) {
    return this.declaration.clauses
      .filter(({ name }) => name.text === clause)
      .flatMap(({ operands }) => operands.flatMap((operand) => (operand.kind === 'keys' ? [operand] : [])));
  }

  /** What the patterns of a clause cover. Reports each that covers nothing. */
  private covered(clause: string): Set<Target> {
    const found = new Set<Target>();
    const all = [...this.own, ...this.adapters];
    for (const { name, operands } of this.declaration.clauses) {
      if (name.text !== clause) continue;
      for (const operand of operands) {
        if (operand.kind !== 'paths') continue;
        const { text, span } = operand.pattern;
        const pattern: CompiledPattern = compilePattern(text);
        const matched = all.filter(({ path }) => pattern.covers(path));
        for (const target of matched) found.add(target);
        if (matched.length > 0) continue;
        const notes = explainNoMatch(
          text,
          all.map(({ path }) => path),
        );
        this.e.report(diagnose('pattern_matches_nothing', { pattern: text }, span, { notes }));
      }
    }
    return found;
  }

  /** A key that a rule reads is not `unused`, and an alias is of a key that a rule reads. A pattern with wildcards is of what rules leave. */
  private checkKeys(moves: readonly Move[]): void {
    const read = new Set(moves.flatMap(({ sources }) => sources.flat()));
    for (const { key } of this.keys('unused')) {
      const pattern = /[*{]/.test(key.value) ? undefined : compilePattern(key.value);
      const used = pattern && [...read].find((name) => pattern.covers(name));
      if (used !== undefined) this.e.report(diagnose('layout_unused_read', { unused: key.value, key: used }, key.span));
    }
    for (const { key, equals } of this.keys('alias')) {
      if (equals === undefined || read.has(equals.value)) continue;
      const details = { alias: key.value, of: equals.value };
      const suggestions = fix(didYouMean(equals.value, read, equals.span));
      this.e.report(diagnose('layout_alias_of_nothing', details, equals.span, { suggestions }));
    }
  }

  private checkTwice(moves: readonly Move[]): void {
    const readers = new Map<string, Move>();
    for (const move of moves) {
      for (const key of new Set(move.sources.flat())) {
        const before = readers.get(key);
        if (before && before.targets[0] !== move.targets[0]) {
          const details = { key, first: before.targets[0]!.path, second: move.targets[0]!.path };
          const secondary = before.span === move.span ? [] : [{ span: before.span, message: 'read here first' }];
          this.e.fail(diagnose('layout_twice', details, move.span, { secondary }));
        }
        readers.set(key, move);
      }
    }
  }
}
