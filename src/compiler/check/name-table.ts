/**
 * Every name of a program's files, resolved: what elaboration reads values by, and where an editor finds definitions
 * and references. `checkNames` fills it.
 */
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Binding, Definition, DefinitionKind, Use } from './binding.ts';

/** A name of the syntax tree. */
export type NameNode = ast.Name | ast.NameExpression;

export class NameTable {
  /** by the node that is the name */
  private readonly bindings = new Map<NameNode, Binding>();
  /** by the node that declares */
  private readonly definitions = new Map<object, Definition>();
  private readonly usesOf = new Map<Definition, Span[]>();
  /** by file and offset */
  private readonly uses = new Map<string, Map<number, Use>>();
  private readonly sorted = new Map<string, readonly Use[]>();
  /** members of objects that are not known before elaboration: `x.fc`, where any module may be passed for x */
  readonly open: ast.Name[] = [];
  /** what can stand after the dot of an object: fields of a record, members of a module */
  membersOf: (object: ast.Expression) => readonly Definition[] = () => [];
  /** the parameters of what is called, as far as it is known */
  parametersOf: (callee: ast.Expression) => readonly ast.Parameter[] | undefined = () => undefined;
  /** built-in functions, which every file knows */
  readonly builtins: ReadonlySet<string>;

  constructor(builtins: ReadonlySet<string>) {
    this.builtins = builtins;
  }

  /** What a name stands for; undefined for one that was reported. */
  bindingOf(node: NameNode): Binding | undefined {
    return this.bindings.get(node);
  }

  /** The slot of a name that is declared in a body. */
  slotOf(node: NameNode): number {
    const binding = this.bindings.get(node);
    if (binding?.kind !== 'local') throw new Error(`${node.text} has no slot`);
    return binding.slot;
  }

  /** The definition that a node of the tree declares, made once. */
  define(
    node: object,
    kind: DefinitionKind,
    name: ast.Name,
    doc = '',
    target: Definition | undefined = undefined,
  ): Definition {
    const known = this.definitions.get(node);
    if (known) return known;
    const definition: Definition = { kind, name: name.text, span: name.span, doc, target };
    this.definitions.set(node, definition);
    this.use(name.span, definition);
    return definition;
  }

  definitionOf(node: object): Definition | undefined {
    return this.definitions.get(node);
  }

  bind(node: NameNode, binding: Binding): void {
    this.bindings.set(node, binding);
    if (binding.definition) this.use(node.span, binding.definition);
  }

  use(span: Span, definition: Definition): void {
    const { path } = span.source;
    const uses = this.uses.get(path) ?? new Map<number, Use>();
    if (uses.has(span.start)) return;
    this.uses.set(path, uses.set(span.start, { span, definition }));
    const spans = this.usesOf.get(definition);
    if (spans) spans.push(span);
    else this.usesOf.set(definition, [span]);
    this.sorted.delete(path);
  }

  // ── for editors ─────────────────────────────────────────────────────────────────────────────
  /** Every resolved name of a file, by position. */
  namesIn(path: string): readonly Use[] {
    const known = this.sorted.get(path);
    if (known) return known;
    const uses = [...(this.uses.get(path)?.values() ?? [])].sort((a, b) => a.span.start - b.span.start);
    this.sorted.set(path, uses);
    return uses;
  }

  /** The name at an offset of a file, the place right behind it included, and what it stands for. */
  at(path: string, offset: number): Use | undefined {
    const uses = this.namesIn(path);
    let [low, high] = [0, uses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (uses[middle]!.span.start <= offset) low = middle + 1;
      else high = middle;
    }
    const use = uses[low - 1];
    return use && offset <= use.span.end ? use : undefined;
  }

  /** Every place of a definition's name in every file, its declaration first. */
  references(definition: Definition): readonly Span[] {
    return this.usesOf.get(definition) ?? [];
  }

  definitionsIn(path: string): readonly Definition[] {
    return [...new Set(this.namesIn(path).map(({ definition }) => definition))].filter(
      ({ span }) => span.source.path === path,
    );
  }
}
