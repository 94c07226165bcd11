/** Tensors in a PyTorch checkpoint: what a call of `_rebuild_tensor_v2` and its kin says, checked. */
import { runtimeError } from '../../errors.ts';
import { ITEM_BYTES, STORED_DTYPES, type StoredDType } from '../dtypes.ts';
import { isKind, type Made, type Value } from './pickle.ts';
import { FROM_TYPE, PARAMETERS, REBUILDS, TORCH_DTYPES, UNTYPED } from './torch-names.ts';
import { productOf } from './views.ts';

/** A storage as a tensor names it. */
export interface StorageRef {
  readonly key: string;
  readonly bytes: number;
  /** of an element as the storage counts them */
  readonly itemBytes: number;
}

export interface TorchTensor {
  readonly storage: StorageRef;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** in elements */
  readonly strides: readonly number[];
  /** of its first element, in elements */
  readonly offset: number;
}

/** A view that repeats elements may have so many bytes, whatever its storage has. */
const LARGEST_EXPANDED = 1 << 24;

/** Whether a call makes a tensor. */
export const makesTensor = (by: string): boolean => REBUILDS.has(by) || PARAMETERS.has(by) || by === FROM_TYPE;

/** @throws RuntimeError R0106 for dtypes that are not read, R1182 for a view outside of its storage, R1184 for one that repeats it */
export function tensorOf(made: Made, file: string, tensor: string): TorchTensor {
  const inner = unwrap(made, file);
  const malformed = (reason: string): Error => runtimeError('tensor_view', { file, tensor, reason });
  const [storage, offset, size, stride] = inner.args;
  const { ref, dtype } = storageOf(storage, inner, file, tensor);
  const shape = sizes(size);
  const strides = sizes(stride);
  if (shape === undefined || strides === undefined || shape.length !== strides.length || !isSize(offset))
    throw malformed('has no size, stride and offset of whole numbers from 0');
  const flags = inner.args[6];
  if (inner.by !== 'torch._utils._rebuild_tensor_v3' && isKind(flags, 'dict') && flags.entries.length > 0)
    throw malformed('is a conjugate or negated view');
  const count = productOf(shape);
  const last = count === 0 ? 0 : offset + 1 + shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, 0);
  const bytes = ITEM_BYTES[dtype];
  if (!(last * bytes <= ref.bytes)) throw malformed(`reaches to byte ${last * bytes} of a storage of ${ref.bytes}`);
  if (count * bytes > Math.max(ref.bytes, LARGEST_EXPANDED))
    throw runtimeError('view_repeats', { file, tensor, bytes: count * bytes, storage: ref.bytes });
  return { storage: ref, dtype, shape, strides, offset };
}

/** The call that has the storage: parameters and classes of one's own wrap it. */
function unwrap(made: Made, file: string): Made {
  let current = made;
  for (let level = 0; level < 4; level++) {
    if (REBUILDS.has(current.by)) return current;
    const [first, , third] = current.args;
    if (PARAMETERS.has(current.by) && isKind(first, 'made')) current = first;
    else if (current.by === FROM_TYPE && isKind(first, 'global') && isKind(third, 'tuple'))
      current = { kind: 'made', by: first.name, args: third.items, entries: [], items: [] };
    else break;
  }
  throw runtimeError('forbidden_call', { file, callee: current.by });
}

function storageOf(value: Value | undefined, { by, args }: Made, file: string, tensor: string) {
  const id = isKind(value, 'persistent') && isKind(value.id, 'tuple') ? value.id.items : [];
  const [tag, type, key, , numel, view] = id;
  if (tag !== 'storage' || !isKind(type, 'global') || typeof key !== 'string' || !isSize(numel))
    throw runtimeError('tensor_view', { file, tensor, reason: 'has no storage' });
  if (view !== undefined && view !== null)
    throw runtimeError('tensor_view', { file, tensor, reason: 'is a view of a storage as PyTorch 0.3 wrote it' });
  const named = by === 'torch._utils._rebuild_tensor_v3' ? args[6] : type;
  const name = isKind(named, 'global') ? named.name : 'no dtype';
  const dtype = TORCH_DTYPES.get(name);
  if (dtype === undefined)
    throw runtimeError('tensor_dtype_unread', { file, tensor, dtype: name, known: STORED_DTYPES });
  const item = type.name === UNTYPED ? 1 : itemBytesOf(type.name);
  if (item === undefined)
    throw runtimeError('tensor_dtype_unread', { file, tensor, dtype: type.name, known: STORED_DTYPES });
  return { ref: { key, bytes: numel * item, itemBytes: item }, dtype };
}

function itemBytesOf(name: string): number | undefined {
  const dtype = TORCH_DTYPES.get(name);
  return dtype && ITEM_BYTES[dtype];
}

function isSize(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The numbers of a tuple, or of a torch.Size. */
function sizes(value: Value | undefined): readonly number[] | undefined {
  const inner = isKind(value, 'made') && value.by === 'torch.Size' ? value.args[0] : value;
  if (!isKind(inner, 'tuple') && !isKind(inner, 'list')) return undefined;
  return inner.items.every(isSize) ? inner.items : undefined;
}
