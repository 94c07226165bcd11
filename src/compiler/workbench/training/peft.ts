/**
 * LoRA adapters in PEFT's format: a folder with adapter_config.json and adapter_model.safetensors, whose keys are those
 * of the model without the adapter's name (`default`), from `base_model.model.` on. Source: peft 0.6, save_pretrained.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Checkpoint,
  openCheckpoint,
  peftKey,
  type StoredTensor,
  writeSafetensors,
} from '../../../runtime/index.ts';
import {
  alphaOf,
  coverOf,
  type PeftConfig,
  parsePeftConfig,
  unsupportedSetting,
} from '../../../runtime/peft-config.ts';
import { type HostTensor, sizeOf } from '../../../shared/tensor.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError, reasonOf } from '../errors.ts';
import type { Notes } from '../notes.ts';
import type { CheckpointLike, WeightProvider } from '../weights/provider.ts';

import { adapterParameters, CONFIG, configText, peftFiles, shapeOf, WEIGHTS } from './peft-files.ts';

export { peftKey };

/**
 * Writes the adapter of a model.
 * @param tensors by checkpoint key; those that are no adapter's are left out
 * @throws CliError C0204 when the model has none, C0105; RuntimeError R0122
 */
export async function saveAdapter(
  folder: string,
  model: Model,
  tensors: ReadonlyMap<string, HostTensor>,
): Promise<void> {
  const shape = shapeOf(model);
  const parameters = adapterParameters(model).filter(({ keys }) => tensors.has(keys[0]));
  if (!shape || parameters.length === 0)
    throw cliError('adapter_unusable', { folder, reason: 'no adapter was trained, so there is none to save' });
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, CONFIG), configText(shape));
  } catch (error) {
    throw cliError('file_not_written', { file: folder, reason: reasonOf(error) }, [], error);
  }
  await writeSafetensors(
    join(folder, WEIGHTS),
    new Map(parameters.map(({ keys: [key] }) => [peftKey(key), tensors.get(key)!])),
  );
}

/**
 * The files of the adapter in a model's weights, by name below `folder`; none when every B is 0, as one that was
 * never trained: such an adapter adds nothing.
 * @throws CliError C0102 for a value that is not finite
 */
export async function adapterFiles(
  folder: string,
  model: Model,
  weights: WeightProvider,
): Promise<Map<string, Uint8Array>> {
  const shape = shapeOf(model);
  const tensors = new Map<string, HostTensor>();
  let trained = false;
  for (const { keys, name } of adapterParameters(model)) {
    const tensor = await weights.read(keys[0]);
    tensors.set(keys[0], tensor);
    if (name === 'lora_B') trained ||= (tensor.data as Float32Array).some((value) => value !== 0);
  }
  if (!shape || !trained) return new Map();
  return new Map([...peftFiles(shape, tensors)].map(([name, bytes]) => [`${folder}/${name}`, bytes]));
}

/** Whether a checkpoint has anything of the model's adapters. */
export function hasAdapter(model: Model, checkpoint: Pick<Checkpoint, 'tensors'>): boolean {
  return adapterParameters(model).some(({ keys }) => keys.some((key) => checkpoint.tensors.has(key)));
}

/**
 * A checkpoint with an adapter's tensors in place of its own; says which modules it leaves as they are.
 * @throws CliError C0204 when the folder is no adapter of this model, C0205 when rank or alpha differ
 */
export async function withAdapter(
  checkpoint: Checkpoint,
  folder: string,
  model: Model,
  output: Notes,
): Promise<CheckpointLike> {
  const parameters = adapterParameters(model);
  if (parameters.length === 0)
    throw cliError('adapter_unusable', { folder, reason: 'the model has no adapter under these settings' });
  await checkConfig(folder, model, parameters);
  const adapter = await openCheckpoint(join(folder, WEIGHTS));
  try {
    return over(checkpoint, adapter, folder, parameters, output);
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

/** @throws CliError C0204 */
function over(
  checkpoint: Checkpoint,
  adapter: Checkpoint,
  folder: string,
  parameters: readonly ParameterInfo[],
  output: Notes,
): CheckpointLike {
  const sources = new Map<string, string>(); // canonical key → key in the adapter's file
  const byName = new Map([...adapter.tensors.keys()].map((name) => [peftKey(name), name]));
  const wanted = parameters.map(({ keys: [key] }) => peftKey(key));
  const { without, missing } = coverOf(wanted, new Set(byName.keys()));
  if (byName.size === 0) throw cliError('adapter_unusable', { folder, reason: 'it has no tensors' });
  if (missing[0] !== undefined) throw cliError('adapter_unusable', { folder, reason: `it has no ${missing[0]}` });
  const zeros = new Map<string, HostTensor>(); // by canonical key
  for (const { keys, shape } of parameters) {
    const [key] = keys;
    const name = byName.get(peftKey(key));
    if (name === undefined) zeros.set(key, { dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)) });
    else sources.set(key, name);
    byName.delete(peftKey(key));
  }
  for (const name of byName.keys())
    throw cliError('adapter_unusable', { folder, reason: `it has ${name}, which the model does not` });
  if (without.length > 0)
    output.note(
      `the adapter ${folder} leaves ${without.length} of ${wanted.length / 2} modules as they are: ${namesOf(without)}`,
    );
  const replaced = new Set(parameters.flatMap(({ keys }) => keys));
  const tensors = new Map<string, StoredTensor>([...checkpoint.tensors].filter(([key]) => !replaced.has(key)));
  for (const [key, name] of sources) tensors.set(key, adapter.tensors.get(name)!);
  for (const [key, { shape, data }] of zeros) tensors.set(key, { dtype: 'F32', shape, byteLength: data.byteLength });
  const streamFrom: CheckpointLike['streamFrom'] = (key, byte, bytes) => {
    const zero = zeros.get(key);
    if (zero) return from(zero, byte);
    return sources.has(key)
      ? adapter.streamFrom(sources.get(key)!, byte, bytes)
      : checkpoint.streamFrom(key, byte, bytes);
  };
  return {
    name: `${checkpoint.name} + ${folder}`,
    tensors,
    read: async (key) => zeros.get(key) ?? (sources.has(key) ? adapter.read(sources.get(key)!) : checkpoint.read(key)),
    stream: (key, bytes) => streamFrom(key, 0, bytes),
    streamFrom,
    packed: (key, as) => (zeros.has(key) || sources.has(key) ? undefined : checkpoint.packed(key, as)),
    close: async () => {
      await adapter.close();
      await checkpoint.close();
    },
  };
}

async function* from({ data }: HostTensor, byte: number): AsyncIterable<Uint8Array> {
  yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength).subarray(byte);
}

/** The first few. */
function namesOf(modules: readonly string[]): string {
  const shown = modules.slice(0, 4).map((name) => name.replace(/^base_model\.model\./, ''));
  return shown.join(', ') + (modules.length > shown.length ? ', …' : '');
}

/** @throws CliError C0204, C0205 */
async function checkConfig(folder: string, model: Model, parameters: readonly ParameterInfo[]): Promise<void> {
  let config: PeftConfig;
  try {
    config = parsePeftConfig(await readFile(join(folder, CONFIG), 'utf8'));
  } catch (error) {
    throw cliError('adapter_unusable', { folder, reason: `${CONFIG} cannot be read (${reasonOf(error)})` }, [], error);
  }
  if (config.peft_type !== 'LORA')
    throw cliError('adapter_unusable', {
      folder,
      reason: `its peft_type is ${JSON.stringify(config.peft_type)}, and LORA is read`,
    });
  const r = parameters.find(({ name }) => name === 'lora_A')?.shape[0];
  const shape = shapeOf(model);
  const differs = (what: string, found: unknown, expected: number | undefined): void => {
    if (expected === undefined || found === expected) return;
    throw cliError('adapter_setting', { folder, what, found: String(found), expected: String(expected) });
  };
  differs('r', config.r, shape?.r ?? r);
  differs('alpha', alphaOf(config), shape?.alpha);
  const other = unsupportedSetting(config);
  if (other) throw cliError('adapter_unusable', { folder, reason: other.reason });
}
