/**
 * Names, in every file but std, before anything runs: a name nobody declares is an error even in a module that nobody
 * instantiates and in a branch that is not taken. Also duplicate and misplaced members and unused imports.
 *
 * The scoping rules are those of elaborate/scope.ts and elaborate/evaluator.ts: locals, then members, arguments and
 * lets of the module, its functions, config values (in a model, an adapt and a stage), the file's names, builtins.
 * Members are made in order, so a member's expression sees the ones before it; bodies see all.
 */
import { diagnose } from '../diagnostics/catalogue.ts';
import { type DiagnosticBag, type Label, MAX_DIAGNOSTICS, type Suggestion } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean, suggest } from '../diagnostics/suggest.ts';
import { STD_FILES } from '../std/std.generated.ts';
import type * as ast from '../syntax/ast.ts';
import { checkModuleCycles } from './cycles.ts';
import { ELEMENT_TYPES, elementMeant } from './element-types.ts';
import type { FileScope, Program } from './program.ts';
import { type ConfigShape, capitalNames, configShape, StaticScope } from './static-scope.ts';

const STD_PATH = 'std.mdl';
/** Element types of tensors, and what else a parameter that is no tensor may be declared as. */
const VALUE_TYPES: readonly string[] = [
  ...ELEMENT_TYPES,
  'string',
  'list',
  'record',
  'module',
  'function',
  'builtin',
  'initializer',
  'instance',
];

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

/** Where names were first given, to find the second. */
type Places = Map<string, Span>;

class FileNames {
  private readonly program: Program;
  private readonly file: FileScope;
  private readonly builtins: ReadonlySet<string>;
  private readonly bag: DiagnosticBag;
  /** imported and declared names that something refers to */
  private readonly used = new Set<string>();
  private readonly config: ConfigShape;
  /** of the first config of each chain */
  private readonly schemas = new Map<ast.ConfigDeclaration, ConfigShape>();
  private readonly configs: ReadonlyMap<string, ast.ConfigDeclaration>;

  constructor(program: Program, file: FileScope, builtins: ReadonlySet<string>, bag: DiagnosticBag) {
    this.program = program;
    this.file = file;
    this.builtins = builtins;
    this.bag = bag;
    const configs = file.syntax.declarations.filter((declaration) => declaration.kind === 'config');
    this.configs = new Map(configs.map((config) => [config.name.text, config]));
    this.config = configShape(configs);
  }

  check(): void {
    for (const declaration of this.file.syntax.declarations) this.declaration(declaration);
    for (const [name, span] of this.file.imports) {
      if (!this.used.has(name)) this.bag.add(diagnose('unused_import', { name }, span));
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
        this.use(declaration.adapter, scope);
        for (const argument of declaration.arguments) this.expression(argument.value, scope);
        if (declaration.when) this.expression(declaration.when, scope);
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
      this.once(name, places, value.kind === 'fields' ? `record ${name.text}` : name.text);
      if (value.kind === 'fields') {
        const inner = within[0]?.fields.get(name.text);
        this.configFields(value.fields, inner ? [inner, ...within] : within);
        continue;
      }
      if (this.file.names.get(name.text)?.kind === 'flag') this.used.add(name.text);
      this.expression(value, new StaticScope(undefined, { config: within }));
    }
  }

  private stage(declaration: ast.StageDeclaration): void {
    const scope = new StaticScope(undefined, { config: [this.config] });
    for (const { name, value } of declaration.set) {
      this.used.add(name.text);
      this.expression(value, scope);
    }
    for (const { value } of declaration.clauses) {
      // `adamw(lr = …)`: optimisers and schedules have their own names, which stages.ts knows
      if (value.kind === 'call') for (const argument of value.arguments) this.expression(argument.value, scope);
      else this.expression(value, scope);
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
      this.once(parameter.name, places);
      if (parameter.type) this.type(parameter.type, scope);
      if (parameter.fallback) this.expression(parameter.fallback, scope);
      scope.declare(parameter.name);
    }
    for (const member of declaration.members) {
      if (member.kind === 'function') this.once(member.name, places);
      if (!isValueMember(member)) continue;
      this.once(member.name, places);
      if (member.kind === 'param') this.param(member, scope);
      else this.expression(member.value, scope);
      scope.declare(member.name);
      pending.delete(member.name.text);
    }
    this.bodies(declaration, scope);
  }

  private param(member: ast.ParamMember, scope: StaticScope): void {
    this.element(member.type, ELEMENT_TYPES);
    for (const dim of member.type.dims ?? []) if (dim.kind !== 'ellipsis') this.expression(dim, scope);
    this.expression(member.init, scope);
    if (member.resample) this.expression(member.resample, scope);
  }

  private bodies(declaration: ast.ModuleDeclaration, scope: StaticScope): void {
    const where = { module: 'a module', model: 'a model', adapter: 'an adapter' }[declaration.kind];
    const misplaced = (member: string, at: Span, note: string): void =>
      this.bag.add(diagnose('misplaced_member', { member, where }, at, { notes: [note] }));
    const entries: Places = new Map();
    const merges: Places = new Map();
    const forwards: Places = new Map();
    for (const member of declaration.members) {
      if (member.kind === 'forward') {
        this.once({ text: 'forward', span: { ...member.span, end: member.span.start + 'forward'.length } }, forwards);
        this.callable(member, scope);
      } else if (member.kind === 'function') this.callable(member, scope);
      else if (member.kind === 'entry') {
        if (declaration.kind !== 'model')
          misplaced(
            `the entry ${member.name.text}`,
            member.name.span,
            'entries are the graphs of a model; a module has a `forward`',
          );
        this.once(member.name, entries);
        this.callable(member, scope);
      } else if (member.kind === 'merge') {
        if (declaration.kind !== 'adapter')
          misplaced(
            `merge ${member.name.text}`,
            member.name.span,
            '`merge` says how an adapter folds into what it adapts',
          );
        this.once(member.name, merges);
        this.mergeTarget(declaration, member.name);
        this.expression(member.value, scope);
      }
    }
  }

  /** What an adapter sees of the module it adapts, and `base`; everything, if that module cannot be found. */
  private adaptedScope(on: ast.Name): StaticScope {
    const scope = new StaticScope(undefined, { config: [] });
    scope.declare({ text: 'base', span: on.span });
    this.use(on, scope);
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
      this.once(name, parameters);
      if (fallback) this.expression(fallback, outer);
      scope.declare(name);
      if (!type) continue;
      this.type(type, outer);
      for (const dim of type.dims ?? []) {
        if (dim.kind === 'ellipsis') continue;
        for (const { text, span } of capitalNames(dim)) if (!this.knows(text, outer)) scope.declare({ text, span });
      }
    }
    const results: Places = new Map();
    for (const { name, type } of signature.result ?? []) {
      if (name) this.once(name, results);
      this.type(type, outer);
    }
    this.block(body, scope);
  }

  /** A declared type; names of dimensions that start with a capital are variables. */
  private type(type: ast.TensorTypeSyntax, outer: StaticScope): void {
    this.element(type, type.dims ? ELEMENT_TYPES : VALUE_TYPES);
    for (const dim of type.dims ?? []) {
      if (dim.kind === 'ellipsis' || (dim.kind === 'name' && dim.text === '_')) continue;
      const scope = outer.child();
      for (const { text, span } of capitalNames(dim)) {
        if (!this.knows(text, outer)) scope.declare({ text, span });
      }
      this.expression(dim, scope);
    }
  }

  private element({ element }: ast.TensorTypeSyntax, known: readonly string[]): void {
    if (!element || known.includes(element.text)) return;
    const meant = elementMeant(element.text);
    this.bag.add(
      diagnose('unknown_name', { name: element.text }, element.span, {
        notes: [`a type is ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`],
        suggestions: fix(meant ? suggest(meant, element.span) : didYouMean(element.text, known, element.span)),
      }),
    );
  }

  private block(block: ast.Block, scope: StaticScope): void {
    for (const statement of block.statements) {
      switch (statement.kind) {
        case 'let':
          this.expression(statement.value, scope);
          this.bind(statement.names, scope);
          break;
        case 'assign':
          this.expression(statement.value, scope);
          if (!scope.canAssign(statement.name.text)) {
            const known = scope.has(statement.name.text);
            const { text, span } = statement.name;
            const note = known
              ? `${text} belongs to the module and does not change; take a new name: \`let ${text}_2 = …\``
              : `a new name is declared with \`let ${text} = …\``;
            const suggestions = known
              ? []
              : [{ message: 'declare it', span: { ...span, end: span.start }, replacement: 'let ' }];
            this.bag.add(diagnose('unknown_name', { name: text }, span, { notes: [note], suggestions }));
            scope.declare(statement.name);
          }
          break;
        case 'for': {
          this.expression(statement.over, scope);
          const inner = scope.child();
          this.bind(statement.names, inner);
          this.block(statement.body, inner);
          break;
        }
        case 'if':
          this.expression(statement.condition, scope);
          this.block(statement.consequent, scope.child());
          if (statement.otherwise) this.block(statement.otherwise, scope.child());
          break;
        case 'expression':
          this.expression(statement.value, scope);
      }
    }
  }

  private bind(names: readonly ast.Name[], scope: StaticScope): void {
    const places: Places = new Map();
    for (const name of names) {
      if (name.text !== '_') this.once(name, places);
      scope.declare(name);
    }
  }

  private expression(expression: ast.Expression, scope: StaticScope): void {
    switch (expression.kind) {
      case 'name':
        this.use(expression, scope);
        return;
      case 'list':
      case 'tuple':
        for (const item of expression.items) this.expression(item, scope);
        return;
      case 'comprehension': {
        this.expression(expression.over, scope);
        const inner = scope.child();
        this.bind(expression.names, inner);
        if (expression.filter) this.expression(expression.filter, inner);
        this.expression(expression.item, inner);
        return;
      }
      case 'unary':
        this.expression(expression.operand, scope);
        return;
      case 'binary':
        this.expression(expression.left, scope);
        this.expression(expression.right, scope);
        return;
      case 'call':
        this.expression(expression.callee, scope);
        for (const argument of expression.arguments) this.expression(argument.value, scope);
        return;
      case 'member': {
        const record = this.recordOf(expression.object, scope);
        if (!record) {
          this.expression(expression.object, scope);
          return;
        }
        const { member } = expression;
        if (record.fields.has(member.text)) return;
        const suggestions = fix(didYouMean(member.text, record.fields.keys(), member.span));
        this.bag.add(
          diagnose('unknown_member', { object: `the config record ${record.path}`, name: member.text }, member.span, {
            suggestions,
          }),
        );
        return;
      }
      case 'index':
        this.expression(expression.object, scope);
        for (const item of expression.items) {
          if (item.kind === 'at') this.expression(item.index, scope);
          else if (item.kind === 'range') for (const end of [item.from, item.to]) if (end) this.expression(end, scope);
        }
        return;
      case 'when':
        this.expression(expression.value, scope);
        this.expression(expression.condition, scope);
        if (expression.otherwise) this.expression(expression.otherwise, scope);
        return;
      case 'int':
      case 'float':
      case 'string':
      case 'bool':
      case 'none':
    }
  }

  /** The config record that `phi` or `phi.attention` stands for, if it stands for one. */
  private recordOf(expression: ast.Expression, scope: StaticScope): ConfigShape | undefined {
    let found: ConfigShape | undefined;
    if (expression.kind === 'member')
      found = this.recordOf(expression.object, scope)?.fields.get(expression.member.text);
    else if (expression.kind === 'name' && !scope.has(expression.text)) {
      found = scope.config.map((record) => record.fields.get(expression.text)).find((field) => field !== undefined);
    }
    return found?.record ? found : undefined;
  }

  // ── one name ────────────────────────────────────────────────────────────────────────────────
  private knows(name: string, scope: StaticScope): boolean {
    if (scope.has(name)) return true;
    if (this.file.names.has(name)) {
      this.used.add(name);
      return true;
    }
    return scope.config.some((record) => record.fields.has(name)) || this.builtins.has(name);
  }

  private use({ text, span }: ast.Name, scope: StaticScope): void {
    if (this.knows(text, scope)) return;
    const later = scope.pending.get(text);
    if (later) {
      const secondary: Label[] = [{ span: later, message: 'it is declared here, further down' }];
      const notes = ['members are made in order: move it above the member that needs it'];
      this.bag.add(diagnose('unknown_name', { name: text }, span, { secondary, notes }));
      return;
    }
    // nobody reads that many suggestions, and each takes a look at every name
    if (this.bag.size >= MAX_DIAGNOSTICS) {
      this.bag.add(diagnose('unknown_name', { name: text }, span));
      return;
    }
    const { notes, suggestions } = this.elsewhere(text);
    const found = notes.length > 0 || suggestions.length > 0;
    this.bag.add(
      diagnose('unknown_name', { name: text }, span, {
        notes,
        suggestions: found ? suggestions : this.meant(text, span, scope),
      }),
    );
  }

  /** The name in sight or of std that was probably meant, with its import if it needs one. */
  private meant(text: string, span: Span, scope: StaticScope): Suggestion[] {
    const own = [...this.file.names.keys()].filter((name) => !name.includes(' '));
    const candidates = [...scope.all(), ...own, ...this.builtins];
    const suggestion = didYouMean(text, [...candidates, ...STD_NAMES], span);
    if (!suggestion) return [];
    const { replacement } = suggestion;
    return candidates.includes(replacement) ? [suggestion] : [suggestion, this.importFromStd(replacement)];
  }

  /** An import that would make a name known. */
  private elsewhere(name: string): { notes: string[]; suggestions: Suggestion[] } {
    if (STD_NAMES.has(name)) return { notes: [], suggestions: [this.importFromStd(name)] };
    for (const { source, syntax } of this.program.files.values()) {
      if (source === this.file.source) continue;
      const declares = syntax.declarations.some(
        (declaration) =>
          'name' in declaration &&
          declaration.kind !== 'config' &&
          declaration.kind !== 'stage' &&
          declaration.name.text === name,
      );
      if (declares) return { notes: [`${source.path} declares it; add it to an import`], suggestions: [] };
    }
    return { notes: [], suggestions: [] };
  }

  private importFromStd(name: string): Suggestion {
    const { source, syntax } = this.file;
    const imports = syntax.declarations.find(
      (declaration) => declaration.kind === 'import' && declaration.from.value === 'std',
    );
    const last = imports?.kind === 'import' ? imports.names.at(-1)?.as.span : undefined;
    const at = last?.end ?? 0;
    const replacement = last ? `, ${name}` : `import { ${name} } from "std"\n`;
    return { message: `import ${name} from "std"`, span: { source, start: at, end: at }, replacement };
  }

  /** Reports a name that its list of names already has. */
  private once(name: ast.Name, places: Places, key = name.text): void {
    const before = places.get(key);
    if (!before) {
      places.set(key, name.span);
      return;
    }
    this.bag.add(
      diagnose('duplicate_name', { name: name.text }, name.span, {
        secondary: [{ span: before, message: 'first declared here' }],
      }),
    );
  }
}

/** What a member expression may refer to by name, in order. */
function isValueMember(member: ast.Member): member is ast.LetMember | ast.ParamMember | ast.SubmoduleMember {
  return member.kind === 'let-member' || member.kind === 'param' || member.kind === 'submodule';
}

function fix(suggestion: Suggestion | undefined): Suggestion[] {
  return suggestion ? [suggestion] : [];
}

/** Names that std declares, read from its text: a program that imports nothing of it has not parsed it. */
const STD_NAMES: ReadonlySet<string> = new Set(
  [...(STD_FILES[STD_PATH] ?? '').matchAll(/^(?:module|adapter|fn) (\w+)/gm)].map((match) => match[1]!),
);
