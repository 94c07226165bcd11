/** A stage of a model, compiled and opened: what `trainStages` runs. */

import type { OpenedStage } from '../../../runtime/train/stages.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { graphsOf } from '../../graphs.ts';
import type { Compilation } from '../../index.ts';
import { TARGETS } from '../../targets/index.ts';
import type { Host, WeightReader } from '../../targets/target.ts';
import { type Engine, openOn } from '../open-on.ts';
import { locateNonFinite } from './locate-non-finite.ts';

/** A model under a stage's own flags. */
export interface StagedModel {
  readonly model: Model;
  readonly stage: Stage;
  readonly compilation: Compilation;
}

export interface OpenStageOptions extends Engine {
  readonly host: Host;
  /** what the stage starts from: the base weights with what earlier stages trained over them */
  readonly weights: WeightReader;
  /** a constant learning rate instead of the schedule */
  readonly lr?: number;
  /** activations are computed again in the backward pass, for less memory */
  readonly recompute?: boolean;
  /** columns of the vocabulary that the loss computes at a time, for less memory */
  readonly lossChunk?: number;
  /** the plan has scalars to judge by */
  readonly validates?: boolean;
}

/** @throws StageError for a stage that cannot train; DiagnosticError; as `openOn` */
export async function openStage(
  { model, stage, compilation }: StagedModel,
  { host, weights, backend, opset, lr, recompute, lossChunk, validates }: OpenStageOptions,
): Promise<OpenedStage> {
  const training = {
    ...TARGETS[backend].training,
    ...(lr === undefined ? {} : { lr }),
    ...(recompute ? { recompute } : {}),
    ...(lossChunk === undefined ? {} : { lossChunk }),
    ...(validates ? { validates } : {}),
  };
  const built = graphsOf(model, { entries: [], stage, training });
  if (!built || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const plan = built.training!;
  const { guarded } = built.entries.find(({ name }) => name === 'gradient')!;
  const session = await openOn(built, weights, { backend, opset }, host);
  return {
    plan,
    runner: session,
    read: (key) => weights.read(key),
    diagnose: (feeds) => locateNonFinite(model, guarded.graph, feeds, { plan, weights, backend, opset, host }),
    close: () => session.dispose(),
  };
}
