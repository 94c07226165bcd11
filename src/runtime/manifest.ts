/** Reads `manifest.json`. It may come from a stranger's server, so nothing in it is believed unchecked. */
import type { Manifest } from '../shared/artifact.ts';
import { isDType } from '../shared/dtype.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { staysInside } from './weights/checkpoint.ts';

type Json = Readonly<Record<string, unknown>>;

/** A manifest that is not as the compiler writes it; becomes R0202. */
class ManifestProblem extends Error {}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function need(holds: boolean, problem: string): void {
  if (!holds) throw new ManifestProblem(problem);
}

function checkFile(file: unknown, what: string): void {
  need(
    typeof file === 'string' && staysInside(file),
    `names ${what} ${JSON.stringify(file)}, which is not a file beside it`,
  );
}

function checkPort(port: unknown, where: string): void {
  need(isObject(port) && typeof port.name === 'string', `has a port without a name in ${where}`);
  const { name, dtype, shape } = port as Json;
  need(typeof dtype === 'string' && isDType(dtype), `gives ${name} of ${where} the dtype ${JSON.stringify(dtype)}`);
  const dims =
    Array.isArray(shape) && shape.every((dim) => typeof dim === 'string' || (Number.isSafeInteger(dim) && dim >= 0));
  need(dims, `gives ${name} of ${where} a shape that is not a list of sizes and names`);
}

function checkEntry(name: string, entry: unknown): void {
  need(isObject(entry), `has an entry ${name} that is not an object`);
  const { file, inputs, outputs, cache, adapters = [] } = entry as Json;
  checkFile(file, 'the graph');
  need(
    Array.isArray(inputs) && Array.isArray(outputs) && Array.isArray(cache),
    `lacks inputs, outputs or cache in ${name}`,
  );
  const ports = [inputs as unknown[], outputs as unknown[]].map((list) => {
    for (const port of list) checkPort(port, name);
    return list as { name: string; dtype: string; shape: unknown[] }[];
  });
  for (const one of cache as unknown[]) {
    const { past, present, axis } = (isObject(one) ? one : {}) as Json;
    const input = ports[0]!.find((port) => port.name === past);
    const output = ports[1]!.find((port) => port.name === present);
    need(input !== undefined && output !== undefined, `has a cache in ${name} that is not a pair of its ports`);
    need(
      Number.isSafeInteger(axis) && (axis as number) >= 0 && (axis as number) < input!.shape.length,
      `has a cache in ${name} with a wrong axis`,
    );
  }
  need(Array.isArray(adapters), `has adapters in ${name} that are not a list`);
  for (const one of adapters as unknown[]) {
    const { input, key, shape } = (isObject(one) ? one : {}) as Json;
    const port = ports[0]!.find((candidate) => candidate.name === input);
    need(
      port?.dtype === 'f32' && port.shape.every((dim) => typeof dim === 'number') && typeof key === 'string',
      `has an adapter's parameter in ${name} that is not one of its inputs`,
    );
    need(
      JSON.stringify(shape) === JSON.stringify(port!.shape),
      `gives an adapter's parameter in ${name} another shape than its input`,
    );
  }
}

function checkAdapter(adapter: unknown): void {
  need(isObject(adapter) && adapter.type === 'LORA', 'has adapters that are not LORA');
  const { r, alpha, others, default: folder } = adapter as Json;
  need(Number.isSafeInteger(r) && (r as number) > 0 && Number.isFinite(alpha), 'has adapters without r or alpha');
  need(Array.isArray(others) && others.every((key) => typeof key === 'string'), 'has adapters without other keys');
  if (folder !== undefined) checkFile(folder, 'the adapter');
}

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
    for (const [name, entry] of Object.entries(entries as Json)) checkEntry(name, entry);
    if (adapter !== undefined) checkAdapter(adapter);
    else need(!Object.values(entries as Json).some((one) => (one as Json).adapters), 'has adapters without their rank');
    need(
      weights === null || (isObject(weights) && typeof weights.origin === 'string' && Array.isArray(weights.files)),
      'has wrong weights',
    );
    for (const one of isObject(weights) ? (weights.files as unknown[]) : []) {
      need(isObject(one) && Number.isSafeInteger(one.bytes), 'has a weights file without a size');
      checkFile((one as Json).file, 'the weights');
    }
    return manifest as unknown as Manifest;
  } catch (error) {
    if (!(error instanceof ManifestProblem || error instanceof SyntaxError)) throw error;
    throw runtimeError('R0202', {
      file,
      reason: error instanceof SyntaxError ? `is not JSON (${reasonOf(error)})` : error.message,
    });
  }
}
