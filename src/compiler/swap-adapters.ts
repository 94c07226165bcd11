/**
 * `mdl compile --swap-adapters`: the parameters that LoRA brings become inputs of the graphs, so that a session can feed
 * them from one adapter or another without loading anything again.
 *
 *     x ── linear W ──────────────────────────────── add ──▶
 *     └─── linear A ◀ input ── linear B ◀ input ── · alpha/r ─┘        zeros for A and B: the model without adapters
 */
import type { AdapterManifest, AdapterPort } from '../shared/artifact.ts';
import type { ModuleInstance, ParameterInfo } from './elaborate/instance.ts';
import { submodulesOf } from './elaborate/instance.ts';
import type { Model } from './elaborate/model.ts';
import { promoteParameters } from './ir/editor.ts';
import { type Graph, typeOf } from './ir/graph.ts';

/** Why the adapters of a model cannot be swapped: a clause that names what was found and what is needed. */
export class SwapError extends Error {}

export interface SwappableAdapters {
  readonly r: number;
  readonly alpha: number;
  readonly parameters: readonly ParameterInfo[];
}

/** Folder of the weights' own adapter, relative to the manifest. */
export const DEFAULT_ADAPTER = 'adapters/default';

/**
 * The LoRA of a model. A PEFT folder has one rank and one alpha, and so must the model.
 * @throws SwapError when there is none, or another kind of adapter
 */
export function swappableAdapters(model: Model): SwappableAdapters {
  const parameters = [...model.parameters.values()].filter(({ adapter }) => adapter !== undefined);
  if (parameters.length === 0) throw new SwapError('the model has no adapters under these settings');
  const other = parameters.find(({ name }) => name !== 'lora_A' && name !== 'lora_B');
  if (other) throw new SwapError(`${other.path} is a parameter of ${other.adapter}, and those of LoRA can be swapped`);
  const pairs = new Map<string, { r: number; alpha: number }>();
  for (const pair of scalings(model.root)) pairs.set(`${pair.r} and ${pair.alpha}`, pair);
  const [first, ...more] = pairs.values();
  if (first === undefined) throw new SwapError('the adapters of the model have no r and alpha');
  if (more.length > 0) {
    throw new SwapError(
      `the adapters of the model have r and alpha ${[...pairs.keys()].join(', ')}, and one r and one alpha are needed`,
    );
  }
  return { ...first, parameters };
}

function scalings(instance: ModuleInstance): { r: number; alpha: number }[] {
  const values = instance.adapter?.values;
  const number = (name: string): number | undefined => {
    const value = values?.get(name);
    return value?.kind === 'int' || value?.kind === 'float' ? value.value : undefined;
  };
  const [r, alpha] = [number('r'), number('alpha')];
  const own = r === undefined || alpha === undefined ? [] : [{ r, alpha }];
  return [...own, ...submodulesOf(instance).flatMap((child) => scalings(child.instance))];
}

/** The graph with the adapters' parameters as inputs, which come after its own. */
export function promoteAdapters(graph: Graph, { parameters }: SwappableAdapters): Graph {
  return promoteParameters(graph, new Set(parameters.map(({ keys }) => keys[0])), inputName);
}

/** The inputs of a promoted graph that are an adapter's. */
export function adapterPorts(graph: Graph, { parameters }: SwappableAdapters): AdapterPort[] {
  const keys = new Map(parameters.map(({ keys: [key] }) => [inputName(key), key]));
  return graph.inputs.flatMap(({ name, value }): AdapterPort[] => {
    const key = keys.get(name);
    return key === undefined ? [] : [{ input: name, key, shape: typeOf(graph, value).shape as readonly number[] }];
  });
}

export function adapterManifest(
  { r, alpha, parameters }: SwappableAdapters,
  graphs: readonly Graph[],
  hasDefault: boolean,
): AdapterManifest {
  const used = new Set(graphs.flatMap(({ inputs }) => inputs.map(({ name }) => name)));
  const others = parameters.flatMap(({ keys: [key] }) => (used.has(inputName(key)) ? [] : [key]));
  return { type: 'LORA', r, alpha, ...(hasDefault ? { default: DEFAULT_ADAPTER } : {}), others };
}

const inputName = (key: string): string => `parameter.${key}`;
