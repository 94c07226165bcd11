/** One name in a file: whether something in sight has it, and what was probably meant where nothing has. */
import { diagnose } from '../diagnostics/catalogue.ts';
import { type DiagnosticBag, type Label, MAX_DIAGNOSTICS, type Suggestion } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { STD_FILES } from '../std/std.generated.ts';
import type * as ast from '../syntax/ast.ts';
import { habitOf } from './habits.ts';
import type { FileScope, Program } from './program.ts';
import type { StaticScope } from './static-scope.ts';

export const STD_PATH = 'std.mdl';

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

  constructor(program: Program, file: FileScope, builtins: ReadonlySet<string>, bag: DiagnosticBag) {
    this.program = program;
    this.file = file;
    this.builtins = builtins;
    this.bag = bag;
  }

  knows(name: string, scope: StaticScope): boolean {
    if (scope.has(name)) return true;
    if (this.file.names.has(name)) {
      this.used.add(name);
      return true;
    }
    return scope.config.some((record) => record.fields.has(name)) || this.builtins.has(name);
  }

  use({ text, span }: ast.Name, scope: StaticScope): void {
    const flag = scope.has(text) ? undefined : this.file.names.get(text);
    const record = scope.config[0];
    if (flag?.kind === 'flag' && record && record.path !== '' && record.fields.has(text)) {
      const secondary = [{ span: flag.declaration.name.span, message: 'the flag is declared here' }];
      const notes = [`the field is \`${record.path}.${text}\`; for the flag, give one of the two another name`];
      this.used.add(text);
      this.bag.add(diagnose('flag_or_field', { name: text, record: record.path }, span, { secondary, notes }));
      return;
    }
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

/** Names that std declares, read from its text: a program that imports nothing of it has not parsed it. */
const STD_NAMES: ReadonlySet<string> = new Set(
  [...(STD_FILES[STD_PATH] ?? '').matchAll(/^(?:module|adapter|fn) (\w+)/gm)].map((match) => match[1]!),
);
