/**
 * The ONNX protobuf messages as this backend writes them: tensors, types, attributes, bytes.
 *
 * Messages are plain objects of the generated `onnx-proto` interfaces; int64 fields take JavaScript
 * numbers (exact below 2^53; every size and offset is). raw_data is little-endian by the standard, and so are the
 * typed arrays of every platform that Node and browsers run on, hence no byte swapping.
 */
import type { onnx } from 'onnx-proto';
import * as imported from 'onnx-proto';
import { type Dim, printDim, substituteDim } from '../../../shared/dim.ts';
import type { DType } from '../../../shared/dtype.ts';
import { type HostTensor, sizeOf } from '../../../shared/tensor.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { ExternalLocation } from './file.ts';

// a CommonJS module without named exports that Node can see: under Node everything hangs on `default`,
// a bundler or a test runner may already have unwrapped it
const { onnx: proto } = ('default' in imported ? imported.default : imported) as typeof imported;

export type ModelProto = onnx.IModelProto;
export type NodeProto = onnx.INodeProto;
export type TensorProto = onnx.ITensorProto;
export type ValueInfoProto = onnx.IValueInfoProto;

/** TensorProto.DataType of each dtype: FLOAT, INT64, BOOL. */
export const ONNX_DTYPE = { f32: 1, i64: 7, bool: 9 } as const satisfies Record<DType, number>;

/** Bytes, inside of lowerings only. */
export const UINT8 = 2;
/** Of the parts of quantised parameters: FLOAT16, INT8, INT4, UINT8. */
export const PACKED_TYPE = { f16: 10, int8: 3, int4: 22, uint8: UINT8 } as const;
export type PackedType = keyof typeof PACKED_TYPE;

export const BYTES_PER_ELEMENT = { f32: 4, i64: 8, bool: 1 } as const satisfies Record<DType, number>;

/** A float attribute; plain numbers are integer attributes. */
export interface FloatAttribute {
  readonly float: number;
}

export function float(value: number): FloatAttribute {
  return { float: value };
}

export type AttributeValue = number | string | readonly number[] | FloatAttribute;
export type Attributes = { readonly [name: string]: AttributeValue };

export function attributeProto(name: string, value: AttributeValue): onnx.IAttributeProto {
  const { INT, INTS, FLOAT, STRING } = proto.AttributeProto.AttributeType;
  if (typeof value === 'number') return { name, type: INT, i: value };
  if (typeof value === 'string') return { name, type: STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: FLOAT, f: value.float };
  return { name, type: INTS, ints: [...value] };
}

/** An initializer with its data inside the model. */
export function inlineTensor(name: string, tensor: HostTensor): TensorProto {
  const { dtype, shape, data } = tensor;
  if (data.length !== sizeOf(shape)) {
    throw new Error(
      `tensor ${name} has ${data.length} elements and its shape [${shape.join(', ')}] wants ${sizeOf(shape)}`,
    );
  }
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dataType: ONNX_DTYPE[dtype], dims: [...shape], rawData };
}

/** An initializer whose data lies in a file beside the model. */
export function externalTensor(
  name: string,
  dtype: DType | PackedType,
  shape: readonly number[],
  at: ExternalLocation,
): TensorProto {
  return {
    name,
    dataType: { ...ONNX_DTYPE, ...PACKED_TYPE }[dtype],
    dims: [...shape],
    externalData: [
      { key: 'location', value: at.location },
      { key: 'offset', value: String(at.offset) },
      { key: 'length', value: String(at.length) },
    ],
    dataLocation: proto.TensorProto.DataLocation.EXTERNAL,
  };
}

/**
 * The declaration of an input or output: static dims as dim_value, dynamic ones as dim_param (`B`, `P + T`).
 * @param called names in place of the sizes' own
 * @param stored its type, where not that of its values
 */
export function valueInfo(
  name: string,
  type: TensorType,
  called: ReadonlyMap<string, Dim> = new Map(),
  stored?: PackedType,
): ValueInfoProto {
  const dim = type.shape.map((size) =>
    typeof size === 'number' ? { dimValue: size } : { dimParam: printDim(substituteDim(size, called)) },
  );
  const elemType = stored === undefined ? ONNX_DTYPE[type.dtype] : PACKED_TYPE[stored];
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** protobuf messages end at 2 GiB; readers refuse longer ones */
const LARGEST_MESSAGE = 2 ** 31 - 1;

/**
 * The bytes of an `.onnx` file.
 * @throws Error when the tensors inside the model pass protobuf's 2 GiB
 */
export function encodeModel(model: ModelProto): Uint8Array {
  const inline = (model.graph?.initializer ?? []).reduce((bytes, tensor) => bytes + (tensor.rawData?.length ?? 0), 0);
  if (inline > LARGEST_MESSAGE) {
    throw new Error(
      `an ONNX file holds at most ${LARGEST_MESSAGE} bytes and the tensors inside this one take ${inline}: keep its parameters in external data`,
    );
  }
  return proto.ModelProto.encode(model).finish();
}

/**
 * Reads an `.onnx` file back; int64 fields come as Long objects.
 * @throws Error when the bytes are not a protobuf message
 */
export function decodeModel(bytes: Uint8Array): onnx.ModelProto {
  return proto.ModelProto.decode(bytes);
}
