/**
 * The graph `validate` of a stage: the scalars of the loss entry as in inference (no dropout, running statistics), with what
 * trains as inputs, so that a model is judged while it is trained without being written anywhere.
 */
import { type Arena, PORTS, type ValidatedScalar } from '../../shared/training.ts';
import type { Model } from '../elaborate/model.ts';
import type { EntryGraph } from '../elaborate/trace-entry.ts';
import { GraphEditor, promoteParameters } from '../ir/editor.ts';
import type { AfterPass, Graph, GraphOutput } from '../ir/graph.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { sliceInputs } from './arenas.ts';
import { type Combination, combinationOf } from './combine.ts';
import { judgedInChunks } from './loss-chunk.ts';
import { asFloat, lossOutput, metricsOf } from './scalars.ts';
import { StageError } from './stage-error.ts';

export interface ValidationGraph {
  readonly graph: Graph;
  readonly scalars: readonly ValidatedScalar[];
}

export interface ValidationOptions {
  /** what the stage minimises */
  readonly entry: string;
  /** its output that is the loss: see `lossOutput` */
  readonly loss?: string | undefined;
  /** checkpoint keys of what trains */
  readonly keys: readonly string[];
  /** and of the buffers that steps update */
  readonly buffers: readonly string[];
  readonly arenas?: readonly Arena[];
  /** see GradientOptions */
  readonly lossChunk?: number | undefined;
  readonly after?: AfterPass;
}

/** @returns undefined when the entry has errors, which are then in the model's diagnostics */
export function validationGraph(
  model: Model,
  { entry, loss: named, keys, buffers, arenas, lossChunk, after }: ValidationOptions,
): ValidationGraph | undefined {
  const traced = model.entry(entry);
  if (!traced) return undefined;
  const b = new GraphEditor(traced.graph);
  b.keepOutputs(() => false);
  const loss = lossOutput(traced.graph, named);
  const outputs = [{ ...loss, name: PORTS.loss }, ...metricsOf(traced.graph, loss)];
  const scalars = outputs.map((output): ValidatedScalar => {
    const { combine, weight } = combined(traced, output);
    b.output(PORTS.metric(output.name), asFloat(b, output.value));
    if (weight) b.output(PORTS.metricWeight(output.name), weight(b));
    return { name: output.name, combine };
  });
  const withBuffers = promoteParameters(b.build('validate'), new Set(buffers), PORTS.buffer);
  const inChunks = judgedInChunks(runPipeline(withBuffers, { after }), lossChunk, after);
  const promoted = promoteParameters(inChunks, new Set(keys), PORTS.parameter);
  const graph = arenas ? runPipeline(sliceInputs(promoted, arenas, PORTS.parameter), { after }) : promoted;
  return { graph, scalars };
}

/** A scalar that is no mean or sum over the batch counts by rows, as the trainer's own measure of a batch. */
function combined(traced: EntryGraph, { value }: GraphOutput): Combination {
  try {
    return combinationOf(traced, value);
  } catch (error) {
    if (error instanceof StageError) return { combine: 'equal' };
    throw error;
  }
}
