/**
 * What runs a model's entries. ONNX Runtime in Node and in a page are backends; anything that implements this is
 * one too (the compiler's float64 interpreter, a fake in a test).
 */
import type { AdapterPort, CachePort, DimRequirement, EntryChecks, Manifest, TensorPort } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import type { AnyTensor, AnyTensors } from './device-tensor.ts';
import type { StepTime } from './step-time.ts';

export type Tensors = Readonly<Record<string, HostTensor>>;

/** What callers see of an entry, whatever it was compiled for. */
export interface EntryPorts {
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

/** What a session knows of its model, whatever it was compiled for. */
export interface ModelManifest extends Pick<Manifest, 'model' | 'weights' | 'adapter'> {
  readonly entries: { readonly [entry: string]: EntryPorts };
}

export interface ProgramOptions {
  /** Outputs to leave on the device, where there is one; elsewhere they are host tensors. */
  readonly keep?: readonly string[] | 'all';
  /** Positions that kept caches will grow to, where the caller knows: their memory is then taken once. */
  readonly reserve?: number;
  /** Collects the time of each step, for `takeProfile`. Slower; results are the same. */
  readonly profile?: boolean;
}

/** One loaded entry. */
export interface Program {
  /**
   * Runs once. `feeds` has every input of the entry, with the port's dtype and a shape that fits it.
   * @param fetch the outputs wanted; all when absent
   */
  run(feeds: Tensors, fetch?: readonly string[]): Promise<Tensors>;
  dispose(): Promise<void>;
}

export interface Backend {
  /** for `session.info()` and messages: `onnxruntime-node (cpu)` */
  readonly name: string;
  loadEntry(name: string, entry: EntryPorts): Promise<Program>;
}

/** One loaded entry of a backend with a device: it takes and gives tensors there as well. */
export interface DeviceProgram {
  /** @param fetch the outputs wanted besides those to keep; all when absent */
  run(feeds: AnyTensors, fetch?: readonly string[], options?: ProgramOptions): Promise<AnyTensors>;
  /** The step times of the runs with `profile` since the last call. */
  takeProfile(): StepTime[];
  dispose(): Promise<void>;
}

/** A backend whose tensors can stay on a device. */
export interface DeviceBackend {
  readonly name: string;
  loadEntry(name: string): Promise<DeviceProgram>;
  /** @param label for messages */
  upload(tensor: AnyTensor, label: string): Promise<AnyTensor>;
  /** Takes a new device after the loss of one; programs load again afterwards. */
  recover(): Promise<void>;
  /** Frees what programs share. */
  dispose(): Promise<void>;
}

/** A compiled model and a way to its files. */
export interface ModelSource {
  /** for messages: a directory or a URL */
  readonly location: string;
  readonly manifest: Manifest;
  /** A file of the manifest, whole. */
  read(file: string): Promise<Uint8Array>;
  /** The file's path on this machine, or its URL: given where the backend can load it without our reading it. */
  locate?(file: string): string;
}
