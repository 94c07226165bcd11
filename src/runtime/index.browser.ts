/** The runtime in a page. Node's twin is index.ts: same API, other backends and sources. */

import { openAdapter } from './adapter.browser.ts';
import { type OnnxWebOptions, onnxBackend } from './backend.onnx.browser.ts';
import type { Backend, ModelSource } from './backend.ts';
import { runtimeError } from './errors.ts';
import { openModel } from './model.browser.ts';
import { Session } from './session.ts';

export * from './api.ts';
export { openCheckpoint } from './weights/checkpoint.browser.ts';
export { blobSource, urlSource } from './weights/source.browser.ts';
export { onnxBackend, openModel };

export interface OpenOptions extends OnnxWebOptions {
  /** `onnx` unless told otherwise, or a backend of your own */
  readonly backend?: string | Backend;
}

/**
 * Opens a compiled model: the URL of the directory that the compiler wrote, of its manifest, or a source of your own.
 * @throws RuntimeError R0202, R0203 (model), R0216 (backend)
 */
export async function openSession(model: string | ModelSource, options: OpenOptions = {}): Promise<Session> {
  const { backend = 'onnx' } = options;
  if (typeof backend === 'string' && backend !== 'onnx') {
    throw runtimeError('R0216', { backend, reason: 'this version does not have it', known: ['onnx'] });
  }
  const source = typeof model === 'string' ? await openModel(model) : model;
  return Session.open(source.manifest, {
    backend: typeof backend === 'string' ? onnxBackend(source, options) : backend,
    read: (file) => source.read(file),
    openAdapter,
  });
}
