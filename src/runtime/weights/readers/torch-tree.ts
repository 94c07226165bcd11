/**
 * The value that `torch.save` wrote as tensors by dotted key: `{"model": {"fc.weight": …}, "epoch": 3}` has the tensor
 * `model.fc.weight` and, as text, `epoch`. Which level is meant is the caller's to say.
 */
import { runtimeError } from '../../errors.ts';
import { type Dictionary, isKind, type Made, type Persistent, type Sequence, type Value } from './pickle.ts';
import { CONTAINERS } from './torch-names.ts';
import { makesTensor, type TorchTensor, tensorOf } from './torch-tensor.ts';

export interface TorchTree {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Values that are looked at: one that is used many times counts each time. */
const MOST_VALUES = 2_000_000;
const DEEPEST = 100;
/** Characters of a dotted key: each tensor has its own. */
const LONGEST_KEY = 4096;
/** Notes that are kept, and characters of one. */
const MOST_NOTES = 1000;
const LONGEST_NOTE = 1000;

/** @throws RuntimeError R0104, R0106, R118x */
export function treeOf(root: Value, file: string): TorchTree {
  const walk = new Walk(file);
  if (isKind(root, 'made') && makesTensor(root.by))
    throw runtimeError('misplaced_tensor', {
      file,
      what: 'a tensor',
      where: 'the whole file',
      expected: 'a dict of tensors by name is',
    });
  walk.visit(root, '', 0);
  return walk;
}

class Walk implements TorchTree {
  readonly tensors = new Map<string, TorchTensor>();
  readonly metadata = new Map<string, string>();
  private readonly file: string;
  private readonly open = new Set<Value>();
  /** values on which no tensor hangs: looked at once, however many hold them */
  private readonly bare = new Set<Value>();
  private left = MOST_VALUES;

  constructor(file: string) {
    this.file = file;
  }

  visit(value: Value, path: string, depth: number): void {
    if (this.left-- <= 0) throw this.damaged(`it has more than ${MOST_VALUES} values`);
    if (path.length > LONGEST_KEY) throw this.damaged(`a key has more than ${LONGEST_KEY} characters`);
    if (typeof value !== 'object' || value === null) this.note(path, value);
    else if (isKind(value, 'made') && makesTensor(value.by)) this.add(path, value);
    else if (!(value instanceof Uint8Array) && !isKind(value, 'global')) this.descend(value, path, depth);
  }

  private descend(value: Sequence | Dictionary | Made | Persistent, path: string, depth: number): void {
    if (isKind(value, 'persistent')) throw this.misplaced('a storage without a tensor', path);
    if (depth > DEEPEST) throw this.damaged(`it nests more than ${DEEPEST} levels`);
    if (this.open.has(value)) throw this.damaged(`${path || 'the whole'} contains itself`);
    this.open.add(value);
    if (isKind(value, 'made')) this.visitMade(value, path, depth);
    else if (isKind(value, 'dict')) this.visitEntries(value.entries, path, depth);
    else this.visitItems(value.items, path, depth);
    this.open.delete(value);
  }

  private visitMade(made: Made, path: string, depth: number): void {
    if (!CONTAINERS.has(made.by)) {
      if (holdsTensor(made, this.bare))
        throw runtimeError('forbidden_call', { file: this.file, callee: classOf(made) });
      return;
    }
    this.visitEntries(made.entries, path, depth);
    // OrderedDict of protocol 0 and 1: a list of pairs
    const [pairs] = made.args;
    if (isKind(pairs, 'list') && made.by === 'collections.OrderedDict')
      this.visitEntries(
        pairs.items.map((pair) =>
          isKind(pair, 'list') || isKind(pair, 'tuple') ? [pair.items[0] ?? null, pair.items[1] ?? null] : [null, pair],
        ),
        path,
        depth,
      );
    else if (made.by !== 'torch.Size') for (const argument of made.args) this.visit(argument, path, depth + 1);
    this.visitItems(made.items, path, depth);
  }

  private visitEntries(entries: readonly (readonly [Value, Value])[], path: string, depth: number): void {
    for (const [key, value] of entries) {
      const name =
        typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' ? String(key) : undefined;
      if (name !== undefined) this.visit(value, path === '' ? name : `${path}.${name}`, depth + 1);
      else if (holdsTensor(value, this.bare))
        throw this.misplaced('a tensor', `${path || 'the first level'}, by a key that is no text`);
    }
  }

  private visitItems(items: readonly Value[], path: string, depth: number): void {
    for (const [index, value] of items.entries())
      this.visit(value, path === '' ? String(index) : `${path}.${index}`, depth + 1);
  }

  private add(path: string, made: Made): void {
    if (this.tensors.has(path)) throw runtimeError('header_key_twice', { file: this.file, key: path });
    this.tensors.set(path, tensorOf(made, this.file, path));
  }

  private note(path: string, value: string | number | bigint | boolean | null): void {
    if (value === null || this.metadata.size >= MOST_NOTES) return;
    this.metadata.set(path, String(value).slice(0, LONGEST_NOTE));
  }

  private damaged(reason: string): Error {
    return runtimeError('file_damaged', { file: this.file, format: 'a PyTorch checkpoint', reason });
  }

  private misplaced(what: string, where: string): Error {
    return runtimeError('misplaced_tensor', {
      file: this.file,
      what,
      where,
      expected: 'tensors in dicts, by text, are',
    });
  }
}

/** The class of an object: old protocols make it by a call that takes the class. */
function classOf({ by, args }: Made): string {
  const [first] = args;
  return /^copy_?reg\._reconstructor$/.test(by) && isKind(first, 'global') ? first.name : by;
}

/** Whether a tensor or a storage hangs on a value. @param seen values on which none does; grows while the answer is no */
function holdsTensor(root: Value, seen: Set<Value>): boolean {
  const left: Value[] = [root];
  while (left.length > 0) {
    const value = left.pop()!;
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || seen.has(value)) continue;
    seen.add(value);
    if (isKind(value, 'persistent') || (isKind(value, 'made') && makesTensor(value.by))) return true;
    if (isKind(value, 'made')) for (const inner of value.args) left.push(inner);
    if (isKind(value, 'made') && value.state !== undefined) left.push(value.state);
    if (isKind(value, 'made') || isKind(value, 'dict')) for (const [key, inner] of value.entries) left.push(key, inner);
    if (!isKind(value, 'dict') && !isKind(value, 'global')) for (const inner of value.items) left.push(inner);
  }
  return false;
}
