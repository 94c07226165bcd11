/**
 * What runs a model's entries. ONNX Runtime in Node and in a page are backends; anything that implements this is
 * one too (the compiler's float64 interpreter, a fake in a test).
 */
import type { EntryManifest, Manifest } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';

export type Tensors = Readonly<Record<string, HostTensor>>;

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
  loadEntry(name: string, entry: EntryManifest): Promise<Program>;
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
