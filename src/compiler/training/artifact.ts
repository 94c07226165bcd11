/** A stage → its three graphs as an artifact that a session opens, and the plan that the trainer follows. */

import type { Manifest } from '../../shared/artifact.ts';
import type { TrainingPlan } from '../../shared/training.ts';
import type { PlannedFile } from '../backends/onnx/external-data.ts';
import type { OnnxOpset } from '../backends/onnx/file.ts';
import { encodeModel, lowerToOnnx, planExternalData } from '../backends/onnx/index.ts';
import { guard } from '../checks/index.ts';
import type { Model } from '../elaborate/model.ts';
import type { Stage } from '../elaborate/stages.ts';
import { type Graph, typeOf } from '../ir/graph.ts';
import { entryManifest, modelManifest, withNodes } from '../ports.ts';
import { VERSION } from '../version.ts';
import { arenasOf } from './arenas.ts';
import { dropsOut, optimiserOf, type PlanOptions, planOf, trainedParameter, weighsBatches } from './plan.ts';
import { StageError } from './stage-error.ts';
import { gradientGraph } from './step.ts';
import { accumulateGraph, updateGraph } from './update.ts';

export interface GraphEntry {
  readonly name: string;
  readonly graph: Graph;
}

/** Graphs as files: what a session over ONNX Runtime or the interpreter opens. Other targets take the graphs. */
export interface GraphArtifact {
  readonly model: Model;
  readonly entries: readonly (GraphEntry & { readonly file: string; readonly bytes: Uint8Array })[];
  readonly weights: readonly PlannedFile[];
  readonly manifest: Manifest;
}

/** What a stage is on every target: its graphs, named as the trainer runs them. */
export interface StageGraphs {
  readonly plan: TrainingPlan;
  readonly entries: readonly GraphEntry[];
}

export interface StageArtifact {
  readonly plan: TrainingPlan;
  readonly artifact: GraphArtifact;
}

/**
 * @returns undefined when the loss entry has errors, which are then in the model's diagnostics
 * @throws StageError when the stage trains nothing or a setting is out of range
 */
export function stageGraphs(model: Model, stage: Stage, options: PlanOptions = {}): StageGraphs | undefined {
  if (stage.trained.length === 0) {
    throw new StageError('it trains nothing under these settings: all that its patterns match is switched off');
  }
  const wanted = new Map(
    stage.trained.map((parameter) => [parameter.keys[0] as string, trainedParameter(parameter, stage)]),
  );
  const trainedOf = (keys: readonly string[]) => keys.map((key) => wanted.get(key)!);
  const { arenas: limit } = options;
  const gradient = gradientGraph(model, new Set(wanted.keys()), {
    dropout: dropsOut(stage),
    evaluates: (path) => stage.evaluates(path),
    recompute: options.recompute ?? stage.options.recompute === true,
    fusedAttention: options.fusedAttention ?? false,
    weighs: weighsBatches(stage),
    ...(limit === undefined ? {} : { arenas: (keys) => arenasOf(trainedOf(keys), limit) }),
  });
  if (!gradient) return undefined;
  const { keys, buffers, dropout, countsTokens, combine, arenas } = gradient;
  const plan = planOf(
    stage,
    trainedOf(keys),
    { buffers, dropout, countsTokens, combine, ...(arenas ? { arenas } : {}) },
    options,
  );
  const entries = [
    { name: 'gradient', graph: gradient.graph },
    ...(plan.accumulate > 1 ? [{ name: 'accumulate', graph: accumulateGraph(plan) }] : []),
    { name: 'update', graph: updateGraph(plan, optimiserOf(stage)) },
  ];
  return { plan, entries };
}

/** The same as files. @returns and throws as `stageGraphs` */
export function buildStage(
  model: Model,
  stage: Stage,
  opset: OnnxOpset,
  options: PlanOptions = {},
): StageArtifact | undefined {
  const built = stageGraphs(model, stage, options);
  return built && { plan: built.plan, artifact: graphArtifact(model, built.entries, opset) };
}

/** @param finished graphs graphs; parameters that several use are stored once */
export function graphArtifact(model: Model, finished: readonly GraphEntry[], opset: OnnxOpset): GraphArtifact {
  const entries = finished.map(({ name, graph }) => {
    const guarded = guard(graph);
    return { name, graph: guarded.graph, guarded };
  });
  const files = planExternalData(
    entries.map(({ name, graph }) => ({
      file: `${name}.onnx_data`,
      keys: graph.parameters.map(({ key, value }) => {
        const { dtype, shape } = typeOf(graph, value);
        return { key, dtype, shape: shape as readonly number[] };
      }),
    })),
  );
  const built = entries.map(({ name, graph, guarded }) => {
    const lowered = lowerToOnnx(graph, {
      opset,
      version: VERSION,
      parameters: (key) => ({ kind: 'external', ...files.locate(key) }),
    });
    const named = withNodes(guarded, (node) => lowered.names.get(node) ?? []);
    return { name, graph, guarded: named, file: `${name}.onnx`, bytes: encodeModel(lowered.model) };
  });
  const weights = files.files.filter(({ records }) => records.length > 0);
  const manifest: Manifest = {
    format: 'mdl-onnx',
    version: 1,
    compiler: `mdl ${VERSION}`,
    model: modelManifest(model),
    opset,
    entries: Object.fromEntries(built.map(({ name, file, guarded }) => [name, entryManifest(file, guarded)])),
    weights: { origin: 'training', trained: true, files: weights.map(({ file, bytes }) => ({ file, bytes })) },
  };
  return { model, entries: built, weights, manifest };
}
