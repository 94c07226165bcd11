/** The two files of an adapter in PEFT's format, checked against what the manifest says of the compiled graphs. */
import type { AdapterPort } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterBytes, type LoadedAdapter, peftKey } from './adapters.ts';
import type { ModelManifest } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { alphaOf, coverOf, type PeftConfig, parsePeftConfig, unsupportedSetting } from './peft-config.ts';
import { SafetensorsFile } from './safetensors.ts';
import { firstNonFinite } from './weights/dtypes.ts';
import { bytesSource } from './weights/source.ts';

/** An adapter's tensors by checkpoint key, f32. @throws RuntimeError R0219–R0221, R01xx */
export async function readAdapter(
  manifest: ModelManifest,
  adapter: string,
  bytes: AdapterBytes,
): Promise<LoadedAdapter> {
  checkConfig(manifest, adapter, bytes.config);
  const file = await SafetensorsFile.open(bytesSource(bytes.weights, `${adapter}: ${ADAPTER_WEIGHTS}`));
  const ports = new Map<string, AdapterPort>();
  for (const entry of Object.values(manifest.entries))
    for (const port of entry.adapters ?? []) ports.set(port.key, port);
  const stored = new Map([...file.tensors.keys()].map((name) => [peftKey(name), name]));
  const keys = [...ports.keys(), ...manifest.adapter!.others];
  const { without, missing } = coverOf(keys.map(peftKey), new Set(stored.keys()));
  const problems: string[] = [];
  const unexpected = new Set(file.tensors.keys());
  for (const key of keys) unexpected.delete(stored.get(peftKey(key)) ?? '');
  const tensors = new Map<string, HostTensor>();
  for (const { key, shape } of ports.values()) {
    const name = stored.get(peftKey(key));
    if (name === undefined) {
      // where both are absent a run feeds zeros
      if (missing.includes(peftKey(key))) problems.push(`${peftKey(key)} is missing`);
      continue;
    }
    const found = file.info(name);
    if (found.shape.join() !== shape.join()) {
      problems.push(`${name} has shape [${found.shape.join(', ')}] and not [${shape.join(', ')}]`);
      continue;
    }
    const tensor = await file.read(name);
    if (!(tensor.data instanceof Float32Array)) {
      problems.push(`${name} is ${found.dtype} and not a float`);
      continue;
    }
    const at = firstNonFinite(tensor.data);
    if (at >= 0) problems.push(`${name} is ${tensor.data[at]} at element ${at}`);
    tensors.set(key, tensor);
  }
  for (const key of manifest.adapter!.others.map(peftKey))
    if (missing.includes(key)) problems.push(`${key} is missing`);
  for (const name of unexpected) problems.push(`${name} is unexpected`);
  if (problems.length === 0 && stored.size === 0) problems.push('it has none');
  if (problems.length > 0) throw runtimeError('adapter_misfit', { adapter, problems });
  return { tensors, without };
}

/** Rank and scaling, which are part of the compiled graphs. @throws RuntimeError R0219, R0220 */
function checkConfig(manifest: ModelManifest, adapter: string, text: Uint8Array | string): void {
  let config: PeftConfig;
  try {
    config = parsePeftConfig(typeof text === 'string' ? text : new TextDecoder().decode(text));
  } catch (error) {
    throw runtimeError(
      'adapter_not_read',
      { adapter, reason: `${ADAPTER_CONFIG} is not JSON: ${reasonOf(error)}` },
      error,
    );
  }
  const { type, r, alpha } = manifest.adapter!;
  const same = (what: string, found: unknown, expected: unknown): void => {
    if (found === expected) return;
    const shown = found === undefined ? 'none' : JSON.stringify(found);
    throw runtimeError('adapter_setting', { adapter, what, found: shown, expected: JSON.stringify(expected) });
  };
  same('peft_type', config.peft_type, type);
  same('r', config.r, r);
  if (config.use_rslora === true) same('scaling', Number(alphaOf(config)) / r, alpha / r);
  else same('lora_alpha', config.lora_alpha, alpha);
  const other = unsupportedSetting(config);
  if (other) throw runtimeError('adapter_setting', { adapter, what: other.key, found: other.found, expected: 'none' });
}
