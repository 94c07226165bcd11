/**
 * The gradient graph of a stage: the loss entry, differentiated, with what trains as inputs.
 *
 *   loss entry ─ keep the loss ─▶ · loss_scale ─ differentiate ─▶ gradient.<key> ─ statistics ─▶ the pipeline ─ lastLayerFirst
 *
 * Trained parameters are inputs because they change at every step; frozen ones stay in the weights files, which the
 * backend maps once.
 */

import { type Arena, PORTS, type UpdatedBuffer } from '../../shared/training.ts';
import type { Model } from '../elaborate/model.ts';
import type { BufferUpdate } from '../elaborate/trace.ts';
import type { EntryGraph } from '../elaborate/trace-entry.ts';
import { GraphEditor, promoteParameters } from '../ir/editor.ts';
import type { AfterPass, Graph, Node, ValueId } from '../ir/graph.ts';
import { made } from '../ir/made.ts';
import { differentiate, lastLayerFirst, recompute } from '../passes/autodiff/index.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { gatherOutputs, sliceInputs } from './arenas.ts';
import { type Combination, combinationOf, countedLabels } from './combine.ts';
import { withChunks } from './loss-chunk.ts';
import { asFloat, lossOutput, metricsOf } from './scalars.ts';
import { StageError } from './stage-error.ts';
import { gradientStatistics } from './statistics.ts';

export interface GradientGraph {
  readonly graph: Graph;
  readonly traced: EntryGraph;
  /** keys of the trained parameters that the loss depends on, in the order of the rows of `statistics` */
  readonly keys: readonly string[];
  readonly buffers: readonly UpdatedBuffer[];
  readonly dropout: boolean;
  readonly countsTokens: boolean;
  readonly combine: Combination['combine'];
  /** scalars beside the loss; none unless they were asked for */
  readonly metrics: readonly string[];
  /** where `arenas` was asked for */
  readonly arenas: readonly Arena[] | undefined;
}

export interface GradientOptions {
  /** the entry with the loss; the one that plays that role when absent */
  readonly entry?: string;
  /** its output that is the loss: see `lossOutput`; as the model names it for an entry that is not given */
  readonly loss?: string | undefined;
  readonly dropout: boolean;
  /** modules that run as in inference */
  readonly evaluates?: (path: string) => boolean;
  /** take the buffers that the model updates, and give them updated (default); else they are weights that stay */
  readonly updates?: boolean;
  /** compute the inside of layers again in the backward part instead of keeping it */
  readonly recompute?: boolean;
  /** columns of the vocabulary that a cross entropy computes at a time */
  readonly lossChunk?: number | undefined;
  /** attention's gradients as one node, for a target with a kernel for it: webgpu */
  readonly fusedAttention?: boolean;
  /** give the row of statistics of each gradient (default) */
  readonly statistics?: boolean;
  /** the loss may come with a scale other than 1 (default), which the statistics are to be without */
  readonly scalesLoss?: boolean;
  /** several batches are one step, each with its weight: give that of the batch */
  readonly weighs?: boolean;
  /** give the other scalars of the entry too */
  readonly metrics?: boolean;
  /** takes the trained tensors, and gives their gradients, in these arenas */
  readonly arenas?: (keys: readonly string[]) => readonly Arena[];
  readonly after?: AfterPass;
}

/** The passes that only graphs of training go through, in order; the pipeline runs before the first and after the last but one. */
export const TRAINING_PASSES = ['loss-chunks', 'autodiff', 'recompute', 'arenas', 'last-layer-first'] as const;
type TrainingPass = (typeof TRAINING_PASSES)[number];

/**
 * @param wanted checkpoint keys
 * @returns undefined when the entry has errors, which are then in the model's diagnostics
 * @throws StageError when the entry has no loss, or nothing of `wanted` is used by it
 */
export function gradientGraph(
  model: Model,
  wanted: ReadonlySet<string>,
  {
    entry = model.entryFor('loss'),
    loss: named = entry === model.entryFor('loss') ? model.namedOutputs.loss : undefined,
    dropout,
    evaluates,
    statistics = true,
    updates = true,
    scalesLoss = true,
    after,
    ...options
  }: GradientOptions,
): GradientGraph | undefined {
  if (!model.entries.includes(entry)) {
    throw new StageError(
      `the model ${model.name} has no entry \`${entry}\`, and training needs one with a loss: \`minimize ENTRY\` in the stage names another`,
    );
  }
  const traced = model.entry(entry, [], { training: { dropout, evaluates } });
  if (!traced) return undefined;
  const loss = lossOutput(traced.graph, named);
  const forward = new GraphEditor(made({ ...traced.graph, outputs: [{ ...loss, name: PORTS.loss }] }));
  const metrics = options.metrics ? metricsOf(traced.graph, loss) : [];
  for (const { name, value } of metrics) forward.output(PORTS.metric(name), asFloat(forward, value));
  const tokens = labelledTokens(forward, traced.graph);
  const scale = forward.input(PORTS.lossScale, 'f32', []);
  forward.output(SCALED, forward.node('mul', [forward.outputOf(PORTS.loss), scale], {}));
  if (tokens !== undefined) forward.output(PORTS.tokens, tokens);
  const combination: Combination = options.weighs
    ? combinationOf(traced, forward.outputOf(PORTS.loss))
    : { combine: 'equal' };
  if (combination.weight) forward.output(PORTS.weight, combination.weight(forward));
  const updated = updates ? traced.updates : new Map<string, BufferUpdate>();
  for (const [key, { value }] of updated) forward.output(PORTS.updated(key), value);
  const whole = promoteParameters(forward.build('gradient'), new Set(updated.keys()), PORTS.buffer);
  const done = (pass: TrainingPass, result: Graph): Graph => {
    after?.(pass, result);
    return result;
  };
  const simplified = runPipeline(whole, { after, without: ['backward'] });

  const keys = simplified.parameters.map(({ key }) => key).filter((key) => wanted.has(key));
  if (keys.length === 0) {
    throw new StageError(
      `nothing that should train is used by the entry \`${entry}\`: ${[...wanted].slice(0, 3).join(', ') || 'no parameter matches'}`,
    );
  }
  const request = { output: SCALED, parameters: new Set(keys), fusedAttention: options.fusedAttention ?? false };
  const { graph: forwards, segments: chunks } = withChunks(simplified, options.lossChunk);
  if (chunks.length > 0) done('loss-chunks', forwards);
  const kept = done('autodiff', differentiate(forwards, request));
  const segments = options.recompute ? layersOf(simplified) : [];
  const differentiated =
    segments.length + chunks.length > 0 ? done('recompute', recompute(kept, { segments, chunks })) : kept;
  const promoted = promoteParameters(differentiated, new Set(keys), PORTS.parameter);
  const arenas = options.arenas?.(keys);
  const backward = new GraphEditor(arenas ? sliceInputs(promoted, arenas, PORTS.parameter) : promoted);
  backward.keepOutputs((name) => name !== SCALED);
  if (statistics) {
    const scaleInput = differentiated.inputs.find(({ name }) => name === PORTS.lossScale)!.value;
    const inverse = scalesLoss ? backward.node('reciprocal', [scaleInput], {}) : undefined;
    const gradients = keys.map((key) => backward.outputOf(PORTS.gradient(key)));
    backward.output(PORTS.statistics, gradientStatistics(backward, gradients, inverse));
  }
  if (arenas) gatherOutputs(backward, arenas, PORTS.gradient);
  const extended = backward.build();
  if (arenas) done('arenas', extended);
  const graph = done('last-layer-first', lastLayerFirst(runPipeline(extended, { after })));
  return {
    graph,
    traced,
    keys,
    buffers: [...updated].map(([key, { parameter }]) => ({ key, dtype: parameter.dtype, shape: parameter.shape })),
    dropout: graph.inputs.some(({ name }) => name === PORTS.dropoutSeed),
    countsTokens: tokens !== undefined,
    combine: combination.combine,
    metrics: metrics.map(({ name }) => name),
    arenas,
  };
}

/** Paths up to their first index: `llama_model.model.layers.3`, `visual_encoder.blocks.0`. */
function layersOf(graph: Graph): string[] {
  const layers = graph.nodes.flatMap(({ origin }) => /^.*?\.\d+(?=\.|$)/.exec(origin.path)?.[0] ?? []);
  return [...new Set(layers)];
}

const SCALED = 'scaled_loss';

/** Σ [target ≠ ignore_index] over the cross entropies of the graph; undefined where it has none. */
export function labelledTokens(b: GraphEditor, graph: Graph): ValueId | undefined {
  const losses = graph.nodes.filter((node): node is Node<'cross_entropy'> => node.op === 'cross_entropy');
  const counts = losses.map(({ inputs, attributes }) => countedLabels(b, inputs[1], attributes.ignore_index));
  return counts.length === 0 ? undefined : counts.reduce((sum, one) => b.node('add', [sum, one], {}));
}
