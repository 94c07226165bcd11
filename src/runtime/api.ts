/** Everything of the runtime that is the same in Node and in a page; both index files export it. */
export type { EntryManifest, Manifest } from '../shared/artifact.ts';
export type { Initializer } from '../shared/initializer.ts';
export type { HostTensor } from '../shared/tensor.ts';
export type { TrainingPlan } from '../shared/training.ts';
export { type AdapterBytes, type AdapterInfo, type AdapterSource, peftKey } from './adapters.ts';
export { type HostBackend, type HostProgram, hostBackend } from './backend.host.ts';
export type {
  Backend,
  EntryPorts,
  ModelManifest,
  ModelSource,
  Program,
  ProgramOptions,
  Tensors,
} from './backend.ts';
export { CATALOGUE } from './catalogue.ts';
export { type AnyTensor, type AnyTensors, type DeviceTensor, isOnDevice, release, toHost } from './device-tensor.ts';
export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export type { AnyFeeds, Feeds, FeedTensor } from './feeds.ts';
export { embedTokens } from './generate/decoder.ts';
export { type GenerateResult, generate, generateStream } from './generate/generate.ts';
export type { GenerateInput } from './generate/input.ts';
export type { GenerateOptions, TokenEvent } from './generate/options.ts';
export type { GeneratedRow } from './generate/result.ts';
export type { FinishReason } from './generate/stop.ts';
export { streamText } from './generate/stream-text.ts';
export { checkImage, decodeImage, loadImageDecoders } from './image/decode.ts';
export { type DecodeOptions, MAX_PIXELS } from './image/options.ts';
export { CLIP_MEAN, CLIP_STD, normaliseImage, type PreprocessOptions, preprocessImage } from './image/preprocess.ts';
export { type PassOrder, resizeBicubic } from './image/resize.ts';
export type { Rgb, RgbImage } from './image/rgb.ts';
export { type ImageSettings, imageSettings } from './image/settings.ts';
export { type InitTarget, initialise } from './init.ts';
export { parseManifest } from './manifest.ts';
export { SafetensorsFile, type StoredTensor } from './safetensors.ts';
export type { SelfTestFamily, SelfTestOptions, SelfTestResult } from './self-test/self-test.ts';
export { type EntryInfo, type Runner, type RunOptions, runKeeping, Session, type SessionInfo } from './session.ts';
export type { StepTime } from './step-time.ts';
export type { TokenIds } from './tokenizer/ids.ts';
export { StreamDecoder } from './tokenizer/stream-decoder.ts';
export { type EncodeOptions, PART, type TextCodec, Tokenizer } from './tokenizer/tokenizer.ts';
export { type TokenizerJson, trainBpe } from './tokenizer/train.ts';
export type { Batch, DataSource } from './train/data-source.ts';
export type { LogRecord, StepRecord } from './train/log.ts';
export { initialState, type TrainState } from './train/state.ts';
export { type TrainOptions, train, trainStep } from './train/trainer.ts';
export { manifestOf, type WebGpuOptions } from './webgpu/backend.webgpu.ts';
export type { AcquireOptions } from './webgpu/device.ts';
export { Gpu } from './webgpu/gpu.ts';
export { parsePlan } from './webgpu/plan-file.ts';
export type { PlanSource } from './webgpu/plan-source.ts';
export { chromeTrace } from './webgpu/profile.ts';
export type { Weights } from './webgpu/stored.ts';
export { ModelTrainer, type TrainStepOptions, type TrainStepResult } from './webgpu/train-model.ts';
export { Checkpoint } from './weights/checkpoint.ts';
export { allocate, convertInto, firstNonFinite, ITEM_BYTES, READ_AS, type StoredDType } from './weights/dtypes.ts';
export { encodeSafetensors, type StreamedTensor, type WritableTensor } from './weights/encode.ts';
export { packedParts, rounded } from './weights/packed.ts';
export { bytesSource, type RandomAccess } from './weights/source.ts';
