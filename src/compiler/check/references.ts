/** One name in a file: what it stands for, and what was probably meant where nothing in sight has it. */
import { diagnose } from '../diagnostics/catalogue.ts';
import { type DiagnosticBag, type Label, MAX_DIAGNOSTICS, type Suggestion } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { STD_FILES } from '../std/std.generated.ts';
import type * as ast from '../syntax/ast.ts';
import type { Binding, Definition } from './binding.ts';
import { habitOf } from './habits.ts';
import type { NameNode, NameTable } from './name-table.ts';
import type { FileScope, FileSymbol, Program } from './program.ts';
import type { Scope } from './scope.ts';

export const STD_PATH = 'std.mdl';

/** Whether a file is of the standard library: std.mdl, or a part that is imported by its name (`std/int4`). */
export const isStd = (path: string): boolean => Object.hasOwn(STD_FILES, path);

/** Where names were first given, to find the second. */
export type Places = Map<string, Span>;

export class References {
  /** imported and declared names that something refers to */
  readonly used = new Set<string>();
  readonly bag: DiagnosticBag;
  /** while a declared type is read: the parameters of its signature */
  signature: ReadonlySet<string> | undefined;
  private readonly program: Program;
  private readonly file: FileScope;
  private readonly builtins: ReadonlySet<string>;
  readonly table: NameTable;
  /** `L` of `import { Linear as L }` */
  private readonly aliases = new Map<string, Definition>();

  constructor(program: Program, file: FileScope, builtins: ReadonlySet<string>, bag: DiagnosticBag, table: NameTable) {
    this.table = table;
    this.program = program;
    this.file = file;
    this.builtins = builtins;
    this.bag = bag;
  }

  /** An import's names: each is a use of what it imports, or another name for it. */
  imported({ names }: ast.ImportDeclaration): void {
    for (const { name, as } of names) {
      const symbol = this.file.names.get(as.text);
      if (!symbol || this.file.imports.get(as.text) !== as.span) continue;
      const target = symbolDefinition(this.table, symbol);
      this.table.use(name.span, target);
      if (name.text !== as.text) this.aliases.set(as.text, this.table.define(as, 'import', as, '', target));
    }
  }

  /** What a name stands for: locals and members, then config fields (unless it is a flag), the file's names, builtins. */
  resolve(name: string, scope: Scope): Binding | undefined {
    const local = scope.get(name);
    if (local) return local;
    const symbol = this.file.names.get(name);
    const declared: Binding | undefined = symbol
      ? { kind: 'symbol', symbol, definition: this.aliases.get(name) ?? symbolDefinition(this.table, symbol) }
      : this.builtins.has(name)
        ? { kind: 'builtin', name, definition: undefined }
        : undefined;
    if (symbol?.kind === 'flag') return declared;
    const field = scope.config.map((record) => record.fields.get(name)).find((found) => found !== undefined);
    if (!field?.definition) return declared;
    return { kind: 'config', name, record: false, definition: field.definition, otherwise: declared };
  }

  /** Resolves a name and keeps what it stands for; reports one that stands for nothing. */
  use(node: NameNode, scope: Scope): void {
    const { text, span } = node;
    const binding = this.resolve(text, scope);
    if (this.file.names.has(text) && !scope.get(text)) this.used.add(text);
    const record = scope.config[0];
    const ambiguous = record && record.path !== '' && record.fields.has(text);
    if (ambiguous && binding?.kind === 'symbol' && binding.symbol.kind === 'flag') {
      const secondary = [{ span: binding.symbol.declaration.name.span, message: 'the flag is declared here' }];
      const notes = [`the field is \`${record.path}.${text}\`; for the flag, give one of the two another name`];
      this.bag.add(diagnose('flag_or_field', { name: text, record: record.path }, span, { secondary, notes }));
    } else if (binding) this.table.bind(node, binding);
    else this.unknown(node, scope);
  }

  private unknown({ text, span }: NameNode, scope: Scope): void {
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
    const known = this.misplaced(text, span);
    if (known) {
      this.bag.add(diagnose('unknown_name', { name: text }, span, known));
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

  /** What people bring from elsewhere, an argument in a type, or a config as a value. */
  private misplaced(name: string, span: Span): { notes: string[]; suggestions: Suggestion[] } | undefined {
    if (this.signature?.has(name)) {
      const note = `${name} is an argument, and a type knows sizes of the module and dimensions that arguments come with: leave this type out`;
      return { notes: [note], suggestions: [] };
    }
    if (this.file.names.has(`config ${name}`)) {
      const note = `${name} is a config: its fields are names of their own in the model, so hand on those that are needed, or a record of it`;
      return { notes: [note], suggestions: [] };
    }
    const habit = habitOf(name, span, this.signature !== undefined);
    if (!habit) return undefined;
    const { note, instead } = habit;
    const suggestions = instead ? [{ message: `write \`${instead}\``, span, replacement: instead }] : [];
    return { notes: [note], suggestions };
  }

  /** The name in sight or of std that was probably meant, with its import if it needs one. */
  private meant(text: string, span: Span, scope: Scope): Suggestion[] {
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
          declaration.kind !== 'layout' &&
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
  once(name: ast.Name, places: Places, key = name.text): void {
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

/** The definition of a file's declaration. */
export function symbolDefinition(table: NameTable, { kind, declaration }: FileSymbol): Definition {
  const is = kind === 'module' ? declaration.kind : kind;
  return table.define(declaration, is, declaration.name, declaration.doc);
}

/** Names that std declares, read from its text: a program that imports nothing of it has not parsed it. */
const STD_NAMES: ReadonlySet<string> = new Set(
  [...(STD_FILES[STD_PATH] ?? '').matchAll(/^(?:module|adapter|fn) (\w+)/gm)].map((match) => match[1]!),
);
