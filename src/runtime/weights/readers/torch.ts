/**
 * PyTorch checkpoints: the zip archives that `torch.save` writes since 1.6.
 *
 *     NAME/data.pkl      the object, with storages by key
 *     NAME/byteorder     `little`; absent before 2.1
 *     NAME/data/KEY      a storage's bytes, stored
 */
import { runtimeError } from '../../errors.ts';
import { ITEM_BYTES } from '../dtypes.ts';
import type { WeightsFile } from '../file.ts';
import type { RandomAccess } from '../source.ts';
import { OutOfBytes, withHead } from './cursor.ts';
import { ForbiddenCall, PickleError, readPickle, type Value } from './pickle.ts';
import { isAllowed } from './torch-names.ts';
import type { TorchTensor } from './torch-tensor.ts';
import { treeOf } from './torch-tree.ts';
import { productOf, type StoredView, viewsFile } from './views.ts';
import { openMember, type ZipMember } from './zip.ts';

/** Bytes of the pickle, at most: it has names and sizes only. */
export const LARGEST_PICKLE = 1 << 26;
export const FORMAT = 'a PyTorch checkpoint';

/** @throws RuntimeError R1180–R1184, R1188, R0104, R0106 */
export async function openTorchZip(
  source: RandomAccess,
  members: ReadonlyMap<string, ZipMember>,
  pickle: string,
): Promise<WeightsFile> {
  const file = source.name;
  const root = pickle.slice(0, -'data.pkl'.length);
  const order = members.get(`${root}byteorder`);
  if (order) {
    const content = await openMember(source, order);
    const text = new TextDecoder().decode(await content.read(0, Math.min(content.size, 16)));
    if (text !== 'little') throw runtimeError('byte_order', { file, order: text });
  }
  const object = await openMember(source, members.get(pickle)!);
  const { tensors, metadata } = treeOf(await pickleOf(file, object), file);
  const views = new Map<string, StoredView>();
  for (const [key, tensor] of tensors) {
    const member = members.get(`${root}data/${tensor.storage.key}`);
    if (member?.size !== tensor.storage.bytes)
      throw runtimeError('tensor_view', {
        file,
        tensor: key,
        reason: `wants ${tensor.storage.bytes} bytes of data/${tensor.storage.key}, which ${member ? `has ${member.size}` : 'is not there'}`,
      });
    views.set(
      key,
      viewOf(tensor, 0, () => openMember(source, member)),
    );
  }
  return viewsFile({ name: file, format: 'PyTorch', metadata }, views, async () => source.close?.());
}

/** The one pickle of a source. */
function pickleOf(file: string, source: RandomAccess): Promise<Value> {
  return asTorch(file, () =>
    withHead(source, 0, LARGEST_PICKLE, (cursor) => readPickle(cursor, { allows: isAllowed })),
  );
}

/** What reading a pickle throws, as errors of the file. */
export async function asTorch<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ForbiddenCall) throw runtimeError('forbidden_call', { file, callee: error.callee }, error);
    if (error instanceof PickleError || error instanceof OutOfBytes)
      throw runtimeError(
        'file_damaged',
        { file, format: FORMAT, reason: error instanceof OutOfBytes ? 'its pickle has no end' : error.message },
        error,
      );
    throw error;
  }
}

/** @param storageOffset of the storage in what `storage` gives, in bytes */
export function viewOf(tensor: TorchTensor, storageOffset: number, storage: StoredView['storage']): StoredView {
  const { dtype, shape, strides, offset } = tensor;
  const itemBytes = ITEM_BYTES[dtype];
  const byteOffset = storageOffset + offset * itemBytes;
  return { dtype, shape, strides, byteOffset, byteLength: productOf(shape) * itemBytes, storage };
}
