/** Variables of a function: which value each holds, and when its name is free again. */
import type { ValueId } from '../../ir/graph.ts';
import { Names } from './python.ts';

export class Variables {
  private readonly names: Names;
  /** value → text that reads it */
  private readonly texts: Map<ValueId, string>;
  private readonly holds: Map<string, ValueId>;
  /** the source's name → the variable that it has now */
  private readonly current: Map<string, string>;
  /** reads that are still to come */
  private readonly left: Map<ValueId, number>;
  /** read by the statement that is being written, and not yet by its line */
  private readonly reading: Set<string>;

  constructor(names: Names, reads: ReadonlyMap<ValueId, number>, from?: Variables) {
    this.names = names;
    this.texts = new Map(from?.texts);
    this.holds = new Map(from?.holds);
    this.current = new Map(from?.current);
    this.left = new Map(from?.left ?? reads);
    this.reading = new Set(from?.reading);
  }

  copy(): Variables {
    return new Variables(new Names(this.names.all), this.left, this);
  }

  /** A name that stays what it is. */
  take(name: string): string {
    return this.names.take(name);
  }

  has(id: ValueId): boolean {
    return this.texts.has(id);
  }

  /** A value has this text from here on; it is no variable. */
  set(id: ValueId, text: string): void {
    this.texts.set(id, text);
  }

  textOf(id: ValueId): string | undefined {
    return this.texts.get(id);
  }

  /** One read less to come. */
  read(id: ValueId): string | undefined {
    this.left.set(id, (this.left.get(id) ?? 0) - 1);
    const text = this.texts.get(id);
    if (text !== undefined) this.reading.add(text);
    return text;
  }

  /** The variable that a value gets: the one that the source's name has, if nothing needs what it holds. */
  assign(name: string, id: ValueId): string {
    const before = this.current.get(name);
    const variable = before !== undefined && this.isFree(before) ? before : this.names.take(name);
    const held = this.holds.get(variable);
    if (held !== undefined && this.texts.get(held) === variable) this.texts.delete(held);
    this.current.set(name, variable);
    this.holds.set(variable, id);
    this.texts.set(id, variable);
    return variable;
  }

  /** A part of a statement gets a variable, which the statement's line is to read. */
  part(name: string, id: ValueId): string {
    const variable = this.assign(name, id);
    this.reading.add(variable);
    return variable;
  }

  /** The line of a statement is written: what it read may be overwritten. */
  done(): void {
    this.reading.clear();
  }

  private isFree(variable: string): boolean {
    if (this.reading.has(variable)) return false;
    const held = this.holds.get(variable);
    return held === undefined || this.texts.get(held) !== variable || (this.left.get(held) ?? 0) <= 0;
  }
}
