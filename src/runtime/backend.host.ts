/** Backends whose tensors are on the host: ONNX Runtime, the interpreter, one of your own. */
import type { HostTensor } from '../shared/tensor.ts';
import type { Backend, EntryPorts, Tensors } from './backend.ts';
import { toHost } from './device-tensor.ts';

/** One loaded entry. */
export interface HostProgram {
  /**
   * Runs once. `feeds` has every input of the entry, with the port's dtype and a shape that fits it.
   * @param fetch the outputs wanted; all when absent
   */
  run(feeds: Tensors, fetch?: readonly string[]): Promise<Tensors>;
  dispose(): Promise<void>;
}

export interface HostBackend {
  /** for `session.info()` and messages */
  readonly name: string;
  loadEntry(name: string, entry: EntryPorts): Promise<HostProgram>;
  /** frees what programs share */
  dispose?(): Promise<void>;
}

/** The backend of a session: to keep an output is to get it, and to upload a tensor is to have it. */
export function hostBackend(own: HostBackend): Backend {
  return {
    name: own.name,
    async loadEntry(name, entry) {
      const program = await own.loadEntry(name, entry);
      return {
        async run(feeds, fetch, { keep } = {}) {
          const wanted = fetch && keep ? (keep === 'all' ? undefined : [...new Set([...fetch, ...keep])]) : fetch;
          const host: Record<string, HostTensor> = {};
          for (const [input, tensor] of Object.entries(feeds)) host[input] = await toHost(tensor);
          return program.run(host, wanted);
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
