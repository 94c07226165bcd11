/** The runtime in Node. The page's twin is index.browser.ts: same API, other backends and sources. */

import { openAdapter } from './adapter.node.ts';
import { onnxBackend } from './backend.onnx.node.ts';
import type { Backend, ModelSource } from './backend.ts';
import { runtimeError } from './errors.ts';
import { openModel } from './model.node.ts';
import { Session } from './session.ts';

export * from './api.ts';
export { openCheckpoint } from './weights/checkpoint.node.ts';
export { fileSource } from './weights/source.node.ts';
export { writeSafetensors } from './weights/write.node.ts';
export { onnxBackend, openModel };

export interface OpenOptions {
  /** `onnx` unless told otherwise, or a backend of your own */
  readonly backend?: string | Backend;
  readonly threads?: number;
}

/**
 * Opens a compiled model: the directory that the compiler wrote, its manifest, or a source of your own.
 * @throws RuntimeError R0202–R0204 (model), R0216 (backend)
 */
export async function openSession(model: string | ModelSource, options: OpenOptions = {}): Promise<Session> {
  const { backend = 'onnx' } = options;
  if (typeof backend === 'string' && backend !== 'onnx') {
    throw runtimeError('R0216', { backend, reason: 'this version does not have it', known: ['onnx'] });
  }
  const source = typeof model === 'string' ? await openModel(model) : model;
  const onnx = () => onnxBackend(source, options.threads === undefined ? {} : { threads: options.threads });
  return Session.open(source.manifest, {
    backend: typeof backend === 'string' ? onnx() : backend,
    read: (file) => source.read(file),
    openAdapter,
  });
}
