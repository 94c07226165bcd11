/** What a PyTorch checkpoint may call, and how its storages hold numbers: a closed list. */
import type { StoredDType } from '../dtypes.ts';

/** By the class that a storage's id names, and by the dtype that `_rebuild_tensor_v3` names. */
export const TORCH_DTYPES: ReadonlyMap<string, StoredDType> = new Map<string, StoredDType>([
  ['torch.DoubleStorage', 'F64'],
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
  ['torch.float64', 'F64'],
  ['torch.float32', 'F32'],
  ['torch.float16', 'F16'],
  ['torch.bfloat16', 'BF16'],
  ['torch.int64', 'I64'],
  ['torch.int32', 'I32'],
  ['torch.int16', 'I16'],
  ['torch.int8', 'I8'],
  ['torch.uint8', 'U8'],
  ['torch.bool', 'BOOL'],
]);

/** A storage of bytes, whose dtype its tensor says. */
export const UNTYPED = 'torch.storage.UntypedStorage';

/** Calls that make a tensor of storage, offset, size and stride. */
export const REBUILDS: ReadonlySet<string> = new Set([
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor_v3',
]);
/** Calls whose first argument is the tensor. */
export const PARAMETERS: ReadonlySet<string> = new Set([
  'torch._utils._rebuild_parameter',
  'torch._utils._rebuild_parameter_with_state',
]);
/** A tensor by another call: (callee, class, arguments, state). */
export const FROM_TYPE = 'torch._tensor._rebuild_from_type_v2';

/** Calls that make a dict or a list. */
export const CONTAINERS: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'torch.Size',
  'builtins.set',
  '__builtin__.set',
]);

/** Settings and notes beside the tensors, which are passed over as long as no tensor hangs on them. */
const OPAQUE =
  /^(argparse\.Namespace|types\.SimpleNamespace|collections\.Counter|datetime\.\w+|pathlib(\._local)?\.\w+Path|numpy\.(core|_core)\.multiarray\.scalar|numpy\.dtype|_codecs\.encode|torch\.device|copyreg\._reconstructor|copy_reg\._reconstructor|yacs\.config\.CfgNode|(fvcore\.common|detectron2\.config)\.config\.CfgNode|addict\.addict\.Dict|easydict\.EasyDict|omegaconf\.[\w.]+|(pytorch_lightning|lightning|lightning_fabric)\.[\w.]+|builtins\.(complex|slice|range|frozenset|bytearray))$/;

export const isOpaque = (name: string): boolean => OPAQUE.test(name);

export const isAllowed = (name: string): boolean =>
  REBUILDS.has(name) || PARAMETERS.has(name) || name === FROM_TYPE || CONTAINERS.has(name) || isOpaque(name);
