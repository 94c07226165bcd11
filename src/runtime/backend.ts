/**
 * What runs a model's entries. ONNX Runtime, WebGPU in Node and in a page are backends; anything that implements this is
 * one too (the compiler's float64 interpreter, a fake in a test).
 */
import type { EntryManifest, Manifest } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import type { AnyTensor, AnyTensors } from './device-tensor.ts';
import type { StepTime } from './step-time.ts';

export type Tensors = Readonly<Record<string, HostTensor>>;

/** What callers see of an entry, whatever it was compiled for. */
export type EntryPorts = EntryManifest;

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
   * Runs once. Tensors are on either side; what is kept stays on the backend's device, or on the host where it has none.
   * @param feeds every input of the entry but empty caches, with the port's dtype and a shape that fits it
   * @param fetch the outputs wanted besides those to keep; all when absent
   */
  run(feeds: AnyTensors, fetch?: readonly string[], options?: ProgramOptions): Promise<AnyTensors>;
  /** The step times of the runs with `profile` since the last call; none where the backend cannot tell. */
  takeProfile(): StepTime[];
  dispose(): Promise<void>;
}

/** What runs entries. One without a device is made by `hostBackend`. */
export interface Backend {
  /** for `session.info()` and messages: `onnxruntime-node (cpu)` */
  readonly name: string;
  loadEntry(name: string, entry: EntryPorts): Promise<Program>;
  /** A tensor on the device, or on the host where there is none. @param label for messages */
  upload(tensor: AnyTensor, label: string): Promise<AnyTensor>;
  /** Takes a new device after the loss of one: true, and programs load again. False where none was lost. */
  recover(): Promise<boolean>;
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
