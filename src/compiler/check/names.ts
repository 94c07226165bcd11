/**
 * Names, in every file, before anything runs: a name nobody declares is an error even in a module that nobody
 * instantiates and in a branch that is not taken. Also duplicate and misplaced members and unused imports.
 *
 * A name stands for a local, then for a member, argument or let of the module, one of its functions, a config value (in a
 * model, an adapt and a stage), one of the file's names, a builtin. Members are made in order, so a member's expression
 * sees the ones before it; bodies see all. What each stands for is kept: elaboration and editors look nothing up again.
 */
import type { RecipeDeclaration } from '../../shared/recipe.ts';
import type { Roles } from '../../shared/roles.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import type { Binding, Definition } from './binding.ts';
import { Bodies } from './bodies.ts';
import { ConfigOverrides } from './config-overrides.ts';
import { type ConfigShape, configShape } from './config-shape.ts';
import { checkModuleCycles } from './cycles.ts';
import { ELEMENT_TYPES } from './element-types.ts';
import { bindEntry, MINIMIZE } from './entry-names.ts';
import { Members } from './members.ts';
import { NameTable } from './name-table.ts';
import type { FileScope, Program } from './program.ts';
import { isStd, type Places, References } from './references.ts';
import { Scope } from './scope.ts';
import { isValueMember, kindOf, type ValueMember } from './value-members.ts';

/**
 * Resolves the names of a program's files and reports what is wrong with them.
 *
 * @param program of `loadProgram`, without errors
 * @param builtins names that every file knows
 * @param recipes whose roles are given to entries
 */
export function checkNames(
  program: Program,
  builtins: ReadonlySet<string>,
  bag: DiagnosticBag,
  recipes: readonly RecipeDeclaration[] = [],
): NameTable {
  const table = new NameTable(builtins);
  const members = new Members(table);
  const roles = recipes.find(({ name }) => name === program.recipe?.recipe.value)?.roles ?? {};
  for (const file of program.files.values()) new FileNames(program, file, builtins, bag, table, members, roles).check();
  members.finish();
  checkModuleCycles(program, table, bag);
  return table;
}

class FileNames {
  private readonly program: Program;
  private readonly file: FileScope;
  private readonly bag: DiagnosticBag;
  private readonly references: References;
  private readonly bodies: Bodies;
  private readonly table: NameTable;
  private readonly members: Members;
  private readonly config: ConfigShape;
  private readonly overrides: ConfigOverrides;
  private readonly configs: ReadonlyMap<string, ast.ConfigDeclaration>;
  /** of the model's recipe */
  private readonly roles: Roles;

  constructor(
    program: Program,
    file: FileScope,
    builtins: ReadonlySet<string>,
    bag: DiagnosticBag,
    table: NameTable,
    members: Members,
    roles: Roles,
  ) {
    this.roles = roles;
    this.table = table;
    this.members = members;
    this.program = program;
    this.file = file;
    this.bag = bag;
    this.references = new References(program, file, builtins, bag, table);
    this.bodies = new Bodies(this.references, members);
    const configs = file.syntax.declarations.filter((declaration) => declaration.kind === 'config');
    this.configs = new Map(configs.map((config) => [config.name.text, config]));
    this.overrides = new ConfigOverrides(this.configs, program.flags, bag);
    this.config = configShape(configs, table, program.flags);
    members.record(this.config);
  }

  check(): void {
    for (const declaration of this.file.syntax.declarations) this.declaration(declaration);
    if (isStd(this.file.source.path)) return;
    for (const [name, span] of this.file.imports) {
      if (!this.references.used.has(name)) this.bag.add(diagnose('unused_import', { name }, span));
    }
  }

  private declaration(declaration: ast.Declaration): void {
    switch (declaration.kind) {
      case 'import':
        this.references.imported(declaration);
        return;
      case 'flag':
        this.table.define(declaration, 'flag', declaration.name, declaration.doc);
        return;
      case 'function':
        this.table.define(declaration, 'function', declaration.name, declaration.doc);
        this.callable(declaration, new Scope());
        return;
      case 'module':
      case 'model':
      case 'adapter':
        this.module(declaration);
        return;
      case 'config':
        this.configDeclaration(declaration);
        return;
      case 'adapt': {
        const scope = new Scope(undefined, { config: [this.config] });
        this.references.use(declaration.adapter, scope);
        const adapter = this.moduleNamed(declaration.adapter);
        if (adapter) this.members.adapt(adapter.parameters, declaration.arguments);
        for (const argument of declaration.arguments) this.bodies.expression(argument.value, scope);
        if (declaration.when) this.bodies.expression(declaration.when, scope);
        return;
      }
      case 'quantise': {
        const scope = new Scope(undefined, { config: [this.config] });
        for (const argument of declaration.arguments) this.bodies.expression(argument.value, scope);
        if (declaration.when) this.bodies.expression(declaration.when, scope);
        return;
      }
      case 'recipe': {
        const places: Places = new Map();
        const scope = new Scope(undefined, { config: [this.config] });
        for (const { name, value } of declaration.settings) {
          this.references.once(name, places);
          if (Object.hasOwn(this.roles, name.text)) bindEntry(this.program, this.references, name.text, value);
          else this.bodies.expression(value, scope);
        }
        return;
      }
      case 'layout':
        this.layout(declaration);
        return;
      case 'stage':
        this.stage(declaration);
        return;
    }
  }

  private configDeclaration(declaration: ast.ConfigDeclaration): void {
    this.table.define(declaration, 'config', declaration.name, declaration.doc);
    const base = declaration.extends;
    const extended = base && this.configs.get(base.text);
    if (base && extended) this.table.use(base.span, this.table.define(extended, 'config', extended.name, extended.doc));
    else if (base) {
      this.bag.add(
        diagnose('unknown_config', { name: base.text }, base.span, {
          suggestions: fix(didYouMean(base.text, this.configs.keys(), base.span)),
        }),
      );
    }
    this.overrides.declaration(declaration);
    this.configFields(declaration.fields, [this.config]);
  }

  private configFields(fields: readonly ast.ConfigField[], within: readonly ConfigShape[]): void {
    const places: Places = new Map();
    for (const { name, value } of fields) {
      // a flag and a record may share a name
      this.references.once(name, places, value.kind === 'fields' ? `record ${name.text}` : name.text);
      if (value.kind === 'fields') {
        const inner = within[0]?.fields.get(name.text);
        if (inner?.definition) this.table.use(name.span, inner.definition);
        this.configFields(value.fields, inner ? [inner, ...within] : within);
        continue;
      }
      if (this.file.names.get(name.text)?.kind === 'flag') this.references.used.add(name.text);
      const flag = within[0]?.path === '' ? this.program.flags.get(name.text) : undefined;
      const field = within[0]?.fields.get(name.text)?.definition;
      const definition = flag ? this.table.define(flag, 'flag', flag.name, flag.doc) : field;
      if (definition) this.table.use(name.span, definition);
      this.bodies.expression(value, new Scope(undefined, { config: within }));
    }
  }

  private stage(declaration: ast.StageDeclaration): void {
    const scope = new Scope(undefined, { config: [this.config] });
    this.table.define(declaration, 'stage', declaration.name, declaration.doc);
    for (const { name, value } of declaration.set) {
      this.references.used.add(name.text);
      const flag = this.program.flags.get(name.text);
      if (flag) this.table.use(name.span, this.table.define(flag, 'flag', flag.name, flag.doc));
      this.bodies.expression(value, scope);
    }
    for (const { name, value } of declaration.clauses) {
      if (name.text === MINIMIZE) {
        bindEntry(this.program, this.references, MINIMIZE, value);
        continue;
      }
      // `adamw(lr = …)`: optimisers and schedules have their own names, which stages.ts knows
      const { callee } = value.kind === 'call' ? value : {};
      if (value.kind !== 'call' || (callee?.kind === 'name' && this.references.resolve(callee.text, scope)))
        this.bodies.expression(value, scope);
      else for (const argument of value.arguments) this.bodies.expression(argument.value, scope);
    }
  }

  /** Sizes in a layout's rules see what the members of its module see. */
  private layout(declaration: ast.LayoutDeclaration): void {
    this.table.define(declaration, 'layout', declaration.name, declaration.doc);
    this.references.use(declaration.of, new Scope());
    const module = this.moduleNamed(declaration.of);
    if (!module) return;
    const scope = new Scope(undefined, { config: module.kind === 'model' ? [this.config] : [] });
    for (const one of [...module.parameters, ...module.members.filter(isValueMember)]) this.declareMember(one, scope);
    for (const { by } of declaration.rules) {
      // what is called is the rule's own matter, as a stage's optimiser is
      if (by?.kind === 'call') for (const argument of by.arguments) this.bodies.expression(argument.value, scope);
    }
  }

  // ── modules ─────────────────────────────────────────────────────────────────────────────────
  private module(declaration: ast.ModuleDeclaration): void {
    this.table.define(declaration, declaration.kind, declaration.name, declaration.doc);
    const config = declaration.kind === 'model' ? [this.config] : [];
    const adapted = declaration.on ? this.adaptedScope(declaration.on) : undefined;
    const pending: Places = new Map();
    const scope = new Scope(adapted, { config, pending });
    const places: Places = new Map();
    for (const member of declaration.members) {
      if (member.kind === 'function') {
        const definition = this.table.define(member, 'function', member.name, member.doc);
        scope.set(member.name.text, { kind: 'method', declaration: member, definition });
      } else if (isValueMember(member) && !pending.has(member.name.text))
        pending.set(member.name.text, member.name.span);
    }
    for (const parameter of declaration.parameters) {
      this.references.once(parameter.name, places);
      if (parameter.type) this.bodies.type(parameter.type, scope, new Map());
      if (parameter.fallback) this.bodies.expression(parameter.fallback, scope);
      this.declareMember(parameter, scope);
    }
    for (const member of declaration.members) {
      if (member.kind === 'function') this.references.once(member.name, places);
      if (!isValueMember(member)) continue;
      this.references.once(member.name, places);
      if (member.kind === 'param') this.param(member, scope);
      else this.bodies.expression(member.value, scope);
      const definition = this.declareMember(member, scope);
      if (member.kind !== 'param') this.members.given(definition, member.value);
      pending.delete(member.name.text);
    }
    this.moduleBodies(declaration, scope);
  }

  /** A name of the module: an argument, a let, a param or a submodule; `base`: one that an adapter sees of another. */
  private declareMember(node: ValueMember | ast.Parameter, scope: Scope, of: 'self' | 'base' = 'self'): Definition {
    const definition = this.table.define(node, kindOf(node), node.name, 'doc' in node ? node.doc : '');
    scope.set(node.name.text, { kind: 'member', of, name: node.name.text, definition });
    return definition;
  }

  private param(member: ast.ParamMember, scope: Scope): void {
    this.bodies.element(member.type, ELEMENT_TYPES);
    for (const dim of member.type.dims ?? []) if (dim.kind !== 'ellipsis') this.bodies.expression(dim, scope);
    this.bodies.expression(member.init, scope);
    if (member.resample) this.bodies.expression(member.resample, scope);
  }

  private moduleBodies(declaration: ast.ModuleDeclaration, scope: Scope): void {
    const where = { module: 'a module', model: 'a model', adapter: 'an adapter' }[declaration.kind];
    const misplaced = (member: string, at: Span, note: string): void =>
      this.bag.add(diagnose('misplaced_member', { member, where }, at, { notes: [note] }));
    const rebinds = declaration.kind === 'adapter';
    const entries: Places = new Map();
    const merges: Places = new Map();
    const forwards: Places = new Map();
    for (const member of declaration.members) {
      if (member.kind === 'forward') {
        this.references.once(
          { text: 'forward', span: { ...member.span, end: member.span.start + 'forward'.length } },
          forwards,
        );
        this.callable(member, scope, { rebinds });
      } else if (member.kind === 'function') this.callable(member, scope, { rebinds });
      else if (member.kind === 'entry') {
        if (declaration.kind !== 'model')
          misplaced(
            `the entry ${member.name.text}`,
            member.name.span,
            'entries are the graphs of a model; a module has a `forward`',
          );
        this.references.once(member.name, entries);
        this.table.define(member, 'entry', member.name, member.doc);
        this.callable(member, scope, { past: member.cache?.length });
      } else if (member.kind === 'merge') {
        if (declaration.kind !== 'adapter')
          misplaced(
            `merge ${member.name.text}`,
            member.name.span,
            '`merge` says how an adapter folds into what it adapts',
          );
        this.references.once(member.name, merges);
        this.mergeTarget(declaration, member.name);
        this.bodies.expression(member.value, scope);
      }
    }
  }

  /** What an adapter sees of the module it adapts, and `base`; everything, if that module cannot be found. */
  private adaptedScope(on: ast.Name): Scope {
    const scope = new Scope();
    scope.set('base', { kind: 'base', definition: { kind: 'base', name: 'base', span: on.span, doc: '' } });
    this.references.use(on, scope);
    const target = this.moduleNamed(on);
    for (const parameter of target?.parameters ?? []) this.declareMember(parameter, scope, 'base');
    for (const member of target?.members ?? []) if (isValueMember(member)) this.declareMember(member, scope, 'base');
    return scope;
  }

  private moduleNamed(name: ast.Name): ast.ModuleDeclaration | undefined {
    const symbol = this.file.names.get(name.text);
    return symbol?.kind === 'module' ? symbol.declaration : undefined;
  }

  private mergeTarget(declaration: ast.ModuleDeclaration, name: ast.Name): void {
    const target = declaration.on && this.moduleNamed(declaration.on);
    if (!target) return;
    const params = target.members.flatMap((member) => (member.kind === 'param' ? [member.name.text] : []));
    const param = target.members.find((member) => member.kind === 'param' && member.name.text === name.text);
    if (param?.kind === 'param') {
      this.table.use(name.span, this.table.define(param, kindOf(param), param.name, param.doc));
      return;
    }
    this.bag.add(
      diagnose('unknown_member', { object: target.name.text, name: name.text }, name.span, {
        suggestions: fix(didYouMean(name.text, params, name.span)),
      }),
    );
  }

  // ── signatures and bodies ───────────────────────────────────────────────────────────────────
  /** `past`: the symbol that an entry's cache names, if it has one; `rebinds`: it may rebind names of the module */
  private callable(
    { signature, body, backward }: Callable,
    outer: Scope,
    { past, rebinds = false }: { readonly past?: ast.Name | undefined; readonly rebinds?: boolean } = {},
  ): void {
    const scope = outer.body();
    const before = outer.inFrameOf(scope);
    const parameters: Places = new Map();
    const dims = new Map<string, Binding>();
    for (const parameter of signature.parameters) {
      const { name, type, fallback } = parameter;
      this.references.once(name, parameters);
      if (fallback) this.bodies.expression(fallback, scope);
      const definition = this.bodies.declare(name, 'argument', scope, parameter);
      if (fallback) this.members.given(definition, fallback);
      if (type) this.bodies.type(type, before, dims, signature.parameters);
    }
    for (const [text, binding] of dims) scope.set(text, binding);
    const results: Places = new Map();
    for (const result of signature.result ?? []) {
      if (result.name) {
        this.references.once(result.name, results);
        this.table.define(result, 'output', result.name);
      }
      this.bodies.type(result.type, before, dims, signature.parameters);
    }
    const symbol = past && dims.get(past.text)?.definition;
    if (symbol) this.table.use(past.span, symbol);
    // before the body may give its arguments other values
    const targets: Places = new Map();
    for (const target of backward?.targets ?? []) {
      this.references.once(target, targets);
      this.references.use(target, scope);
    }
    if (rebinds) this.bodies.rebind(body, scope);
    this.bodies.block(body, scope);
    if (backward) this.backward(backward, scope.child());
  }

  /** A clause sees what the body named. */
  private backward({ upstream, body }: ast.BackwardClause, scope: Scope): void {
    this.bodies.declare(upstream, 'argument', scope);
    this.bodies.block(body, scope);
  }
}

interface Callable {
  readonly signature: ast.Signature;
  readonly body: ast.Block;
  readonly backward?: ast.BackwardClause | undefined;
}
