/**
 * A row as numbers: the compiled graphs, their inputs and parameters, all made from formulas so that every process has
 * the same ones; and the float64 interpreter's answer. Each contestant gets this and nothing else.
 */
import { encodeModel, lowerToOnnx, type OnnxOpset } from '../../src/compiler/backends/onnx/index.ts';
import { outputOf } from '../../src/compiler/cli/output.ts';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { type Graph, typeOf } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { stageOf } from '../../src/compiler/workbench/training/stages.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { evaluateDim } from '../../src/shared/dim.ts';
import { type HostTensor, sizeOf, type WideTensor, widen } from '../../src/shared/tensor.ts';
import { PORTS, type TrainingPlan } from '../../src/shared/training.ts';
import { buildStage } from '../../test/support/build.ts';
import { flopsOf } from '../training/flops.ts';
import type { Row } from './rows.ts';

export type Tensors = Readonly<Record<string, HostTensor>>;
/**
 * Results by output; of a training step `loss`, and per key `exp_avg.<key>` (a tenth of the gradient) and `parameter.<key>`
 * after it. NaN where there is no right answer: a first step of AdamW moves a parameter whose gradient is nothing but
 * rounding by the whole learning rate, to either side.
 */
export type Answer = Readonly<Record<string, Float64Array>>;

export interface Problem {
  readonly row: Row;
  readonly model: Model;
  /** by entry: the row's own, or `gradient` and `update` */
  readonly graphs: ReadonlyMap<string, Graph>;
  /** of a training row */
  readonly plan: TrainingPlan | undefined;
  /** by input of the entry, its cache included; of a training row those of the loss entry */
  readonly inputs: Tensors;
  /** by checkpoint key */
  readonly parameters: Tensors;
  /** multiplications and additions of the matrix products; 0 where there are none */
  readonly flops: number;
  /** what has to be read and written at least: inputs, parameters and outputs once each, 4 bytes an element */
  readonly bytes: number;
}

export const LEARNING_RATE = 1e-3;

export async function problemOf(row: Row): Promise<Problem> {
  const { model } = loadModel(`bench/webgpu/models/${row.file}`, { config: row.config }, outputOf({ quiet: true }));
  const graphs = new Map<string, Graph>();
  let plan: TrainingPlan | undefined;
  if (row.kind === 'training') {
    const built = buildStage(model, stageOf(model, row.stage))!;
    plan = built.plan;
    for (const { name, guarded } of built.graphs.entries) graphs.set(name, guarded.graph);
  } else graphs.set(row.entry, runPipeline(model.entry(row.entry)!.graph));

  const main = [...graphs.values()][0]!;
  const dims = new Map(Object.entries(row.dims));
  const shapeOf = (value: number): number[] => typeOf(main, value).shape.map((dim) => evaluateDim(dim, dims));
  const inputs: Record<string, HostTensor> = {};
  const parameters: Record<string, HostTensor> = {};
  const weights = seededWeights(model, 0);
  for (const key of model.parameters.keys()) parameters[key] = perturbed(await weights.read(key), key);
  for (const { name, value } of main.inputs) {
    const isState = name === PORTS.lossScale || name.startsWith(PORTS.parameter(''));
    if (plan === undefined || !isState) inputs[name] = inputOf(name, typeOf(main, value).dtype, shapeOf(value), row);
  }
  const flops = flopsOf(main, dims);
  const outputs = main.outputs.reduce((sum, { value }) => sum + sizeOf(shapeOf(value)), 0);
  const fed = [...Object.values(inputs), ...Object.values(parameters)].reduce((sum, { data }) => sum + data.length, 0);
  return {
    row,
    model,
    graphs,
    plan,
    inputs,
    parameters,
    flops: flops.forward + flops.backward,
    bytes: 4 * (fed + outputs),
  };
}

/** ONNX with the parameters inside. Statistics and other outputs that the row does not read are kept: they are in our graph too. */
export function onnxOf(problem: Problem, entry: string, opset: OnnxOpset): Uint8Array {
  const { model } = lowerToOnnx(problem.graphs.get(entry)!, {
    opset,
    parameters: (key) => ({ kind: 'inline', tensor: problem.parameters[key]! }),
  });
  return encodeModel(model);
}

/** The right answer, in float64. Seconds to a minute of work. */
export function answerOf(problem: Problem): Answer {
  const wide = (tensors: Tensors): Map<string, WideTensor> =>
    new Map(Object.entries(tensors).map(([name, tensor]) => [name, widen(tensor)]));
  const parameters = wide(problem.parameters);
  const read = (key: string): WideTensor => parameters.get(key)!;
  const { row, graphs, plan } = problem;
  if (row.kind === 'inference') {
    const results = interpret(
      graphs.get(row.entry)!,
      { inputs: wide(problem.inputs), parameters: read },
      { only: row.outputs },
    );
    return Object.fromEntries([...results].map(([name, { data }]) => [name, data]));
  }
  const inputs = wide(problem.inputs);
  inputs.set(PORTS.lossScale, scalar(1));
  for (const { key } of plan!.trained) inputs.set(PORTS.parameter(key), read(key));
  const gradients = interpret(graphs.get('gradient')!, { inputs, parameters: read });
  const feeds = new Map<string, WideTensor>([
    [PORTS.learningRate, scalar(LEARNING_RATE)],
    [PORTS.step, scalar(1)],
    [PORTS.gradientScale, scalar(1)],
  ]);
  for (const { key, shape } of plan!.trained) {
    feeds.set(PORTS.parameter(key), read(key));
    feeds.set(PORTS.gradient(key), gradients.get(PORTS.gradient(key))!);
    for (const slot of plan!.slots)
      feeds.set(PORTS.state(slot, key), { dtype: 'f32', shape, data: new Float64Array(sizeOf(shape)) });
  }
  const updated = interpret(graphs.get('update')!, { inputs: feeds, parameters: read });
  const answer: Record<string, Float64Array> = { loss: gradients.get(PORTS.loss)!.data };
  for (const { key } of plan!.trained) {
    const average = updated.get(PORTS.next(PORTS.state('exp_avg', key)))!.data;
    const least = 1e-4 * average.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    answer[`exp_avg.${key}`] = average;
    answer[`parameter.${key}`] = updated
      .get(PORTS.next(PORTS.parameter(key)))!
      .data.map((value, i) => (Math.abs(average[i]!) >= least ? value : Number.NaN));
  }
  return answer;
}

const scalar = (value: number): WideTensor => ({ dtype: 'f32', shape: [], data: Float64Array.of(value) });

/** A little is added to every weight: a bias of zeros or a norm's weight of ones would hide that someone forgot it. */
function perturbed(tensor: HostTensor, key: string): HostTensor {
  const phase = [...key].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1009, 7);
  const data = Float32Array.from(tensor.data as Float32Array, (value, i) => value + 0.02 * Math.sin(phase + 1.7 * i));
  return { dtype: 'f32', shape: tensor.shape, data };
}

function inputOf(name: string, dtype: HostTensor['dtype'], shape: readonly number[], row: Row): HostTensor {
  const length = sizeOf(shape);
  const last = shape.at(-1) ?? 1;
  if (dtype === 'i64') {
    const value = (i: number): number => {
      if (name === 'attention_mask') return 1;
      if (name === 'position_ids') return (row.dims.P ?? 0) + (i % last);
      return (i * 31 + Math.floor(i / last) * 17 + 7) % 512; // input_ids, labels
    };
    return { dtype, shape, data: BigInt64Array.from({ length }, (_, i) => BigInt(value(i))) };
  }
  const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  // about as spread as what a norm gives, without a period that a row's length could divide
  const data = Float32Array.from({ length }, (_, i) => 1.4 * Math.sin(phase + i * 1.3 + 0.001 * (i % 977) * (i % 31)));
  return { dtype: 'f32', shape, data };
}
