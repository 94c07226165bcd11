/**
 * MDL's own WebGPU target: the row's graphs lowered to a plan, run by the runtime that ships. Inputs, parameters, caches
 * and the optimiser's state stay on the device; a run feeds handles and reads back the row's outputs, or the loss.
 */

import type { PlainGraph } from '../../src/compiler/graphs.ts';
import { stageOf } from '../../src/compiler/workbench/training/stages.ts';
import { type AnyTensor, type AnyTensors, toHost } from '../../src/runtime/device-tensor.ts';
import { hostState, initialState, liveState } from '../../src/runtime/train/index.ts';
import { openPlan } from '../../src/runtime/webgpu/index.ts';
import { GpuTensor } from '../../src/runtime/webgpu/tensors.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { heldTensors, PORTS } from '../../src/shared/training.ts';
import { buildStage, planOf, planOfGraphs, STAGE_ON_DEVICE } from '../../test/support/build.ts';
import type { Contestant, Prepared, Results } from './contestant.ts';
import { installGpu } from './gpu.ts';
import { LEARNING_RATE, type Problem } from './problem.ts';

type OpenSession = Awaited<ReturnType<typeof openPlan>>;

export default async function ours(): Promise<Contestant> {
  await installGpu();
  return {
    about: 'mdl, webgpu target',
    counted: true,
    prepare: (problem) => (problem.row.kind === 'training' ? training(problem) : inference(problem)),
  };
}

function open(problem: Problem, graphs: readonly PlainGraph[]): Promise<OpenSession> {
  const plan = planOfGraphs(problem.model, graphs);
  return openPlan({ plan, weights: async (key) => problem.parameters[key]! });
}

async function inference(problem: Problem): Promise<Prepared> {
  const { row, model, graphs, inputs } = problem;
  if (row.kind !== 'inference') throw new Error(`${row.name} is no inference row`);
  const { entry, outputs } = row;
  const cache = model.entry(entry)!.cache ?? [];
  const session = await open(problem, [{ name: entry, graph: graphs.get(entry)!, cache }]);
  const fed: Record<string, AnyTensor> = {};
  const pasts = new Set(cache.map(({ past }) => past));
  for (const [name, tensor] of Object.entries(inputs)) {
    fed[name] = pasts.has(name) ? tensor : await session.upload(tensor, name);
  }
  const feeds: AnyTensors = cache.length === 0 ? fed : { ...fed, ...(await grown(session, row.entry, fed, cache)) };
  return {
    run: async () => numbersOf(await session.run(entry, feeds, { fetch: outputs })),
    dispose: () => session.dispose(),
  };
}

/**
 * Caches as generation has them: in buffers with room for the new token. A first run puts them there; each timed run then
 * writes the token behind the same P positions, in place, and leaves the length alone.
 */
async function grown(
  session: OpenSession,
  entry: string,
  feeds: AnyTensors,
  cache: readonly { readonly past: string; readonly present: string }[],
): Promise<AnyTensors> {
  const presents = cache.map(({ present }) => present);
  const results = await session.run(entry, feeds, { fetch: [], keep: presents });
  return Object.fromEntries(
    cache.map(({ past, present }) => {
      const { gpu, buffer, growing, dtype } = results[present] as GpuTensor;
      return [past, new GpuTensor(gpu, past, { buffer, growing, dtype, shape: feeds[past]!.shape })];
    }),
  );
}

async function training({ row, model, parameters, inputs: batch }: Problem): Promise<Prepared> {
  if (row.kind !== 'training') throw new Error(`${row.name} is no training row`);
  // what trains lies otherwise than in the graphs that the peers share
  const { plan, graphs } = buildStage(model, stageOf(model, row.stage), STAGE_ON_DEVICE)!;
  const session = await openPlan({ plan: planOf(graphs), weights: async (key) => parameters[key]! });
  const number = (value: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
  const inputs: Record<string, AnyTensor> = { [PORTS.lossScale]: await session.upload(number(1), PORTS.lossScale) };
  for (const [name, tensor] of Object.entries(batch)) inputs[name] = await session.upload(tensor, name);
  const start = initialState(plan, new Map(plan.trained.map(({ key }) => [key, parameters[key]!])));
  const live = await liveState(start, session, plan);
  const held = heldTensors(plan).map(({ name }) => name);
  /** by port */
  let state: Record<string, AnyTensor> = {};
  for (const name of held) {
    state[PORTS.parameter(name)] = live.parameters.get(name)!;
    for (const [slot, tensors] of live.slots) state[PORTS.state(slot, name)] = tensors.get(name)!;
  }
  const gradients = held.map(PORTS.gradient);
  let step = 0;
  return {
    run: async () => {
      const weights = Object.fromEntries(held.map(PORTS.parameter).map((port) => [port, state[port]!]));
      const results = await session.run(
        'gradient',
        { ...inputs, ...weights },
        { fetch: [PORTS.loss], keep: gradients },
      );
      const { [PORTS.loss]: loss, ...found } = results;
      const scalars = {
        [PORTS.learningRate]: number(LEARNING_RATE),
        [PORTS.step]: number(++step),
        [PORTS.gradientScale]: number(1),
      };
      const next = await session.run('update', { ...scalars, ...state, ...found }, { keep: 'all' });
      state = Object.fromEntries(Object.keys(state).map((port) => [port, next[PORTS.next(port)]!]));
      for (const tensor of Object.values(found)) (tensor as GpuTensor).destroy();
      return numbersOf({ loss: loss! });
    },
    details: async () => {
      const tensors = (portOf: (name: string) => string) =>
        new Map(held.map((name) => [name, state[portOf(name)]!] as const));
      const slots = new Map(plan.slots.map((slot) => [slot, tensors((name) => PORTS.state(slot, name))] as const));
      const after = await hostState({ ...live, parameters: tensors(PORTS.parameter), slots });
      const details: Record<string, AnyTensor> = {};
      for (const { key } of plan.trained) {
        details[`exp_avg.${key}`] = after.slots.get('exp_avg')!.get(key)!;
        details[`parameter.${key}`] = after.parameters.get(key)!;
      }
      return numbersOf(details);
    },
    dispose: () => session.dispose(),
  };
}

async function numbersOf(tensors: AnyTensors): Promise<Results> {
  const found: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(tensors)) found[name] = (await toHost(tensor)).data as Float32Array;
  return found;
}
