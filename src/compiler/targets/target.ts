/**
 * A target: what finished graphs are compiled to, and how that is opened.
 *
 *   graphsOf(model, …) ─▶ Graphs ─ compile ─▶ Artifact { files, weights, manifest } ─ open(artifact, weights, host) ─▶ Backend
 *
 * `compile` is pure and runs in a page. `open` asks a host for what a place has (files, ONNX Runtime, a device), so this layer
 * knows the runtime by its types only. A new target is one object like those beside this file, and an entry in index.ts.
 */
import type { HostBackend } from '../../runtime/backend.host.ts';
import type { Backend, ModelSource } from '../../runtime/backend.ts';
import type { Weights } from '../../runtime/webgpu/stored.ts';
import type { PackedSource, PartBytes } from '../../runtime/weights/packed.ts';
import type { CachePort, Manifest, TensorPort, WeightsOrigin } from '../../shared/artifact.ts';
import type { Quantisation } from '../../shared/quantisation.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { WebGpuPlan } from '../../shared/webgpu.ts';
import type { PlannedFile } from '../backends/onnx/external-data.ts';
import type { OnnxOpset } from '../backends/onnx/file.ts';
import type { WeightStorage } from '../backends/wgsl/index.ts';
import type { Graphs } from '../graphs.ts';
import type { AfterPass } from '../ir/graph.ts';
import type { Quantised } from '../quantise/choose.ts';
import type { PlanOptions } from '../training/plan.ts';
import type { TargetName } from './names.ts';

/** What the targets can be told; each says which of them it takes. */
export interface TargetOptions {
  /** of ONNX; 17 by default */
  readonly opset?: OnnxOpset;
  /** how matrices are stored; f32 by default */
  readonly weights?: WeightStorage;
  /** of ONNX: laid out for the programs that load such folders (clients/layout.ts) */
  readonly clients?: boolean;
  /** of ONNX: operators of ONNX Runtime's own where they save memory (MatMulNBits) */
  readonly contrib?: boolean;
  /** bytes of a weights file, but for tensors that alone have more; SHARD_BYTES by default */
  readonly shardBytes?: number;
  readonly afterPass?: AfterPass | undefined;
}

/** What a target takes: options, graphs of a stage, adapters that are inputs, caches that are stored smaller. */
export type TargetOption = Exclude<keyof TargetOptions, 'afterPass'> | 'stage' | 'adapters' | 'caches';

/**
 * Bytes after which weights go on in another file. A page reads a file of external data into one buffer, and browsers end these at
 * 2 GiB; hosts of files have limits alike.
 */
export const SHARD_BYTES = 1900 * 2 ** 20;

/** A weights file: which tensor lies where. */
export interface StoredFile extends Omit<PlannedFile, 'shardOf'> {
  /** bytes before the first record, as safetensors has them */
  readonly head?: Uint8Array;
  /** keys of tensors whose bytes are halves (f16) */
  readonly halves?: ReadonlySet<string>;
  /** f32 tensors whose numbers are written as those of the quantised ones, by key */
  readonly rounded?: Quantised;
}

/** A line of what a compilation says of itself. */
export interface Made {
  /** a file, or an entry */
  readonly name: string;
  readonly what: string;
  /** of the file */
  readonly bytes?: number;
}

/** A graph that other programs load. */
export interface ClientFile {
  /** `model`: its file is `onnx/model.onnx` */
  readonly name: string;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly cache: readonly CachePort[];
  /** how many files beside it have its weights: `model.onnx_data`, `model.onnx_data_1`, … */
  readonly shards: number;
}

export interface Artifact {
  readonly target: TargetName;
  readonly graphs: Graphs;
  /** `opset 17`, for the line that names what was compiled */
  readonly label: string;
  /** what lies where in the weights files */
  readonly weights: readonly StoredFile[];
  /** of a target that has one: what runs on the device */
  readonly plan?: WebGpuPlan;
  /** what other programs load of the folder, or why there is nothing; absent: it is laid out for our own runtime */
  readonly clients?: { readonly files: readonly ClientFile[]; readonly reason?: string };
  /** for people */
  readonly made: readonly Made[];
  /** What the manifest says. @param weights null: none are written. @param ownAdapter whether they came with one, kept in DEFAULT_ADAPTER */
  manifest(weights: WeightsOrigin | null, ownAdapter?: boolean): Manifest;
  /** The files beside the manifest and the weights, by name. @param weights as for the manifest */
  files(weights: WeightsOrigin | null, ownAdapter?: boolean): ReadonlyMap<string, Uint8Array>;
}

/** Where tensors come from when an artifact is opened. */
export interface WeightReader extends WeightsOrigin, PackedSource {
  read(key: string): Promise<HostTensor>;
}

/** What a place where artifacts are opened offers to targets. */
export interface Host {
  /** The artifact's files and weights, where ONNX Runtime finds them, until `remove`. */
  place(artifact: Artifact, weights: WeightReader): Promise<ModelSource & { remove(): Promise<void> }>;
  onnx(source: ModelSource): Backend;
  /** @throws RuntimeError R1001, R1002 */
  webgpu(options: { readonly plan: WebGpuPlan; readonly weights: Weights }): Promise<Backend>;
  /** The numbers that a matrix has once it is quantised, as f32. @throws RuntimeError R1224, R1225, R1240 */
  rounded(weights: WeightReader, key: string, as: Quantisation): Promise<HostTensor>;
  /** The parts of a matrix as a safetensors file has them. @throws as `rounded` */
  packedParts(weights: WeightReader, key: string, as: Quantisation): AsyncIterable<PartBytes>;
  /** a backend whose tensors are on the host: the runtime's `hostBackend` */
  overHost(own: HostBackend): Backend;
}

export interface Target {
  readonly name: TargetName;
  readonly takes: readonly TargetOption[];
  /** how a stage's graphs are made for it */
  readonly training: Pick<PlanOptions, 'fusedAttention' | 'arenas'>;
  /** Names of the passes that it runs on graphs itself, in order: what `afterPass` is called with. */
  readonly passes: readonly string[];
  /** @throws LimitError, IntegerError, TorchProblem where a model is too much for the target; `TARGETS`: DiagnosticError for options that it does not take */
  compile(graphs: Graphs, options?: TargetOptions): Artifact;
}

/** A target that a session runs. */
export interface OpenedTarget extends Target {
  /** Ready to load entries. @throws what the host throws */
  open(artifact: Artifact, weights: WeightReader, host: Host): Promise<Backend>;
}
