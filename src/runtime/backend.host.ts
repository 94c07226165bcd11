/** Backends whose tensors are on the host: ONNX Runtime, the interpreter, one of your own. */
import type { Backend, EntryPorts, Tensors } from './backend.ts';
import { type AnyTensor, type AnyTensors, isOnDevice, toHost } from './device-tensor.ts';
import { StoredTensor } from './stored-tensor.ts';

/** One loaded entry. */
export interface HostProgram {
  /**
   * Runs once. `feeds` has every input of the entry, with the port's dtype and a shape that fits it.
   * @param fetch the outputs wanted; all when absent
   * @param keep those of them that the caller releases, so that their memory may be lent
   */
  run(feeds: Tensors, fetch?: readonly string[], keep?: readonly string[] | 'all'): Promise<Tensors>;
  dispose(): Promise<void>;
}

export interface HostBackend {
  /** for `session.info()` and messages */
  readonly name: string;
  loadEntry(name: string, entry: EntryPorts): Promise<HostProgram>;
  /** frees what programs share */
  dispose?(): Promise<void>;
}

/** The backend of a session: to keep an output is to get it, perhaps in lent memory; to upload a tensor is to have it. */
export function hostBackend(own: HostBackend): Backend {
  return {
    name: own.name,
    async loadEntry(name, entry) {
      const program = await own.loadEntry(name, entry);
      return {
        async run(feeds, fetch, { keep } = {}) {
          const wanted = fetch && keep ? (keep === 'all' ? undefined : [...new Set([...fetch, ...keep])]) : fetch;
          const host: Record<string, AnyTensor> = {};
          for (const [input, tensor] of Object.entries(feeds))
            host[input] = isOnDevice(tensor) && !(tensor instanceof StoredTensor) ? await tensor.read() : tensor;
          // a program that gives what it keeps as stored tensors takes them, and types of host tensors are all that others need
          return program.run(host as Tensors, wanted, keep) as Promise<AnyTensors>;
        },
        takeProfile: () => [],
        dispose: () => program.dispose(),
      };
    },
    upload: toHost,
    recover: async () => false,
    dispose: async () => own.dispose?.(),
  };
}
