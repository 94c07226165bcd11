/**
 * A model → finished graphs, once and for every target.
 *
 *   entry ─ trace ─ the pipeline ─ adapters (where they become inputs) ─ checks of indices ─▶ FinishedGraph
 *   stage ─ trace, differentiate, the pipeline (training/) ────────────── checks of indices ─▶ FinishedGraph, TrainingPlan
 */
import type { AdapterPort, CachePort } from '../shared/artifact.ts';
import { CACHE_STORAGES, type CacheStorage } from '../shared/cache-storage.ts';
import { changedTensors, PORTS, type TrainingPlan } from '../shared/training.ts';
import { type Guarded, guard } from './checks/index.ts';
import {
  type Form,
  type Forms,
  FUNCTION,
  OBJECT,
  oneOf,
  refuse,
  TEXTS,
  wrongForm,
  wrongOptions,
} from './diagnostics/call.ts';
import type { Model } from './elaborate/model.ts';
import type { Stage } from './elaborate/stages.ts';
import type { AfterPass, Graph } from './ir/graph.ts';
import { PIPELINE, runPipeline } from './passes/pipeline.ts';
import { type Quantised, type QuantisedWeights, quantisedParameters } from './quantise/choose.ts';
import { QuantiseProblem } from './quantise/problem.ts';
import { storedCaches } from './stored-caches.ts';
import { adapterPorts, promoteAdapters, type SwappableAdapters, swappableAdapters } from './swap-adapters.ts';
import type { PlanOptions } from './training/plan.ts';
import { StageError } from './training/stage-error.ts';
import { stageGraphs } from './training/stage-graphs.ts';
import { TRAINING_PASSES } from './training/step.ts';

export interface GraphsRequest {
  /** only these entries; all of them by default */
  readonly entries?: readonly string[];
  /** paths whose values become outputs of every entry that has them */
  readonly taps?: readonly string[];
  /** where the parameters of LoRA adapters are: in the weights (default), or inputs, for a session to swap */
  readonly adapters?: 'weights' | 'inputs';
  /** a stage of the model, compiled under the stage's flags: its graphs become entries too */
  readonly stage?: Stage;
  /** how the stage's graphs are made: a target's `training`, a learning rate, recomputation */
  readonly training?: PlanOptions;
  readonly afterPass?: AfterPass;
  /** how matrices are stored, beside what the model's file says */
  readonly quantise?: QuantisedWeights | undefined;
  /** how keys and values of caches are stored; f32 by default */
  readonly caches?: CacheStorage | undefined;
}

/** A graph that was made elsewhere, after its passes. */
export interface PlainGraph {
  readonly name: string;
  readonly graph: Graph;
  readonly cache?: readonly CachePort[];
}

/** A graph as every target takes it. */
export interface FinishedGraph {
  /** of the entry */
  readonly name: string;
  /** after the passes, with what checks its indices */
  readonly guarded: Guarded;
  readonly cache: readonly CachePort[];
  /** which inputs are an adapter's */
  readonly adapters: readonly AdapterPort[];
  /** output → the input whose next value it is: they may share their memory */
  readonly replaces: ReadonlyMap<string, string>;
}

export interface Graphs {
  readonly model: Model;
  readonly entries: readonly FinishedGraph[];
  /** of the stage whose graphs are the entries `gradient`, `update` and, where it accumulates, `accumulate` */
  readonly training?: TrainingPlan;
  /** that stage */
  readonly stage?: Stage;
  /** whose parameters are inputs */
  readonly adapters?: SwappableAdapters;
  /** parameters that are stored as small integers, by key */
  readonly quantised: Quantised;
}

/** What every entry's graph passes: names that `afterPass` is called with. */
export const ENTRY_PASSES = ['trace', ...PIPELINE.map(({ name }) => name), 'checks'] as const;
/** The same, with what only some graphs pass: adapters that become inputs, and a stage's graphs. */
export const GRAPH_PASSES = [...ENTRY_PASSES.slice(0, -1), 'adapters', ...TRAINING_PASSES, 'checks'] as const;

const MODEL: Form = {
  expected: 'a model (the `model` of what compile gives)',
  fits: (model) => typeof (model as Partial<Model> | null | undefined)?.entry === 'function',
};

const REQUEST: Forms<GraphsRequest> = {
  entries: TEXTS,
  taps: TEXTS,
  adapters: oneOf('weights', 'inputs'),
  stage: OBJECT,
  training: OBJECT,
  afterPass: FUNCTION,
  quantise: oneOf('int8', 'int4'),
  caches: oneOf(...CACHE_STORAGES),
};

/**
 * @returns undefined when an entry has errors, which are then in the model's diagnostics
 * @throws SwapError when adapters cannot be inputs; StageError when the stage cannot train, or an entry has the name of
 * one of its graphs; QuantiseProblem for a rule of quantising that cannot be kept; DiagnosticError for what is no model or request
 */
export function graphsOf(model: Model, request: GraphsRequest = {}): Graphs | undefined {
  refuse(wrongForm('graphsOf', 'the model', model, MODEL) ?? wrongOptions('graphsOf', request, REQUEST));
  const { entries: names = model.entries, taps, stage, afterPass } = request;
  const swap = request.adapters === 'inputs' ? swappableAdapters(model) : undefined;
  const entries = names.flatMap((name): FinishedGraph | readonly FinishedGraph[] => {
    const traced = model.entry(name, taps);
    if (!traced) return [];
    afterPass?.('trace', traced.graph);
    const { graph, cache } = request.caches === undefined ? traced : storedCaches(traced, request.caches);
    const compiled = runPipeline(graph, { after: afterPass });
    if (!swap) return finished({ name, graph: compiled, cache }, afterPass);
    const promoted = promoteAdapters(compiled, swap);
    afterPass?.('adapters', promoted);
    return {
      ...finished({ name, graph: promoted, cache }, afterPass),
      adapters: adapterPorts(promoted, swap),
    };
  });
  if (request.caches !== undefined && entries.every(({ cache }) => cache.length === 0))
    throw new QuantiseProblem('cache_none', { stored: request.caches, entries: names });
  const staged = stage && stageGraphs(model, stage, request.training, afterPass);
  if (entries.length < names.length || (stage && !staged)) return undefined;
  const taken = staged?.entries.find(({ name }) => names.includes(name));
  if (taken)
    throw new StageError(`the entry ${taken.name} has the name of a graph of training: rename it, or leave it out`);
  const all = [...entries, ...(staged?.entries ?? []).map((entry) => inPlace(entry, afterPass))];
  const trained = new Set(staged ? changedTensors(staged.plan).map(({ key }) => key) : []);
  return {
    model,
    entries: all,
    quantised: quantisedParameters(model, all.map(withoutCaches), request.quantise, trained),
    ...(staged && stage ? { training: staged.plan, stage } : {}),
    ...(swap ? { adapters: swap } : {}),
  };
}

/** Graphs that were made elsewhere (the gradients of a batch, every value of a graph), as a target takes them. */
export function finish(model: Model, graphs: readonly PlainGraph[]): Graphs {
  const entries = graphs.map((graph) => inPlace(graph));
  return { model, entries, quantised: quantisedParameters(model, entries.map(withoutCaches), undefined, new Set()) };
}

/** What a graph hands to its own next run does not leave the model. */
function withoutCaches({ guarded: { graph }, cache }: FinishedGraph): Graph {
  const presents = new Set(cache.map(({ present }) => present));
  return { ...graph, outputs: graph.outputs.filter(({ name }) => !presents.has(name)) };
}

function finished({ name, graph, cache = [] }: PlainGraph, afterPass?: AfterPass): FinishedGraph {
  const guarded = guard(graph);
  afterPass?.('checks', guarded.graph);
  return { name, guarded, cache, adapters: [], replaces: new Map() };
}

/** A graph whose outputs take the place of inputs. */
function inPlace(plain: PlainGraph, afterPass?: AfterPass): FinishedGraph {
  return { ...finished(plain, afterPass), replaces: replacements(plain.graph) };
}

/** Outputs that are the next value of an input: `new.parameter.w` of `parameter.w`. */
function replacements({ inputs, outputs }: Graph): ReadonlyMap<string, string> {
  const given = new Set(outputs.map(({ name }) => name));
  const replaced = inputs.filter(({ name }) => given.has(PORTS.next(name)));
  return new Map(replaced.map(({ name }) => [PORTS.next(name), name]));
}
