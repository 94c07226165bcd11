/**
 * Names, in every file but std, before anything runs: a name nobody declares is an error even in a module that nobody
 * instantiates and in a branch that is not taken. Also duplicate and misplaced members and unused imports.
 *
 * The scoping rules are those of elaborate/scope.ts and elaborate/evaluator.ts: locals, then members, arguments and
 * lets of the module, its functions, config values (in a model, an adapt and a stage), the file's names, builtins.
 * Members are made in order, so a member's expression sees the ones before it; bodies see all.
 */
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, fix } from '../diagnostics/suggest.ts';
import type * as ast from '../syntax/ast.ts';
import { Bodies } from './bodies.ts';
import { checkModuleCycles } from './cycles.ts';
import { ELEMENT_TYPES } from './element-types.ts';
import type { FileScope, Program } from './program.ts';
import { type Places, References, STD_PATH } from './references.ts';
import { type ConfigShape, capitalNames, configShape, StaticScope } from './static-scope.ts';

/**
 * Reports what is wrong with the names of a program's files.
 *
 * @param program of `loadProgram`, without errors
 * @param builtins names that every file knows
 */
export function checkNames(program: Program, builtins: ReadonlySet<string>, bag: DiagnosticBag): void {
  for (const file of program.files.values()) {
    if (file.source.path !== STD_PATH) new FileNames(program, file, builtins, bag).check();
  }
  checkModuleCycles(program, bag);
}

class FileNames {
  private readonly program: Program;
  private readonly file: FileScope;
  private readonly bag: DiagnosticBag;
  private readonly references: References;
  private readonly bodies: Bodies;
  private readonly config: ConfigShape;
  /** of the first config of each chain */
  private readonly schemas = new Map<ast.ConfigDeclaration, ConfigShape>();
  private readonly configs: ReadonlyMap<string, ast.ConfigDeclaration>;

  constructor(program: Program, file: FileScope, builtins: ReadonlySet<string>, bag: DiagnosticBag) {
    this.program = program;
    this.file = file;
    this.bag = bag;
    this.references = new References(program, file, builtins, bag);
    this.bodies = new Bodies(this.references);
    const configs = file.syntax.declarations.filter((declaration) => declaration.kind === 'config');
    this.configs = new Map(configs.map((config) => [config.name.text, config]));
    this.config = configShape(configs);
  }

  check(): void {
    for (const declaration of this.file.syntax.declarations) this.declaration(declaration);
    for (const [name, span] of this.file.imports) {
      if (!this.references.used.has(name)) this.bag.add(diagnose('unused_import', { name }, span));
    }
  }

  private declaration(declaration: ast.Declaration): void {
    switch (declaration.kind) {
      case 'import':
      case 'flag':
        return;
      case 'function':
        this.callable(declaration, new StaticScope(undefined));
        return;
      case 'module':
      case 'model':
      case 'adapter':
        this.module(declaration);
        return;
      case 'config': {
        const base = declaration.extends;
        if (base && !this.configs.has(base.text)) {
          this.bag.add(
            diagnose('unknown_config', { name: base.text }, base.span, {
              suggestions: fix(didYouMean(base.text, this.configs.keys(), base.span)),
            }),
          );
        }
        const schema = this.schemaOf(declaration);
        if (schema) this.checkOverrides(declaration.fields, schema);
        this.configFields(declaration.fields, [this.config]);
        return;
      }
      case 'adapt': {
        const scope = new StaticScope(undefined, { config: [this.config] });
        this.references.use(declaration.adapter, scope);
        for (const argument of declaration.arguments) this.bodies.expression(argument.value, scope);
        if (declaration.when) this.bodies.expression(declaration.when, scope);
        return;
      }
      case 'recipe': {
        const places: Places = new Map();
        const scope = new StaticScope(undefined, { config: [this.config] });
        for (const { name, value } of declaration.settings) {
          this.references.once(name, places);
          this.bodies.expression(value, scope);
        }
        return;
      }
      case 'stage':
        this.stage(declaration);
        return;
    }
  }

  /** What the first config of a chain of `extends` declares; undefined for that one, or where a chain is broken. */
  private schemaOf(declaration: ast.ConfigDeclaration): ConfigShape | undefined {
    const chain = new Set([declaration]);
    let first = declaration;
    while (first.extends) {
      const base = this.configs.get(first.extends.text);
      if (!base || chain.has(base)) return undefined;
      chain.add(base);
      first = base;
    }
    if (first === declaration) return undefined;
    const schema = this.schemas.get(first) ?? configShape([first]);
    this.schemas.set(first, schema);
    return schema;
  }

  /** A config that extends another only overrides: a name that the other does not have is a slip. */
  private checkOverrides(fields: readonly ast.ConfigField[], schema: ConfigShape): void {
    for (const { name, value } of fields) {
      const field = schema.fields.get(name.text);
      if (field) {
        if (value.kind === 'fields' && field.record) this.checkOverrides(value.fields, field);
        continue;
      }
      const top = schema.path === '';
      if (top && value.kind === 'bool' && this.program.flags.has(name.text)) continue;
      const candidates = [...schema.fields.keys(), ...(top ? this.program.flags.keys() : [])];
      const full = top ? name.text : `${schema.path}.${name.text}`;
      this.bag.add(
        diagnose('unknown_setting', { name: full }, name.span, {
          suggestions: fix(didYouMean(name.text, candidates, name.span)),
        }),
      );
    }
  }

  private configFields(fields: readonly ast.ConfigField[], within: readonly ConfigShape[]): void {
    const places: Places = new Map();
    for (const { name, value } of fields) {
      // a flag and a record may share a name
      this.references.once(name, places, value.kind === 'fields' ? `record ${name.text}` : name.text);
      if (value.kind === 'fields') {
        const inner = within[0]?.fields.get(name.text);
        this.configFields(value.fields, inner ? [inner, ...within] : within);
        continue;
      }
      if (this.file.names.get(name.text)?.kind === 'flag') this.references.used.add(name.text);
      this.bodies.expression(value, new StaticScope(undefined, { config: within }));
    }
  }

  private stage(declaration: ast.StageDeclaration): void {
    const scope = new StaticScope(undefined, { config: [this.config] });
    for (const { name, value } of declaration.set) {
      this.references.used.add(name.text);
      this.bodies.expression(value, scope);
    }
    for (const { value } of declaration.clauses) {
      // `adamw(lr = …)`: optimisers and schedules have their own names, which stages.ts knows
      if (value.kind === 'call') for (const argument of value.arguments) this.bodies.expression(argument.value, scope);
      else this.bodies.expression(value, scope);
    }
  }

  // ── modules ─────────────────────────────────────────────────────────────────────────────────
  private module(declaration: ast.ModuleDeclaration): void {
    const config = declaration.kind === 'model' ? [this.config] : [];
    const adapted = declaration.on ? this.adaptedScope(declaration.on) : undefined;
    const pending: Places = new Map();
    const scope = new StaticScope(adapted, { config, assignable: declaration.kind === 'adapter', pending });
    const places: Places = new Map();
    for (const member of declaration.members) {
      if (member.kind === 'function') scope.declare(member.name);
      else if (isValueMember(member) && !pending.has(member.name.text)) pending.set(member.name.text, member.name.span);
    }
    for (const parameter of declaration.parameters) {
      this.references.once(parameter.name, places);
      if (parameter.type) this.bodies.type(parameter.type, scope);
      if (parameter.fallback) this.bodies.expression(parameter.fallback, scope);
      scope.declare(parameter.name);
    }
    for (const member of declaration.members) {
      if (member.kind === 'function') this.references.once(member.name, places);
      if (!isValueMember(member)) continue;
      this.references.once(member.name, places);
      if (member.kind === 'param') this.param(member, scope);
      else this.bodies.expression(member.value, scope);
      scope.declare(member.name);
      pending.delete(member.name.text);
    }
    this.moduleBodies(declaration, scope);
  }

  private param(member: ast.ParamMember, scope: StaticScope): void {
    this.bodies.element(member.type, ELEMENT_TYPES);
    for (const dim of member.type.dims ?? []) if (dim.kind !== 'ellipsis') this.bodies.expression(dim, scope);
    this.bodies.expression(member.init, scope);
    if (member.resample) this.bodies.expression(member.resample, scope);
  }

  private moduleBodies(declaration: ast.ModuleDeclaration, scope: StaticScope): void {
    const where = { module: 'a module', model: 'a model', adapter: 'an adapter' }[declaration.kind];
    const misplaced = (member: string, at: Span, note: string): void =>
      this.bag.add(diagnose('misplaced_member', { member, where }, at, { notes: [note] }));
    const entries: Places = new Map();
    const merges: Places = new Map();
    const forwards: Places = new Map();
    for (const member of declaration.members) {
      if (member.kind === 'forward') {
        this.references.once(
          { text: 'forward', span: { ...member.span, end: member.span.start + 'forward'.length } },
          forwards,
        );
        this.callable(member, scope);
      } else if (member.kind === 'function') this.callable(member, scope);
      else if (member.kind === 'entry') {
        if (declaration.kind !== 'model')
          misplaced(
            `the entry ${member.name.text}`,
            member.name.span,
            'entries are the graphs of a model; a module has a `forward`',
          );
        this.references.once(member.name, entries);
        this.callable(member, scope);
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
  private adaptedScope(on: ast.Name): StaticScope {
    const scope = new StaticScope(undefined, { config: [] });
    scope.declare({ text: 'base', span: on.span });
    this.references.use(on, scope);
    const target = this.adaptedModule(on);
    for (const parameter of target?.parameters ?? []) scope.declare(parameter.name);
    for (const member of target?.members ?? []) if (isValueMember(member)) scope.declare(member.name);
    return scope;
  }

  private adaptedModule(on: ast.Name): ast.ModuleDeclaration | undefined {
    const symbol = this.file.names.get(on.text);
    return symbol?.kind === 'module' ? symbol.declaration : undefined;
  }

  private mergeTarget(declaration: ast.ModuleDeclaration, name: ast.Name): void {
    const target = declaration.on && this.adaptedModule(declaration.on);
    if (!target) return;
    const params = target.members.flatMap((member) => (member.kind === 'param' ? [member.name.text] : []));
    if (params.includes(name.text)) return;
    this.bag.add(
      diagnose('unknown_member', { object: target.name.text, name: name.text }, name.span, {
        suggestions: fix(didYouMean(name.text, params, name.span)),
      }),
    );
  }

  // ── signatures and bodies ───────────────────────────────────────────────────────────────────
  private callable(
    { signature, body }: { readonly signature: ast.Signature; readonly body: ast.Block },
    outer: StaticScope,
  ): void {
    const scope = outer.child();
    const parameters: Places = new Map();
    for (const { name, type, fallback } of signature.parameters) {
      this.references.once(name, parameters);
      if (fallback) this.bodies.expression(fallback, outer);
      scope.declare(name);
      if (!type) continue;
      this.bodies.type(type, outer, signature.parameters);
      for (const dim of type.dims ?? []) {
        if (dim.kind === 'ellipsis') continue;
        for (const { text, span } of capitalNames(dim))
          if (!this.references.knows(text, outer)) scope.declare({ text, span });
      }
    }
    const results: Places = new Map();
    for (const { name, type } of signature.result ?? []) {
      if (name) this.references.once(name, results);
      this.bodies.type(type, outer, signature.parameters);
    }
    this.bodies.block(body, scope);
  }
}

/** What a member expression may refer to by name, in order. */
function isValueMember(member: ast.Member): member is ast.LetMember | ast.ParamMember | ast.SubmoduleMember {
  return member.kind === 'let-member' || member.kind === 'param' || member.kind === 'submodule';
}
