/**
 * What the compiler writes and the runtime reads: `manifest.json`, the same for every target, with a section for what each
 * target that the model was compiled for has beside it.
 * The runtime imports these types and nothing else of the compiler.
 */
import type { CacheStorage } from './cache-storage.ts';
import type { DType } from './dtype.ts';
import type { GivenPorts, GivenRoles } from './roles.ts';
import type { TrainingPlan } from './training.ts';

/** Raised when a manifest of before would be misread. 2: one manifest for all targets. */
export const MANIFEST_VERSION = 2;

/** A compile-time value of the model's configuration, as JSON. */
export type ConfigValue =
  | number
  | string
  | boolean
  | null
  | readonly ConfigValue[]
  | { readonly [name: string]: ConfigValue };

/** low ≤ x < high, or one of a few others: a token id that stands for an image, a label that is ignored. */
export interface IntegerRange {
  readonly low: number;
  /** a text where a table has a dynamic size: `N` */
  readonly high: number | string;
  readonly also?: readonly number[];
  /** by axis, the first index that is meant; absent: all elements are (labels that are shifted begin at the second) */
  readonly from?: readonly number[];
}

export interface TensorPort {
  readonly name: string;
  readonly dtype: DType;
  /** Static dims as numbers, dynamic ones as text (`B`, `P + T`). */
  readonly shape: readonly (number | string)[];
  /** of an i64 input whose elements are looked up in a table; absent: not known, or any integer will do */
  readonly range?: IntegerRange;
}

/** One key/value state tensor of an entry with a cache: `past` is an input, `present` an output. */
export interface CachePort {
  readonly past: string;
  readonly present: string;
  /** the axis that grows */
  readonly axis: number;
  /**
   * how both lie in memory, where not as f32: halves, or whole numbers from −127 to 127 whose scales are a cache of their own.
   * Entries give values that are stored without a loss; what a caller feeds is rounded.
   */
  readonly stored?: CacheStorage;
}

/** An input of an entry that takes a parameter of a LoRA adapter, f32. */
export interface AdapterPort {
  readonly input: string;
  /** the parameter's checkpoint key */
  readonly key: string;
  readonly shape: readonly number[];
}

/** What the graphs of `mdl compile --swap-adapters` fix about the adapters that are swapped at run time. */
export interface AdapterManifest {
  /** PEFT's peft_type */
  readonly type: 'LORA';
  readonly r: number;
  /** B(A(x)) is scaled by alpha / r */
  readonly alpha: number;
  /** folder of the adapter that the weights came with, relative to the manifest; absent: they had none */
  readonly default?: string;
  /** checkpoint keys of adapter parameters that no entry here uses */
  readonly others: readonly string[];
}

/** Sizes that an entry works with: `dim` is at least 0. */
export interface DimRequirement {
  /** `T - 4` */
  readonly dim: string;
  /** `the slice 1:4 of axis 1` */
  readonly what: string;
  /** its place in the .mdl file, `m.mdl:4:9`; absent: none is known */
  readonly source?: string;
}

/** The smallest or the largest index of a table look-up that a run computed: 0 ≤ index < size. */
export interface IndexCheck {
  readonly kind: 'index';
  readonly bound: 'low' | 'high';
  /** `gather` */
  readonly op: string;
  readonly size: number | string;
  /** its place in the .mdl file; absent: none is known */
  readonly source?: string;
  /** names of ONNX nodes that may find such an index themselves, before the session can */
  readonly nodes?: readonly string[];
}

/**
 * What can only be checked while an entry runs: numbers that its graph computes beside its outputs, for the session to
 * look at after each run, whatever was fetched.
 */
export interface EntryChecks {
  /** an output of the graph that is none of the entry's: i64 [rows] */
  readonly output: string;
  /** by kind, what an element is and what it has to be */
  readonly rows: readonly IndexCheck[];
}

/** What callers see of an entry, whatever it was compiled for. */
export interface EntryManifest {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly cache: readonly CachePort[];
  /** checked before a run; absent: any sizes will do */
  readonly requires?: readonly DimRequirement[];
  /** checked after a run; absent: nothing is left to check */
  readonly checks?: EntryChecks;
  /** which inputs are an adapter's; absent: none */
  readonly adapters?: readonly AdapterPort[];
}

export interface WeightFile {
  /** relative to the manifest; never absolute, never with `..` */
  readonly file: string;
  readonly bytes: number;
}

/** Where the numbers come from (`seed 0`, a checkpoint's name). */
export interface WeightsOrigin {
  readonly origin: string;
  readonly trained: boolean;
}

/** A call of a function of `HostKernels`: its arguments are the tensors' addresses, their size in bytes, then numbers. */
export interface KernelCall {
  readonly kernel: string;
  /** f32 inputs of one size, and the outputs that take the places of some */
  readonly tensors: readonly { readonly input: string; readonly output?: string }[];
  /** f32 inputs of rank 0 */
  readonly scalars: readonly string[];
  /** of each tensor; the kernel goes on to the next multiple of four */
  readonly elements: number;
}

/** A WebAssembly module whose functions compute entries in place: the same numbers as the entries' graphs, in one pass. */
export interface HostKernels {
  /** relative to the manifest */
  readonly file: string;
  /** by entry, in any order */
  readonly calls: { readonly [entry: string]: readonly KernelCall[] };
}

/** What a model that was compiled for ONNX Runtime has beside the manifest. */
export interface OnnxSection {
  readonly opset: number;
  /** entry → its graph, an ONNX file relative to the manifest */
  readonly files: { readonly [entry: string]: string };
  /** what the graphs refer to; without weights these do not exist yet */
  readonly weights: readonly WeightFile[];
  /** of a stage whose graphs are the entries `gradient`, `update` and, where it accumulates, `accumulate`; absent: none */
  readonly training?: TrainingPlan;
  /** safetensors with what training starts from, beside `training` */
  readonly start?: WeightFile;
  /** what this project's runtime runs in place of some graphs; absent: nothing */
  readonly kernels?: HostKernels;
}

/** What a model that was compiled for WebGPU has beside the manifest. */
export interface WebGpuSection {
  /** the plan (shared/webgpu.ts), relative to the manifest */
  readonly plan: string;
  /** safetensors files with what the plan's parameters are */
  readonly weights: readonly WeightFile[];
}

/** What a model that was compiled for PyTorch has beside the manifest. */
export interface PyTorchSection {
  /** its classes, a file of Python relative to the manifest */
  readonly model: string;
  /** safetensors with everything in its `state_dict()` */
  readonly weights: readonly WeightFile[];
  /** its LoRA: rank, the alpha of (alpha / r) B A, and the checkpoint keys of A and B; absent: it has none, or several kinds */
  readonly adapter?: { readonly r: number; readonly alpha: number; readonly keys: readonly string[] };
  /** entry → the method of the model's class, where torch has the entry's name for itself; absent: none */
  readonly methods?: { readonly [entry: string]: string };
}

export interface Manifest {
  readonly format: 'mdl';
  readonly version: typeof MANIFEST_VERSION;
  readonly compiler: string;
  readonly model: {
    readonly name: string;
    /** the .mdl file, relative to the project */
    readonly source: string;
    readonly config_name: string;
    readonly flags: { readonly [flag: string]: boolean };
    readonly config: { readonly [name: string]: ConfigValue };
    /** how the model meets data and questions; absent: its file names no recipe */
    readonly recipe?: { readonly name: string; readonly settings: { readonly [name: string]: ConfigValue } };
    /** role → the entry that plays it, of those that are not called as their role; absent: none */
    readonly roles?: GivenRoles;
    /** role → the ports of its entry that are not called as what they are for; absent: none */
    readonly ports?: GivenPorts;
  };
  readonly entries: { readonly [entry: string]: EntryManifest };
  /** absent: adapters, if the model has them, are part of its weights */
  readonly adapter?: AdapterManifest;
  /** null: compiled without weights */
  readonly weights: WeightsOrigin | null;
  /** by target, at least one */
  readonly targets: {
    readonly onnx?: OnnxSection;
    readonly pytorch?: PyTorchSection;
    readonly webgpu?: WebGpuSection;
  };
}
