/** Names in sight of a place in a file, known without running anything: the static twin of elaborate/scope.ts. */
import type { Span } from '../diagnostics/span.ts';
import type * as ast from '../syntax/ast.ts';

/** The fields that any config of a file gives a record; a plain value has none. */
export interface ConfigShape {
  /** `phi`; empty for the whole config */
  readonly path: string;
  readonly record: boolean;
  readonly fields: Map<string, ConfigShape>;
}

export class StaticScope {
  private readonly names = new Map<string, Span>();
  private readonly parent: StaticScope | undefined;
  /** config records in sight, innermost first */
  readonly config: readonly ConfigShape[];
  /** whether a statement may rebind the names of this scope: those of a body, not those of a module */
  private readonly assignable: boolean;
  /** members that come later: not in sight yet */
  readonly pending: ReadonlyMap<string, Span>;

  constructor(
    parent: StaticScope | undefined,
    options: { config?: readonly ConfigShape[]; assignable?: boolean; pending?: ReadonlyMap<string, Span> } = {},
  ) {
    this.parent = parent;
    this.config = options.config ?? parent?.config ?? [];
    this.assignable = options.assignable ?? true;
    this.pending = options.pending ?? parent?.pending ?? new Map();
  }

  child(): StaticScope {
    return new StaticScope(this);
  }

  declare(name: ast.Name): void {
    this.names.set(name.text, name.span);
  }

  has(name: string): boolean {
    return this.names.has(name) || (this.parent?.has(name) ?? false);
  }

  canAssign(name: string): boolean {
    if (this.names.has(name)) return this.assignable;
    return this.parent?.canAssign(name) ?? false;
  }

  /** Every name in sight but the file's own, for suggestions. */
  *all(): Iterable<string> {
    yield* this.names.keys();
    if (this.parent) yield* this.parent.all();
    else for (const record of this.config) yield* record.fields.keys();
  }
}

/** Everything that any of the configs declares: which one is chosen is not known here. */
export function configShape(configs: Iterable<ast.ConfigDeclaration>): ConfigShape {
  const whole: ConfigShape = { path: '', record: true, fields: new Map() };
  const add = (into: ConfigShape, fields: readonly ast.ConfigField[]): void => {
    for (const { name, value } of fields) {
      const path = into.path === '' ? name.text : `${into.path}.${name.text}`;
      const known = into.fields.get(name.text);
      const record = value.kind === 'fields';
      const field =
        known && (known.record || !record) ? known : { path, record, fields: new Map<string, ConfigShape>() };
      into.fields.set(name.text, field);
      if (value.kind === 'fields') add(field, value.fields);
    }
  };
  for (const config of configs) add(whole, config.fields);
  return whole;
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
