/**
 * How a folder is laid out for programs that load ONNX models by their place and ports: transformers.js, Optimum, onnxruntime-genai.
 *
 *     onnx/model.onnx        the model as one graph: its only entry, or its entries joined by their ports (join.ts)
 *     onnx/ENTRY.onnx        each entry, for our own runtime; losses and the graphs of training have no other reader
 *     onnx/vision_encoder.onnx …   in place of one graph, where the model's recipe names the graphs that its clients combine themselves
 *
 * A page hands a graph its own weights file and no other, so the graphs of clients keep all of their weights beside them.
 */
import type { CachePort } from '../../shared/artifact.ts';
import { type Dim, equalDims, isSymbolic, type Shape, subDims, symbol, symbolsOf } from '../../shared/dim.ts';
import { entryFor } from '../../shared/roles.ts';
import type { Model } from '../elaborate/model.ts';
import type { FinishedGraph, Graphs } from '../graphs.ts';
import { type Graph, typeOf } from '../ir/graph.ts';
import { joinEntries } from './join.ts';

/** Where clients look for graphs. */
export const CLIENT_FOLDER = 'onnx/';

export interface ClientGraph {
  /** `model`: its file is `onnx/model.onnx` */
  readonly name: string;
  readonly graph: Graph;
  readonly cache: readonly CachePort[];
  /** of our own runtime too */
  readonly entry?: string;
}

export interface ClientLayout {
  readonly graphs: readonly ClientGraph[];
  /** the file of an entry, without its folder */
  readonly fileOf: (entry: string) => string;
  /** why there is no graph for clients */
  readonly reason?: string;
}

/** The name of the graph that is the whole model. */
const WHOLE = 'model';

/** Files whose names clients of the model's recipe load, by entry. */
export function namedFiles({ recipe, roles }: Pick<Model, 'recipe' | 'roles'>): Readonly<Record<string, string>> {
  const named = Object.entries(recipe?.declaration.fileNames ?? {});
  return Object.fromEntries(named.map(([role, file]) => [entryFor(roles, role), file]));
}

export function clientLayout({ model, entries, adapters }: Graphs): ClientLayout {
  const names = namedFiles(model);
  const base = (entry: string): string => (Object.hasOwn(names, entry) ? names[entry]!.replace(/\.onnx$/, '') : entry);
  // an entry called `model` has that name where it is the whole model alone
  const fileOf = (entry: string): string => (base(entry) === WHOLE ? `entry-${WHOLE}.onnx` : `${base(entry)}.onnx`);
  const none = (reason: string): ClientLayout => ({ graphs: [], fileOf, reason });
  if (adapters) return none('its graphs take adapters, which other programs do not feed');
  if (entries.some(({ cache }) => cache.some(({ stored }) => stored === 'int8')))
    return none('its caches are int8, whose scales other programs do not feed');
  const parts = entries.filter(({ name }) => Object.hasOwn(names, name));
  if (parts.length > 0)
    return { fileOf, graphs: parts.map((part) => ({ ...asClientGraph(part), name: base(part.name) })) };
  // graphs of a stage are none of the model's entries
  const inference = entries.filter(({ name }) => model.entries.includes(name) && !model.losses.has(name));
  const [first, ...more] = inference;
  if (!first) return none('no entry is for inference');
  if (more.length === 0) {
    const alone = (entry: string): string => (entry === first.name ? `${WHOLE}.onnx` : fileOf(entry));
    return { fileOf: alone, graphs: [{ ...asClientGraph(first), name: WHOLE }] };
  }
  const joined = joinEntries(
    WHOLE,
    inference.map((entry) => asClientGraph(entry).graph),
  );
  if ('reason' in joined) return none(joined.reason);
  return {
    fileOf,
    graphs: [{ name: WHOLE, graph: joined.graph, cache: inference.flatMap(({ cache }) => cache) }],
  };
}

/** The entry as it was written: what a session checks after a run is no output of it. */
function asClientGraph({ name, guarded: { graph, checks }, cache }: FinishedGraph): ClientGraph {
  const outputs = graph.outputs.filter((output) => output.name !== checks?.output);
  return { name, entry: name, graph: { ...graph, outputs }, cache };
}

/**
 * Names that clients know of the dynamic sizes of a graph with a cache: transformers.js makes an empty cache of the size that
 * `batch_size` has, and of 0 for others. A size has such a name for what it is to a cache, and no two sizes have the same one: the
 * rows of a memory [B, S, width] beside new positions [B, T, width] stay `S`.
 */
export function clientDims(graph: Graph, cache: readonly CachePort[]): ReadonlyMap<string, Dim> {
  const names = new Map<string, string>();
  const call = (dim: Dim, name: string): void => {
    const [own, ...more] = isSymbolic(dim) ? symbolsOf(dim) : [];
    // of `2*N` the symbol is half the size
    const isWhole = own !== undefined && more.length === 0 && equalDims(dim, symbol(own));
    if (isWhole && !names.has(own) && ![...names.values()].includes(name)) names.set(own, name);
  };
  const shapeOf = (ports: Graph['inputs'] | Graph['outputs'], port: string): Shape =>
    typeOf(graph, ports.find(({ name }) => name === port)!.value).shape;
  for (const { past, present, axis } of cache) {
    const [before, after] = [shapeOf(graph.inputs, past), shapeOf(graph.outputs, present)];
    call(before[0]!, 'batch_size');
    call(before[axis]!, 'past_sequence_length');
    call(subDims(after[axis]!, before[axis]!), 'sequence_length');
  }
  // sizes of the language begin with a capital, so none that keeps its own name has one of these
  return new Map([...names].map(([own, name]) => [own, symbol(name)]));
}
