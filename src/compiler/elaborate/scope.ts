/** Names in sight of an expression: a chain of maps that ends at the file's declarations and the builtins. */
import type { FileScope } from '../check/program.ts';
import type { ModuleInstance } from './instance.ts';
import type { ConfigRecord } from './settings.ts';
import type { Value } from './values.ts';

export class Scope {
  readonly names = new Map<string, Value>();
  readonly parent: Scope | undefined;
  readonly file: FileScope;
  /** the module whose members are in sight */
  readonly self: ModuleInstance | undefined;
  /** config records in sight, innermost first: the whole config in a model, a record's own fields inside it */
  readonly config: readonly ConfigRecord[];

  constructor(
    file: FileScope,
    options: { parent?: Scope; self?: ModuleInstance | undefined; config?: readonly ConfigRecord[] } = {},
  ) {
    this.file = file;
    this.parent = options.parent;
    this.self = options.self ?? options.parent?.self;
    this.config = options.config ?? options.parent?.config ?? [];
  }

  child(): Scope {
    return new Scope(this.file, { parent: this });
  }

  get(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const value = scope.names.get(name);
      if (value) return value;
    }
    const { self } = this;
    return self?.members.get(name) ?? self?.values.get(name);
  }

  set(name: string, value: Value): void {
    this.names.set(name, value);
  }

  /** Rebinds a name where it was bound; false if it was not. */
  assign(name: string, value: Value): boolean {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      if (scope.names.has(name)) {
        scope.names.set(name, value);
        return true;
      }
    }
    return false;
  }

  /** Every name in sight, for suggestions. */
  *all(): Iterable<string> {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) yield* scope.names.keys();
    if (this.self) {
      yield* this.self.members.keys();
      yield* this.self.values.keys();
    }
    for (const record of this.config) yield* record.fields.keys();
    for (const name of this.file.names.keys()) if (!name.includes(' ')) yield name;
  }
}
