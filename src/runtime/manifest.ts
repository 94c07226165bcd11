/** Reads `manifest.json`, the description of a model that was compiled for ONNX. */
import type { Manifest } from '../shared/artifact.ts';
import { reasonOf, runtimeError } from './errors.ts';
import {
  checkAdapter,
  checkFile,
  checkPorts,
  checkWeights,
  isObject,
  type Json,
  ManifestProblem,
  need,
} from './manifest-checks.ts';

/**
 * The manifest in `text`.
 * @param file for messages
 * @throws RuntimeError R0202 when it is not a manifest of this version
 */
export function parseManifest(text: string, file: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(text);
    need(isObject(manifest), 'is not a JSON object');
    const { format, version, model, entries, weights, opset, adapter } = manifest as Json;
    need(
      format === 'mdl-onnx' && version === 1,
      `has format ${JSON.stringify(format)} version ${JSON.stringify(version)}, not mdl-onnx version 1`,
    );
    need(isObject(model) && typeof model.name === 'string' && isObject(model.config), 'does not describe the model');
    need(Number.isSafeInteger(opset), 'does not give the opset');
    need(isObject(entries), 'has no entries');
    for (const [name, entry] of Object.entries(entries as Json)) {
      checkPorts(name, entry);
      checkFile((entry as Json).file, 'the graph');
    }
    checkAdapter(adapter, entries as Json);
    checkWeights(weights);
    return manifest as unknown as Manifest;
  } catch (error) {
    if (!(error instanceof ManifestProblem || error instanceof SyntaxError)) throw error;
    throw runtimeError('manifest', {
      file,
      reason: error instanceof SyntaxError ? `is not JSON (${reasonOf(error)})` : error.message,
    });
  }
}
