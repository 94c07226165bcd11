/** Models compiled in one call, for tests of what comes out. */

import type { Model } from '../../src/compiler/elaborate/model.ts';
import type { Stage } from '../../src/compiler/elaborate/stages.ts';
import { finish, type Graphs, type GraphsRequest, graphsOf } from '../../src/compiler/graphs.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import type { Artifact, TargetOptions } from '../../src/compiler/targets/target.ts';
import { webgpu } from '../../src/compiler/targets/webgpu.ts';
import type { PlanOptions } from '../../src/compiler/training/plan.ts';
import type { CachePort } from '../../src/shared/artifact.ts';
import type { TrainingPlan } from '../../src/shared/training.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';

export const STAGE_ON_DEVICE = webgpu.training;

export function buildOnnx(
  model: Model,
  { opset, ...request }: GraphsRequest & Pick<TargetOptions, 'opset'>,
): Artifact | undefined {
  const graphs = graphsOf(model, request);
  return graphs && TARGETS.onnx.compile(graphs, opset === undefined ? {} : { opset });
}

export function buildWebGpu(
  model: Model,
  { weights = 'f32', ...request }: GraphsRequest & Pick<TargetOptions, 'weights'> = {},
): WebGpuPlan | undefined {
  const graphs = graphsOf(model, { ...(request.stage ? { training: webgpu.training } : {}), ...request });
  return graphs && webgpu.compile(graphs, { weights }).plan;
}

/** A stage alone. */
export function buildStage(
  model: Model,
  stage: Stage,
  training: PlanOptions = {},
): { plan: TrainingPlan; graphs: Graphs } | undefined {
  const graphs = graphsOf(model, { entries: [], stage, training });
  return graphs && { plan: graphs.training!, graphs };
}

/** The graph of an entry, with what checks its indices. */
export const graphIn = (graphs: Graphs, entry: string): Graph =>
  graphs.entries.find(({ name }) => name === entry)!.guarded.graph;

/** The plan of finished graphs. */
export const planOf = (graphs: Graphs, weights: 'f32' | 'f16' = 'f32'): WebGpuPlan =>
  webgpu.compile(graphs, { weights }).plan;

/** The plan of graphs that were made elsewhere. */
export const planOfGraphs = (
  model: Model,
  graphs: readonly { name: string; graph: Graph; cache?: readonly CachePort[] }[],
  weights: 'f32' | 'f16' = 'f32',
): WebGpuPlan => planOf(finish(model, graphs), weights);
