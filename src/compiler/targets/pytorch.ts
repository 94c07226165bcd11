/**
 * PyTorch: the model's modules as classes in one file of Python, and its weights by the same keys. With a stage also the program that
 * trains it.
 */
import type { EntryManifest, Manifest, PyTorchSection, WeightsOrigin } from '../../shared/artifact.ts';
import { entryFor, portFor } from '../../shared/roles.ts';
import { INFERENCE_FILES, modelFile } from '../backends/pytorch/index.ts';
import { TorchProblem } from '../backends/pytorch/problem.ts';
import type { Model } from '../elaborate/model.ts';
import type { Graphs } from '../graphs.ts';
import { entryManifest, manifestOf, modelManifest } from '../ports.ts';
import { SwapError, swappableAdapters } from '../swap-adapters.ts';
import { trainingFiles } from './pytorch-stage.ts';
import { safetensorsFile } from './stored.ts';
import type { Artifact, Target } from './target.ts';

const MODEL = 'model.py';
const GENERATE = 'generate.py';
const LORA = 'lora.py';
const WEIGHTS = 'model.safetensors';

export const pytorch: Target = { name: 'pytorch', takes: ['stage'], training: {}, passes: [], compile };

/** Every parameter and buffer is in the file, used by an entry or not: `load_state_dict` is strict. @throws TorchProblem */
function compile(graphs: Graphs): Artifact {
  const { model } = graphs;
  const stored = graphs.entries.flatMap(({ cache }) => cache).find((port) => port.stored)?.stored;
  if (stored) throw new TorchProblem('torch_caches', { stored });
  const written = graphs.entries.filter(({ name }) => model.entries.includes(name));
  const entries = written.map(({ name }) => name);
  const forward = graphs.stage?.minimizes ?? model.entryFor('loss');
  const { text, root, methods } = modelFile(model, entries, { head: headOf(graphs), forward });
  const training = trainingFiles(graphs, root);
  const ports = Object.fromEntries(written.map((entry) => [entry.name, entryManifest(entry)]));
  const generates = isGenerative(ports, modelManifest(graphs));
  const parameters = [...model.parameters].map(([key, { dtype, shape }]) => ({ key, dtype, shape }));
  // torch computes in f32 with the numbers that the integers stand for
  const weightsFile = { ...safetensorsFile(WEIGHTS, parameters), rounded: graphs.quantised };
  const adapter = adapterOf(model);
  const weights = [{ file: weightsFile.file, bytes: weightsFile.bytes }];
  const renamed = [...methods].filter(([entry, method]) => entry !== method);
  const section = {
    pytorch: {
      model: MODEL,
      weights,
      ...(adapter ? { adapter } : {}),
      ...(renamed.length > 0 ? { methods: Object.fromEntries(renamed) } : {}),
    },
  };
  const encoder = new TextEncoder();
  const bytes = encoder.encode(text);
  const adapts = generates || adapter !== undefined;
  const beside = Object.entries(INFERENCE_FILES).filter(([name]) => (name === LORA ? adapts : generates));
  const files = [[MODEL, text] as const, ...beside, ...training].map(
    ([name, said]) => [name, encoder.encode(said)] as const,
  );
  return {
    target: 'pytorch',
    graphs,
    label: 'pytorch',
    weights: [weightsFile],
    made: [
      { name: MODEL, what: `${entries.length} entries`, bytes: bytes.length },
      ...(generates ? [{ name: GENERATE, what: 'answers prompts' }] : []),
      ...(adapts ? [{ name: LORA, what: 'loads adapters' }] : []),
      ...(graphs.stage ? [{ name: 'train.py', what: `trains ${graphs.stage.name}` }] : []),
    ],
    manifest: (weights: WeightsOrigin | null, ownAdapter = false) =>
      manifestOf(graphs, ports, section, weights, ownAdapter),
    files: () => new Map(files),
  };
}

/** What a folder of PEFT must have to fit the model's own adapters; undefined of a model that has none, or several kinds. */
function adapterOf(model: Model): PyTorchSection['adapter'] {
  try {
    const { r, alpha, parameters } = swappableAdapters(model);
    return { r, alpha, keys: parameters.map(({ keys: [key] }) => key) };
  } catch (error) {
    if (error instanceof SwapError) return undefined;
    throw error;
  }
}

/** Whether the entries are those that generate.py runs. */
function isGenerative(entries: Readonly<Record<string, EntryManifest>>, { roles, ports }: Manifest['model']): boolean {
  const [embed, decode] = ['embed_tokens', 'decode'].map((role) => entries[entryFor(roles, role)]);
  const has = (given: EntryManifest['inputs'] | undefined, port: string): boolean =>
    given?.some(({ name }) => name === portFor(ports, 'decode', port)) === true;
  return embed?.inputs.length === 1 && has(decode?.inputs, 'inputs_embeds') && has(decode?.outputs, 'logits');
}

/** What the file says of itself. */
function headOf({ model }: Graphs): readonly string[] {
  const { configName, flags } = model.settings;
  const set = [...flags].map(([name, on]) => `${name}=${on}`).join(' ');
  return [
    `${model.name} of ${model.program.root.source.path}, config ${configName || 'none'}${set === '' ? '' : `; ${set}`}.`,
    '',
    'Written by `mdl compile --target pytorch`: sizes and flags are those of the config, and `state_dict()` has the keys of',
    'the checkpoint. Above each statement stands what it was in the source, and behind it the shape of what it makes.',
  ];
}
