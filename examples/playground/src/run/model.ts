/** A project's model in a run worker, its weights, and a session of it. */
import { type Artifact, compile, type Graphs, type Model, TARGETS, type WeightReader } from 'mdl-compiler';
import { bytesSource, Checkpoint, type HostTensor, initialise, RuntimeError, Session } from 'mdl-compiler/runtime';
import { pageHost } from '../../../browser/src/host.ts';
import type { Snapshot } from '../project.ts';
import type { BackendChoice, WeightsChoice } from './protocol.ts';

/** ONNX Runtime's WebAssembly, beside the page. More threads want cross-origin isolation, which a plain web server does not give. */
const HOST = pageHost({ wasm: 'ort/ort-wasm-simd-threaded.wasm', threads: 1 });

/** @param flags of a stage, which come first: what is chosen in the page has the last word. @throws Error with every message */
export function compiled(
  { root, files, config, set = {} }: Snapshot,
  flags: ReadonlyMap<string, boolean> = new Map(),
): Model {
  const host = { read: (path: string) => (Object.hasOwn(files, path) ? files[path] : undefined) };
  const settings = [...flags, ...Object.entries(set)].map(([name, value]) => ({ name, text: String(value) }));
  const { model, diagnostics } = compile(root, host, { set: settings, ...(config === undefined ? {} : { config }) });
  if (model) return model;
  throw new Error(
    diagnostics()
      .map(({ code, message }) => `${code}: ${message}`)
      .join('\n'),
  );
}

/** @throws Error where the file lacks a key, has others, or one of another shape */
export async function readerOf(model: Model, { seed, files }: WeightsChoice): Promise<WeightReader> {
  const checkpoints: Checkpoint[] = [];
  for (const { name, bytes } of files) checkpoints.push(await Checkpoint.ofFiles(name, [bytesSource(bytes, name)]));
  for (const checkpoint of checkpoints) checkKeys(model, checkpoint);
  const read = async (key: string): Promise<HostTensor> => {
    const parameter = model.parameters.get(key)!;
    for (const checkpoint of checkpoints.toReversed()) {
      const stored = parameter.keys.find((name) => checkpoint.tensors.has(name));
      if (stored !== undefined) return checkpoint.read(stored);
    }
    const { dtype, shape, initializer } = parameter;
    const values = initialise(initializer, { seed, key, shape });
    if (dtype === 'f32') return { dtype, shape, data: values };
    return dtype === 'i64'
      ? { dtype, shape, data: BigInt64Array.from(values, (x) => BigInt(Math.trunc(x))) }
      : { dtype, shape, data: Uint8Array.from(values) };
  };
  return {
    origin: files.map(({ name }) => name).join(', ') || `seed ${seed}`,
    trained: files.length > 0,
    read,
    async *chunks(key) {
      const { data } = await read(key);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  };
}

/** Names in a list: more would fill the page. */
const MOST_NAMES = 8;

/** What is trained alone may be in the file: the rest is as the seed makes it. */
function checkKeys(model: Model, { name, tensors }: Checkpoint): void {
  const known = new Map(
    [...model.parameters.values()].flatMap((parameter) => parameter.keys.map((key) => [key, parameter])),
  );
  const problems = [...tensors].flatMap(([key, { shape }]) => {
    const parameter = known.get(key);
    if (!parameter) return [`${key} is no key of ${model.name}`];
    if (parameter.shape.join() === shape.join()) return [];
    return [`${key} is [${shape.join(', ')}] and the model's [${parameter.shape.join(', ')}]`];
  });
  if (problems.length === 0) return;
  const more = problems.length > MOST_NAMES ? [`and ${problems.length - MOST_NAMES} more`] : [];
  throw new Error(`${name} does not fit the model:\n${[...problems.slice(0, MOST_NAMES), ...more].join('\n')}`);
}

type Target = Exclude<BackendChoice, 'auto'>;

/**
 * @param make the graphs, as the target wants them
 * @throws RuntimeError R1001, R1002 where WebGPU is asked for and there is none; what the target refuses
 */
export async function openOn(
  choice: BackendChoice,
  weights: WeightReader,
  make: (target: Target) => Graphs,
): Promise<{ readonly session: Session; readonly graphs: Graphs; readonly why?: string }> {
  const open = async (target: Target, hardwareOnly = false): Promise<{ session: Session; graphs: Graphs }> => {
    const graphs = make(target);
    const artifact: Artifact = TARGETS[target].compile(graphs);
    if (hardwareOnly) await hardware();
    const backend = await TARGETS[target].open(artifact, weights, HOST);
    return { graphs, session: Session.open(artifact.manifest(weights), { backend }) };
  };
  if (choice !== 'auto') return open(choice);
  try {
    return await open('webgpu', true);
  } catch (error) {
    if (!(error instanceof NoHardware || (error instanceof RuntimeError && ['R1001', 'R1002'].includes(error.code))))
      throw error;
    return { ...(await open('onnx')), why: error.message };
  }
}

class NoHardware extends Error {}

async function hardware(): Promise<void> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new NoHardware('this browser has no WebGPU adapter');
  if (adapter.info.isFallbackAdapter) throw new NoHardware('the WebGPU adapter is software');
}
