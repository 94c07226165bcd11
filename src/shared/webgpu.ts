/**
 * What the compiler's webgpu target writes and the runtime reads: one plan for all entries of a model.
 *
 * A plan is JSON. It names kernels (whole WGSL texts, shared by every step that has the same text), the parameters, and
 * per entry the buffers and the steps. Sizes that depend on the inputs' shapes are texts as `printDim` writes
 * them (`B*T*128`, `P + T`); the runtime binds the symbols from the feeds, as for ONNX, and evaluates them.
 *
 * On the device f32 is f32, i64 is i32 and bool is u32 (0 or 1), each four bytes, row-major. What does not fit in 32 bits is
 * refused where it enters, or found after the run (`watched`).
 */
import type {
  AdapterManifest,
  AdapterPort,
  CachePort,
  DimRequirement,
  EntryChecks,
  Manifest,
  TensorPort,
  WeightFile,
  WeightsOrigin,
} from './artifact.ts';
import type { DType } from './dtype.ts';
import type { Quantisation } from './quantisation.ts';
import type { TrainingPlan } from './training.ts';

/**
 * Raised when a plan of before would be misread: a runtime takes plans of its own version only. 2: a kernel reads its
 * index from two axes of the grid.
 */
export const PLAN_VERSION = 2;

/** A number, or an expression of dynamic dims. */
export type Size = number | string;

/** The symbol that the runtime binds itself: how many positions a cache buffer has room for (≥ every growing axis). */
export const CAPACITY = '__capacity';

/**
 * How a parameter lies in its buffer. f16 is two bytes a value, little-endian; the last word of an odd number is filled up. Of
 * a quantised one its codes, scales and zeros follow each other (`wordsOf`).
 */
export type ParameterStorage = 'f32' | 'f16' | 'i32' | 'u32' | Quantisation;

export interface ParameterPlan {
  /** checkpoint key; unique */
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly storage: ParameterStorage;
}

/** A constant of the graph. Tables that a formula gives are described, not stored. */
export type ConstantPlan =
  /** numbers as text: base64 of little-endian 4-byte words (f32, i32 or u32 by dtype) */
  | { readonly kind: 'data'; readonly dtype: DType; readonly shape: readonly number[]; readonly base64: string }
  /**
   * [positions, dims], f32: cos of position · theta^(−2i / dims) in the first half of each row, sin in the second;
   * computed in float64 and rounded
   */
  | {
      readonly kind: 'rotary';
      readonly positions: number;
      readonly dims: number;
      readonly theta: number;
      /** in place of theta^(−2i / dims) */
      readonly frequencies?: readonly number[];
    };

/** Small f32 parameters one after the other in one buffer, for a kernel that would bind too many otherwise. */
export interface PackPlan {
  /** words */
  readonly elements: number;
  /** index into `WebGpuPlan.parameters`, and the word at which it begins */
  readonly parts: readonly { readonly parameter: number; readonly at: number }[];
}

export interface KernelPlan {
  /** what it computes: `layer_norm`, `linear → gelu`; the pipeline's label */
  readonly label: string;
  /** entry point `main`; storage buffers at group 0, bindings 0 … n − 1; the uniform after them, if any */
  readonly wgsl: string;
  /** the text needs `HALVES` (halves.ts) before it, in the form that the device has */
  readonly halves?: true;
  readonly bindings: readonly ('read' | 'read_write')[];
  /** u32 words in the uniform buffer (an array<vec4<u32>, ⌈words / 4⌉); 0: there is none */
  readonly params: number;
  readonly workgroup: readonly [number, number, number];
}

/** Workgroups along one axis: ⌈of / per⌉. */
export interface GroupCount {
  readonly of: Size;
  readonly per: number;
}

/** Along x, y and z. */
export type Groups = readonly [GroupCount, GroupCount, GroupCount];

/**
 * A kernel over some workgroups: as many as the product of the counts. The runtime folds a number past what a device takes
 * along an axis (65,535) into two; the kernel reads its index as workgroup_id.y · num_workgroups.x + workgroup_id.x, and has
 * a guard for what is too many.
 */
export interface Launch {
  /** index into `WebGpuPlan.kernels` */
  readonly kernel: number;
  readonly groups: Groups;
  /**
   * Further parts of a kernel that does several independent things side by side: the products of the counts of
   * `groups` and of each part add up along x, and the kernel finds out from its index which part it works on.
   */
  readonly beside?: readonly Groups[];
  /** index into the entry's buffers, per binding of the kernel */
  readonly buffers: readonly number[];
  /** values of the uniform's words; negative ones as two's complement */
  readonly params: readonly Size[];
}

/** A launch that takes the step's place where all of its conditions hold; over no workgroups it leaves the step out. */
export interface Alternative extends Launch {
  /** on adapters of this class */
  readonly profile?: 'gpu' | 'software';
  /** when this size is at most the limit: few rows, as in a decoding step */
  readonly when?: { readonly size: Size; readonly atMost: number };
  /** where it does more, or less, than the step: a step before or after it then does the rest */
  readonly flops?: Size;
  readonly bytes?: Size;
}

/** One dispatch: the first alternative whose conditions hold, else the step itself. */
export interface StepPlan extends Launch {
  /** the module path and .mdl line that it comes from: `llama_model.model.layers.3 · models/phi-2.mdl:42:9` */
  readonly origin: string;
  readonly alternatives?: readonly Alternative[];
  /** for explain-plan and profiles: floating-point operations, and bytes that must be read and written at least */
  readonly flops: Size;
  readonly bytes: Size;
}

/** A storage buffer of an entry. `elements` counts 4-byte words. */
export type BufferPlan =
  /** Index into the entry's inputs. `unsigned`: a seed, whose bits are a number below 2³²; other integers are signed. */
  | { readonly kind: 'input'; readonly port: number; readonly unsigned?: true }
  /**
   * Index into the entry's outputs. With `donated` it is the buffer of that input (an index into the inputs), which
   * the steps overwrite in place.
   */
  | { readonly kind: 'output'; readonly port: number; readonly donated?: number }
  /** Index into `WebGpuPlan.parameters`; a shard holds elements from … to (exclusive) of a parameter too large for one. */
  | { readonly kind: 'parameter'; readonly parameter: number; readonly from?: number; readonly to?: number }
  /** index into `WebGpuPlan.packs` */
  | { readonly kind: 'pack'; readonly pack: number }
  /** index into `WebGpuPlan.constants` */
  | { readonly kind: 'constant'; readonly constant: number }
  /** Used by several values in turn; as large as the largest of `elements`. Contents do not outlive a run. */
  | { readonly kind: 'scratch'; readonly elements: readonly Size[] }
  /** of each of the entry's watched integers (f32), how many elements left 32 bits */
  | { readonly kind: 'watch' }
  /**
   * A key/value cache: index into the entry's `cache`. One buffer is both `past` (its first P positions) and `present`
   * (P + T, appended in place). Its shape is the port's with the growing axis replaced by CAPACITY.
   */
  | { readonly kind: 'cache'; readonly cache: number };

/** An integer result of which nothing says that it stays in the 32 bits that the device has. */
export interface WatchedInteger {
  readonly op: string;
  /** module path and .mdl line */
  readonly origin: string;
}

export interface EntryPlan {
  readonly inputs: readonly TensorPort[];
  /** with that of `checks` */
  readonly outputs: readonly TensorPort[];
  readonly cache: readonly CachePort[];
  readonly buffers: readonly BufferPlan[];
  readonly steps: readonly StepPlan[];
  /** by element of the buffer `watch`; absent: none */
  readonly watched?: readonly WatchedInteger[];
  /** checked before a run; absent: any sizes will do */
  readonly requires?: readonly DimRequirement[];
  /** checked after a run; absent: nothing is left to check */
  readonly checks?: EntryChecks;
  /** which inputs are an adapter's; absent: none */
  readonly adapters?: readonly AdapterPort[];
}

/** The outputs that callers see: all but the one that the session checks. */
export function ownOutputs({ outputs, checks }: Pick<EntryPlan, 'outputs' | 'checks'>): readonly TensorPort[] {
  return outputs.filter(({ name }) => name !== checks?.output);
}

/** What a device must grant; the defaults of the specification where a plan needs no more. */
export interface DeviceNeeds {
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

export interface WebGpuPlan {
  readonly format: 'mdl-webgpu';
  readonly version: typeof PLAN_VERSION;
  readonly compiler: string;
  readonly model: Manifest['model'];
  readonly needs: DeviceNeeds;
  /** every op of the entries' graphs, for a test of the adapter; absent: a compiler of before did not say */
  readonly ops?: readonly string[];
  readonly kernels: readonly KernelPlan[];
  readonly constants: readonly ConstantPlan[];
  readonly parameters: readonly ParameterPlan[];
  readonly packs: readonly PackPlan[];
  readonly entries: { readonly [entry: string]: EntryPlan };
  readonly adapter?: AdapterManifest;
  /** The stage whose graphs are the entries `gradient`, `update` and, where it accumulates, `accumulate`; absent: none. */
  readonly training?: TrainingPlan;
  /** safetensors files beside the plan; absent or null: the weights are given when the model is opened */
  readonly weights?: (WeightsOrigin & { readonly files: readonly WeightFile[] }) | null;
}
