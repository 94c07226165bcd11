/** A stage → its graphs, and the plan that the trainer follows. */
import type { TrainingPlan } from '../../shared/training.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import type { AfterPass, Graph } from '../ir/graph.ts';
import { arenasOf } from './arenas.ts';
import {
  dropsOut,
  lossChunkOf,
  lossScaleOf,
  optimiserOf,
  type PlanOptions,
  planOf,
  trainedParameter,
  weighsBatches,
} from './plan.ts';
import { StageError } from './stage-error.ts';
import { gradientGraph } from './step.ts';
import { accumulateGraph, updateGraph } from './update.ts';
import { validationGraph } from './validation.ts';

/** What a stage is on every target: its graphs, named as the trainer runs them. */
export interface StageGraphs {
  readonly plan: TrainingPlan;
  readonly entries: readonly { readonly name: string; readonly graph: Graph }[];
}

/**
 * @returns undefined when the loss entry has errors, which are then in the model's diagnostics
 * @throws StageError when the stage trains nothing or a setting is out of range
 */
export function stageGraphs(
  model: Model,
  stage: Stage,
  options: PlanOptions = {},
  after?: AfterPass,
): StageGraphs | undefined {
  if (stage.trained.length === 0) {
    throw new StageError('it trains nothing under these settings: all that its patterns match is switched off');
  }
  const wanted = new Map(
    stage.trained.map((parameter) => [parameter.keys[0] as string, trainedParameter(parameter, stage)]),
  );
  const trainedOf = (keys: readonly string[]) => keys.map((key) => wanted.get(key)!);
  // blocks of an arena would lie across tensors, which a checkpoint tells apart
  const limit = optimiserOf(stage).slotSizes ? undefined : options.arenas;
  const lossChunk = options.lossChunk ?? lossChunkOf(stage);
  const gradient = gradientGraph(model, new Set(wanted.keys()), {
    entry: stage.minimizes,
    loss: stage.loss,
    dropout: dropsOut(stage),
    evaluates: (path) => stage.evaluates(path),
    recompute: options.recompute ?? stage.options.recompute === true,
    lossChunk,
    fusedAttention: options.fusedAttention ?? false,
    weighs: weighsBatches(stage),
    metrics: true,
    scalesLoss: lossScaleOf(stage) !== 1,
    ...(limit === undefined ? {} : { arenas: (keys) => arenasOf(trainedOf(keys), limit) }),
    ...(after ? { after } : {}),
  });
  if (!gradient) return undefined;
  const { keys, buffers, dropout, countsTokens, combine, metrics, arenas } = gradient;
  const validation = options.validates
    ? validationGraph(model, {
        entry: stage.minimizes,
        loss: stage.loss,
        keys,
        buffers: buffers.map(({ key }) => key),
        lossChunk,
        ...(arenas ? { arenas } : {}),
        ...(after ? { after } : {}),
      })
    : undefined;
  if (options.validates && !validation) return undefined;
  const plan = planOf(
    stage,
    trainedOf(keys),
    {
      buffers,
      dropout,
      countsTokens,
      combine,
      ...(metrics.length > 0 ? { metrics } : {}),
      ...(validation ? { validation: validation.scalars } : {}),
      ...(arenas ? { arenas } : {}),
    },
    options,
  );
  const entries = [
    { name: 'gradient', graph: gradient.graph },
    ...(plan.accumulate > 1 ? [{ name: 'accumulate', graph: accumulateGraph(plan, after) }] : []),
    { name: 'update', graph: updateGraph(plan, optimiserOf(stage), after) },
    ...(validation ? [{ name: 'validate', graph: validation.graph }] : []),
  ];
  return { plan, entries };
}
