/** The ONNX target: `encodeModel(lowerToOnnx(graph, options).model)` are the bytes of an `.onnx` file. */
export type { ExternalDataPlan, ExternalRecord, PlannedFile, StoredTensor, WeightsFile } from './external-data.ts';
export { checkLocation, planExternalData } from './external-data.ts';
export type { ExternalLocation, OnnxOpset } from './file.ts';
export type { LoweredOnnx, OnnxOptions, ParameterSource } from './lower.ts';
export { lowerToOnnx } from './lower.ts';
export { storedUnsigned } from './nbits.ts';
export type { ModelProto } from './proto.ts';
export { decodeModel, encodeModel } from './proto.ts';
