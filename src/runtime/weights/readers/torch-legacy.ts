/**
 * PyTorch checkpoints as `torch.save` wrote them before 1.6, and since then on request: pickles one after the other, then the
 * storages.
 *
 *     0x1950a86a20f9469cfc6c    1001    {little_endian, …}    the object    [keys of the storages]
 *     count of elements (i64), bytes      for each key
 */
import { runtimeError } from '../../errors.ts';
import type { WeightsFile } from '../file.ts';
import type { RandomAccess } from '../source.ts';
import { Cursor, withHead } from './cursor.ts';
import { isKind, PickleError, readPickle, type Value } from './pickle.ts';
import { asTorch, FORMAT, LARGEST_PICKLE, viewOf } from './torch.ts';
import { isAllowed } from './torch-names.ts';
import { type TorchTree, treeOf } from './torch-tree.ts';
import { type StoredView, viewsFile } from './views.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** @throws RuntimeError R1180–R1184, R1188, R0104, R0106, R0110 */
export async function openTorchLegacy(source: RandomAccess): Promise<WeightsFile> {
  const file = source.name;
  const { object, keys, end } = await asTorch(file, () =>
    withHead(source, 0, LARGEST_PICKLE, (cursor) => readPickles(cursor, file)),
  );
  const tree = treeOf(object, file);
  const places = await placesOf(source, tree, keys, end);
  const views = new Map<string, StoredView>();
  for (const [key, tensor] of tree.tensors) {
    const place = places.get(tensor.storage.key);
    if (place?.bytes !== tensor.storage.bytes)
      throw runtimeError('tensor_view', { file, tensor: key, reason: 'has no storage in the file' });
    views.set(
      key,
      viewOf(tensor, place.at, () => source),
    );
  }
  return viewsFile({ name: file, format: 'PyTorch', metadata: tree.metadata }, views, async () => source.close?.());
}

function readPickles(
  cursor: Cursor,
  file: string,
): { readonly object: Value; readonly keys: Value; readonly end: number } {
  const rules = { allows: isAllowed };
  const [magic, protocol, system] = [readPickle(cursor, rules), readPickle(cursor, rules), readPickle(cursor, rules)];
  if (magic !== MAGIC || protocol !== PROTOCOL) throw new PickleError('it is a pickle that torch.save did not write');
  const little = isKind(system, 'dict') ? system.entries.find(([key]) => key === 'little_endian')?.[1] : undefined;
  if (little !== true) throw runtimeError('byte_order', { file, order: little === false ? 'big' : 'unknown' });
  return { object: readPickle(cursor, rules), keys: readPickle(cursor, rules), end: cursor.at };
}

interface Place {
  readonly at: number;
  readonly bytes: number;
}

/** Where each storage's bytes lie: each says how many elements it has, and its tensors of how many bytes. */
async function placesOf(
  source: RandomAccess,
  { tensors }: TorchTree,
  keys: Value,
  end: number,
): Promise<ReadonlyMap<string, Place>> {
  const refuse = (reason: string): Error => runtimeError('file_damaged', { file: source.name, format: FORMAT, reason });
  const bytesOf = new Map([...tensors.values()].map(({ storage }) => [storage.key, storage]));
  const places = new Map<string, Place>();
  let at = end;
  for (const key of isKind(keys, 'list') ? keys.items : []) {
    const storage = typeof key === 'string' ? bytesOf.get(key) : undefined;
    if (storage === undefined || typeof key !== 'string') throw refuse('it has a storage that no tensor uses');
    if (places.has(key)) throw refuse(`it has the storage ${key} twice`);
    if (at + 8 > source.size) throw refuse(`it ends before the storage ${key}`);
    const count = new Cursor(await source.read(at, 8)).i64();
    if (count * BigInt(storage.itemBytes) !== BigInt(storage.bytes))
      throw refuse(
        `its storage ${key} has ${count} elements and its tensors ask for ${storage.bytes / storage.itemBytes}`,
      );
    places.set(key, { at: at + 8, bytes: storage.bytes });
    at += 8 + storage.bytes;
  }
  if (at !== source.size) throw runtimeError('file_size', { file: source.name, found: source.size, expected: at });
  return places;
}
