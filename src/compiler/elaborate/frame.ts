/** What an expression's names are read from: the slots of a body, the module, the config records and the file. */
import type { FileScope } from '../check/program.ts';
import type { ConfigRecord, ModuleInstance, Value } from './values.ts';

export class Frame {
  readonly file: FileScope;
  /** the module whose members are in sight */
  readonly self: ModuleInstance | undefined;
  /** config records in sight, innermost first: the whole config in a model, a record's own fields inside it */
  readonly config: readonly ConfigRecord[];
  private readonly slots: (Value | undefined)[] = [];

  constructor(file: FileScope, self?: ModuleInstance, config: readonly ConfigRecord[] = []) {
    this.file = file;
    this.self = self;
    this.config = config;
  }

  /** Empty slots in the same place: those of a body, or of a signature's dimensions. */
  fresh(): Frame {
    return new Frame(this.file, this.self, this.config);
  }

  /** The value of a slot; undefined for a dimension that no argument has. */
  get(slot: number): Value | undefined {
    return this.slots[slot];
  }

  set(slot: number, value: Value): void {
    this.slots[slot] = value;
  }
}
