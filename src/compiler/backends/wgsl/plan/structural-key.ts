/**
 * Plain data as text: equal for equal data, and unequal for unequal. It knows nothing of what the data means, so whatever is
 * added to it is in the key. What is shared is named by a number, so only keys with the same `names` are comparable.
 */
export class StructuralKeys {
  /** of objects that many data have in them: their names, once they are known */
  private readonly shared = new Map<object, string | undefined>();
  /** names of shared objects by their texts */
  private readonly names: Map<string, string>;

  constructor(names = new Map<string, string>()) {
    this.names = names;
  }

  /** Says which objects are worth remembering: they must not change. */
  share(objects: Iterable<object>): void {
    for (const object of objects) if (!this.shared.has(object)) this.shared.set(object, undefined);
  }

  /** @throws Error for what is not numbers, texts, truth values, lists and plain objects */
  keyOf(data: unknown): string {
    switch (typeof data) {
      case 'number':
        return Object.is(data, -0) ? '-0' : String(data);
      case 'string':
        return `${data.length}'${data}`; // its length says where it ends
      case 'boolean':
      case 'undefined':
        return String(data);
      case 'object':
        return data === null ? 'null' : Array.isArray(data) ? this.listKey(data) : this.objectKey(data);
      default:
        throw new Error(`a ${typeof data} has no structural key`);
    }
  }

  private listKey(data: readonly unknown[]): string {
    let text = '[';
    for (const item of data) text += `${this.keyOf(item)},`;
    return `${text}]`;
  }

  private objectKey(data: object): string {
    const before = this.shared.get(data);
    if (before !== undefined) return before;
    if (Object.getPrototypeOf(data) !== Object.prototype) throw new Error(`${data.constructor.name} is no plain data`);
    let text = '{';
    for (const name in data) text += `${name.length}'${name}${this.keyOf((data as Record<string, unknown>)[name])},`;
    text += '}';
    if (!this.shared.has(data)) return text;
    const name = this.names.get(text) ?? `#${this.names.size}`;
    this.names.set(text, name);
    this.shared.set(data, name);
    return name;
  }
}
