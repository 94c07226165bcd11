/**
 * What every target's manifest says: of the model, and of the ports that a graph's inputs and outputs become.
 *
 * Integers that are looked up in a table have a range, which a session checks before a backend sees them: runtimes
 * differ in what they make of a token id outside the vocabulary, and some read another row without a word.
 */
import {
  type DimRequirement,
  type EntryChecks,
  type EntryManifest,
  MANIFEST_VERSION,
  type Manifest,
  type TensorPort,
  type WeightsOrigin,
} from '../shared/artifact.ts';
import { printDim } from '../shared/dim.ts';
import type { Guarded } from './checks/index.ts';
import type { FinishedGraph, Graphs } from './graphs.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from './ir/graph.ts';
import { rolePorts } from './role-ports.ts';
import { adapterManifest } from './swap-adapters.ts';
import { VERSION } from './version.ts';

/** The manifest of compiled graphs. @param ownAdapter whether the weights came with an adapter, kept in DEFAULT_ADAPTER */
export function manifestOf(
  all: Graphs,
  entries: Manifest['entries'],
  targets: Manifest['targets'],
  weights: WeightsOrigin | null,
  ownAdapter: boolean,
): Manifest {
  const { adapters } = all;
  const made = all.entries.map(({ guarded }) => guarded.graph);
  return {
    format: 'mdl',
    version: MANIFEST_VERSION,
    compiler: `mdl ${VERSION}`,
    model: modelManifest(all),
    entries,
    ...(adapters ? { adapter: adapterManifest(adapters, made, ownAdapter) } : {}),
    weights: weights && { origin: weights.origin, trained: weights.trained },
    targets,
  };
}

/** What a manifest or a plan says of the model that it was made from. */
export function modelManifest({ model, entries }: Pick<Graphs, 'model' | 'entries'>): Manifest['model'] {
  const roles = Object.fromEntries(Object.entries(model.roles).filter(([role, entry]) => role !== entry));
  const ports = rolePorts(model, new Map(entries.map(({ name, guarded }) => [name, guarded.graph])));
  return {
    name: model.name,
    source: model.program.root.source.path,
    config_name: model.settings.configName,
    flags: Object.fromEntries(model.settings.flags),
    config: model.config(),
    ...(model.recipe && { recipe: { name: model.recipe.declaration.name, settings: model.recipe.settings } }),
    ...(Object.keys(roles).length > 0 && { roles }),
    ...(Object.keys(ports).length > 0 && { ports }),
  };
}

/** The manifest of an entry. Its outputs are those that it was written with: `checks` names one more of its graph. */
export function entryManifest({
  guarded,
  cache,
  adapters,
}: Pick<FinishedGraph, 'guarded' | 'cache' | 'adapters'>): EntryManifest {
  const { graph, ranges, checks } = guarded;
  const port = ({ name, value }: { readonly name: string; readonly value: ValueId }): TensorPort => {
    const { dtype, shape } = typeOf(graph, value);
    const range = ranges.get(value);
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : printDim(dim)));
    return { name, dtype, shape: dims, ...(range ? { range } : {}) };
  };
  const outputs = graph.outputs.filter(({ name }) => name !== checks?.output);
  return {
    inputs: graph.inputs.map(port),
    outputs: outputs.map(port),
    cache,
    ...sessionChecks(guarded),
    ...(adapters.length > 0 ? { adapters } : {}),
  };
}

/** @param names of the ONNX nodes of a node: some check indices themselves, and then the session says where */
export function withNodes(guarded: Guarded, names: (node: AnyNode) => readonly string[]): Guarded {
  const { checks, checked = [] } = guarded;
  if (!checks) return guarded;
  const rows = checks.rows.map((row, index) => ({ ...row, nodes: checked[index]!.flatMap(names) }));
  return { ...guarded, checks: { ...checks, rows } };
}

/** What a session checks of an entry beside its ports. */
export function sessionChecks({ graph, checks }: Guarded): {
  readonly requires?: readonly DimRequirement[];
  readonly checks?: EntryChecks;
} {
  return { ...dimRequirements(graph), ...(checks === undefined ? {} : { checks }) };
}

function dimRequirements({ requires }: Graph): { readonly requires?: readonly DimRequirement[] } {
  if (requires.length === 0) return {};
  return {
    requires: requires.map(({ dim, what, origin: { source } }) => ({
      dim: printDim(dim),
      what,
      ...(source === undefined ? {} : { source }),
    })),
  };
}
