/** What a micro-batch counts in a step, as a graph of the batch alone: for a target whose loop is not ours. */
import { PORTS } from '../../shared/training.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import { GraphEditor } from '../ir/editor.ts';
import type { Graph } from '../ir/graph.ts';
import { runPipeline } from '../passes/pipeline.ts';
import { type Combination, combinationOf } from './combine.ts';
import { dropsOut, weighsBatches } from './plan.ts';
import { lossOutput } from './scalars.ts';
import { StageError } from './stage-error.ts';
import { labelledTokens } from './step.ts';

export interface BatchWeight {
  /** how the micro-batches of a step combine; undefined: nothing says it, and a step has one */
  readonly combine: Combination['combine'] | undefined;
  /** the outputs `weight`, where they are weighted, and `tokens`, where the loss counts labels; of inputs of the loss entry */
  readonly graph: Graph;
}

/**
 * @returns undefined when the loss entry has errors, which are then in the model's diagnostics
 * @throws StageError where the weight needs more than the batch, and the stage accumulates
 */
export function batchWeight(model: Model, stage: Stage): BatchWeight | undefined {
  const training = { dropout: dropsOut(stage), evaluates: (path: string) => stage.evaluates(path) };
  const traced = model.entry(stage.minimizes, [], { training });
  if (!traced) return undefined;
  const b = new GraphEditor(traced.graph);
  const tokens = labelledTokens(b, traced.graph);
  const combination = combinationOrNone(traced, lossOutput(traced.graph, stage.loss).value, stage);
  const weight = combination?.weight?.(b);
  b.keepOutputs(() => false);
  if (tokens !== undefined) b.output(PORTS.tokens, tokens);
  if (weight !== undefined) b.output(PORTS.weight, weight);
  const graph = runPipeline(b.build('weights'));
  const [parameter] = graph.parameters;
  if (parameter)
    throw new StageError(
      `what its loss is a mean over depends on the parameter ${parameter.key}; write \`average "batches"\` in the stage to count every micro-batch the same`,
    );
  return { combine: combination?.combine, graph };
}

/** A stage that does not accumulate needs none. */
function combinationOrNone(
  traced: Parameters<typeof combinationOf>[0],
  loss: Parameters<typeof combinationOf>[1],
  stage: Stage,
): Combination | undefined {
  if (stage.options.average === 'batches') return { combine: 'equal' };
  try {
    return combinationOf(traced, loss);
  } catch (error) {
    if (error instanceof StageError && !weighsBatches(stage)) return undefined;
    throw error;
  }
}
