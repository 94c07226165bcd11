/** Reads `manifest.json`, the description of a compiled model. */
import { MANIFEST_VERSION, type Manifest } from '../shared/artifact.ts';
import { reasonOf, runtimeError } from './errors.ts';
import {
  checkAdapter,
  checkFile,
  checkFiles,
  checkOrigin,
  checkPorts,
  checkTraining,
  isObject,
  type Json,
  ManifestProblem,
  need,
} from './manifest-checks.ts';
import { checkKernels } from './manifest-kernels.ts';

/**
 * The manifest in `text`.
 * @param file for messages
 * @throws RuntimeError R0202 when it is not a manifest of this version
 */
export function parseManifest(text: string, file: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(text);
    need(isObject(manifest), 'is not a JSON object');
    const { format, version, model, entries, weights, targets, adapter } = manifest as Json;
    need(
      format === 'mdl' && version === MANIFEST_VERSION,
      `has format ${JSON.stringify(format)} version ${JSON.stringify(version)}, not mdl version ${MANIFEST_VERSION}`,
    );
    need(isObject(model) && typeof model.name === 'string' && isObject(model.config), 'does not describe the model');
    need(isObject(entries), 'has no entries');
    for (const [name, entry] of Object.entries(entries as Json)) checkPorts(name, entry);
    checkAdapter(adapter, entries as Json);
    checkOrigin(weights);
    checkTargets(targets, entries as Json);
    return manifest as unknown as Manifest;
  } catch (error) {
    if (!(error instanceof ManifestProblem || error instanceof SyntaxError)) throw error;
    throw runtimeError('manifest', {
      file,
      reason: error instanceof SyntaxError ? `is not JSON (${reasonOf(error)})` : error.message,
    });
  }
}

/** Targets that this version does not know are another's business: they are left alone. */
function checkTargets(targets: unknown, entries: Json): void {
  need(isObject(targets) && Object.keys(targets).length > 0, 'names no target');
  const { onnx, pytorch, webgpu } = targets as Json;
  if (onnx !== undefined) {
    need(isObject(onnx) && Number.isSafeInteger(onnx.opset), 'does not give the opset');
    const { files, weights, training, start, kernels } = onnx as Json;
    need(isObject(files), 'has no graphs');
    for (const [entry, file] of Object.entries(files as Json)) {
      need(Object.hasOwn(entries, entry), `has a graph of ${entry}, which is none of its entries`);
      checkFile(file, 'the graph');
    }
    checkFiles(weights);
    if (training !== undefined) {
      checkTraining(training, files as Json);
      checkFiles([start]);
    }
    checkKernels(kernels, entries);
  }
  if (pytorch !== undefined) {
    need(isObject(pytorch), 'has no model of PyTorch');
    checkFile((pytorch as Json).model, 'the model of PyTorch');
    checkFiles((pytorch as Json).weights);
  }
  if (webgpu !== undefined) {
    need(isObject(webgpu), 'has no plan');
    checkFile((webgpu as Json).plan, 'the plan');
    checkFiles((webgpu as Json).weights);
  }
}
