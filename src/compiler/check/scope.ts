/** Names in sight of a place in a file, known without running anything. */
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';
import type { Binding, Definition } from './binding.ts';
import type { ConfigShape } from './config-shape.ts';

/** Counts the slots of one frame. */
interface Slots {
  next: number;
}

interface ScopeOptions {
  readonly config?: readonly ConfigShape[];
  readonly pending?: ReadonlyMap<string, Span>;
}

export class Scope {
  private readonly names = new Map<string, Binding>();
  private readonly parent: Scope | undefined;
  private readonly slots: Slots;
  /** config records in sight, innermost first */
  readonly config: readonly ConfigShape[];
  /** members that come later: not in sight yet */
  readonly pending: ReadonlyMap<string, Span>;

  constructor(parent?: Scope, options: ScopeOptions = {}, slots: Slots = { next: 0 }) {
    this.parent = parent;
    this.slots = slots;
    this.config = options.config ?? parent?.config ?? [];
    this.pending = options.pending ?? parent?.pending ?? new Map();
  }

  /** A scope inside this one, in the same frame. */
  child(): Scope {
    return new Scope(this, {}, this.slots);
  }

  /** The scope of a body that is called: a frame of its own. */
  body(): Scope {
    return new Scope(this);
  }

  /** What is in sight here, in the frame of a body: its types and the defaults of its parameters. */
  inFrameOf(body: Scope): Scope {
    return new Scope(this, {}, body.slots);
  }

  /** A name with a slot of the frame. */
  local(definition: Definition, before?: Binding): Binding {
    const slot = this.slots.next++;
    const binding: Binding = { kind: 'local', slot, definition, ...(before ? { before } : {}) };
    this.names.set(definition.name, binding);
    return binding;
  }

  set(name: string, binding: Binding): void {
    this.names.set(name, binding);
  }

  get(name: string): Binding | undefined {
    return this.names.get(name) ?? this.parent?.get(name);
  }

  /** Every name in sight but the file's own, for suggestions. */
  *all(): Iterable<string> {
    yield* this.names.keys();
    if (this.parent) yield* this.parent.all();
    else for (const record of this.config) yield* record.fields.keys();
  }
}

/** The names of an expression that a signature may use as dimension variables: those that start with a capital. */
export function capitalNames(expression: ast.Expression): ast.NameExpression[] {
  switch (expression.kind) {
    case 'name':
      return /^[A-Z]/.test(expression.text) ? [expression] : [];
    case 'binary':
      return [...capitalNames(expression.left), ...capitalNames(expression.right)];
    case 'unary':
      return capitalNames(expression.operand);
    default:
      return [];
  }
}
