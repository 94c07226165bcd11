/** Trained tensors in arenas: the same numbers as one by one, an update of one dispatch, and checkpoints that fit both. */
import { describe, expect, it, test } from 'vitest';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { arenasOf } from '../../src/compiler/training/arenas.ts';
import { OPTIMISERS, type OptimiserName } from '../../src/compiler/training/optimisers.ts';
import { updateGraph } from '../../src/compiler/training/update.ts';
import { NODE } from '../../src/compiler/workbench/session.ts';
import { locateNonFinite } from '../../src/compiler/workbench/training/locate-non-finite.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { hostState, initialState, type LogRecord, type TrainState, train } from '../../src/runtime/train/index.ts';
import { acquireDevice, openPlan } from '../../src/runtime/webgpu/index.ts';
import { narrow, sizeOf, type WideTensor, widen } from '../../src/shared/tensor.ts';
import { type Arena, PORTS, type TrainedParameter } from '../../src/shared/training.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { unavailable } from '../support/adapter.ts';
import { buildStage, graphIn, planOf, STAGE_ON_DEVICE } from '../support/build.ts';
import { compileOk, memory } from '../support/project.ts';
import { MICRO, microBatch, noise } from './support.ts';

const LIMIT = STAGE_ON_DEVICE.arenas;
const modelOf = (source = MICRO): Model => compileOk('micro.mdl', memory({ 'micro.mdl': source }));
type Built = NonNullable<ReturnType<typeof buildStage>>;
const built = (model: Model, name: string, arenas?: number): Built =>
  buildStage(model, model.stages.find((stage) => stage.name === name)!, arenas === undefined ? {} : { arenas })!;
const graphOf = ({ graphs }: Built, entry: string): Graph => graphIn(graphs, entry);
const onDevice = ({ graphs }: Built): WebGpuPlan => planOf(graphs);

const filled = (shape: readonly number[], seed: number): WideTensor => ({
  dtype: 'f32',
  shape,
  data: Float64Array.from(noise(sizeOf(shape), seed)),
});
const scalar = (value: number): WideTensor => ({ dtype: 'f32', shape: [], data: Float64Array.of(value) });

/** Tensors by key as arenas, with something in the padding that must not matter. */
function packed(arenas: readonly Arena[], tensors: ReadonlyMap<string, WideTensor>): [string, WideTensor][] {
  return arenas.map(({ name, elements, pieces }) => {
    const data = new Float64Array(elements).fill(7);
    for (const { key, at } of pieces) data.set(tensors.get(key)!.data, at);
    return [name, { dtype: 'f32', shape: [elements], data }];
  });
}

function unpacked(arenas: readonly Arena[], find: (name: string) => WideTensor): Map<string, WideTensor> {
  const pieces = arenas.flatMap((arena) => arena.pieces.map((piece) => ({ ...piece, arena: find(arena.name) })));
  return new Map(
    pieces.map(({ key, shape, at, arena: { data } }) => [
      key,
      { dtype: 'f32' as const, shape, data: data.slice(at, at + sizeOf(shape)) },
    ]),
  );
}

const run = (graph: Graph, inputs: ReadonlyMap<string, WideTensor>): ReadonlyMap<string, WideTensor> => {
  verifyGraph(graph);
  return interpret(graph, { inputs, parameters: (key) => filled(shapeOfParameter(graph, key), key.length) });
};
const shapeOfParameter = (graph: Graph, key: string): readonly number[] =>
  graph.types[graph.parameters.find((one) => one.key === key)!.value]!.shape as readonly number[];

describe('tensors are laid out', () => {
  const of = (key: string, decay: boolean, ...shape: number[]): TrainedParameter => ({ key, shape, layer: key, decay });
  const trained = [of('a', false, 5), of('b', true, 2, 3), of('c', false, 4), of('d', true, 10)];
  const places = (limit: number) =>
    arenasOf(trained, limit).map(({ elements, decayed, pieces }) => [
      elements,
      decayed,
      pieces.map(({ key, at }) => `${key} ${at}`).join(', '),
    ]);

  it('at multiples of four, those that decay first', () => {
    expect(places(1000)).toEqual([[32, 20, 'b 0, d 8, a 20, c 28']]);
  });

  it('in as many arenas as the limit asks for; one that is larger has its own', () => {
    expect(places(16)).toEqual([
      [8, 8, 'b 0'],
      [12, 12, 'd 0'],
      [12, 0, 'a 0, c 8'],
    ]);
    expect(places(8).map(([elements]) => elements)).toEqual([8, 12, 8, 4]);
  });
});

describe.each([
  ['one arena', LIMIT],
  ['several', 64],
])('with %s', (_, limit) => {
  const model = modelOf();
  const [apart, together] = [built(model, 'two'), built(model, 'two', limit)];
  const { trained } = apart.plan;
  const arenas = together.plan.arenas!;
  const tensors = (seed: number): Map<string, WideTensor> =>
    new Map(trained.map(({ key, shape }, i) => [key, filled(shape, seed + i)]));
  /** both kinds of feeds, of the same tensors */
  const feeds = (portOf: (name: string) => string, seed: number) =>
    [[...tensors(seed)], packed(arenas, tensors(seed))].map(
      (list) => list.map(([name, tensor]) => [portOf(name), tensor]) as [string, WideTensor][],
    ) as [[string, WideTensor][], [string, WideTensor][]];

  it(`there are ${limit === LIMIT ? 1 : 'more'}`, () => {
    expect(arenas.length === 1).toBe(limit === LIMIT);
    expect(arenas.flatMap(({ pieces }) => pieces.map(({ key }) => key)).sort()).toEqual(
      trained.map(({ key }) => key).sort(),
    );
  });

  it('loss, statistics and gradients are the same, with zeros in between', () => {
    const batch = Object.entries(microBatch()).map(([name, tensor]) => [name, widen(tensor)] as const);
    const rest = [...batch, [PORTS.lossScale, scalar(2)], [PORTS.dropoutSeed, { ...scalar(3), dtype: 'i64' }]] as const;
    const [one, all] = feeds(PORTS.parameter, 1);
    const expected = run(graphOf(apart, 'gradient'), new Map([...rest, ...one]));
    const found = run(graphOf(together, 'gradient'), new Map([...rest, ...all]));
    for (const port of [PORTS.loss, PORTS.statistics]) expect(found.get(port)).toEqual(expected.get(port));
    const gradients = unpacked(arenas, (name) => found.get(PORTS.gradient(name))!);
    for (const { key } of trained) expect(gradients.get(key), key).toEqual(expected.get(PORTS.gradient(key)));
    const zeros = packed(arenas, gradients).map(([name, { data, ...type }]) => {
      return [name, { ...type, data: data.map((x) => (x === 7 ? 0 : x)) }] as const;
    });
    for (const [name, tensor] of zeros) expect(found.get(PORTS.gradient(name))).toEqual(tensor);
  });

  it.each(Object.keys(OPTIMISERS) as OptimiserName[])('%s updates the same', (name) => {
    const optimiser = OPTIMISERS[name]({ weight_decay: 0.1, ...(name === 'sgd' ? { momentum: 0.9 } : {}) });
    const scalars = [
      [PORTS.learningRate, scalar(0.1)],
      [PORTS.step, scalar(3)],
      [PORTS.gradientScale, scalar(0.5)],
    ] as const;
    const ports = [
      PORTS.parameter,
      PORTS.gradient,
      ...optimiser.slots.map((slot) => (n: string) => PORTS.state(slot, n)),
    ];
    const given = ports.map((portOf, i) => feeds(portOf, 10 * i + 1));
    // second moments are not negative
    for (const [one, all] of given)
      for (const [, tensor] of [...one, ...all])
        tensor.data.forEach((x, i) => {
          tensor.data[i] = Math.abs(x);
        });
    const expected = run(updateGraph(apart.plan, optimiser), new Map([...scalars, ...given.flatMap(([one]) => one)]));
    const found = run(updateGraph(together.plan, optimiser), new Map([...scalars, ...given.flatMap(([, all]) => all)]));
    for (const portOf of ports.filter((other) => other !== PORTS.gradient)) {
      const pieces = unpacked(arenas, (arena) => found.get(PORTS.next(portOf(arena)))!);
      for (const { key } of trained) expect(pieces.get(key), key).toEqual(expected.get(PORTS.next(portOf(key))));
    }
  });

  it('sums and their statistics are the same', () => {
    const [sums, fresh] = [feeds(PORTS.sum, 1), feeds(PORTS.gradient, 30)];
    const scalars = [
      [PORTS.inverseScale, scalar(0.5)],
      [PORTS.sumWeight, scalar(3)],
      [PORTS.gradientWeight, scalar(2)],
    ] as const;
    const expected = run(graphOf(apart, 'accumulate'), new Map([...scalars, ...sums[0], ...fresh[0]]));
    const found = run(graphOf(together, 'accumulate'), new Map([...scalars, ...sums[1], ...fresh[1]]));
    expect(found.get(PORTS.statistics)).toEqual(expected.get(PORTS.statistics));
    const pieces = unpacked(arenas, (name) => found.get(PORTS.next(PORTS.sum(name)))!);
    for (const { key } of trained) expect(pieces.get(key), key).toEqual(expected.get(PORTS.next(PORTS.sum(key))));
  });

  it('the update is a dispatch for each, in place, and binds what the least device grants', () => {
    const { steps, buffers, outputs } = onDevice(together).entries.update!;
    expect(steps).toHaveLength(arenas.length);
    expect(steps.every((step) => step.buffers.length <= 8)).toBe(true);
    const donated = buffers.filter((buffer) => buffer.kind === 'output' && buffer.donated !== undefined);
    expect(donated).toHaveLength(outputs.length);
  });

  it('gradients are written where they belong: no dispatch more than one by one', () => {
    const [one, all] = [apart, together].map((stage) => onDevice(stage).entries.gradient!);
    // the padding of a bias of five, once
    expect(all!.steps.length).toBeLessThanOrEqual(one!.steps.length + 1);
    // the loss, tokens, the batch's weight, statistics
    expect(all!.outputs).toHaveLength(4 + arenas.length);
  });
});

test('an element that is not finite is traced to its tensor', async () => {
  const model = modelOf();
  const stage = built(model, 'two', LIMIT);
  const { name, elements, pieces } = stage.plan.arenas![0]!;
  const { key, at } = pieces[3]!;
  const feeds = { [PORTS.parameter(name)]: narrow({ ...filled([elements], 1) }) };
  feeds[PORTS.parameter(name)]!.data[at] = Number.NaN;
  const weights = seededWeights(model, 0);
  const found = locateNonFinite(model, graphOf(stage, 'gradient'), feeds, {
    plan: stage.plan,
    weights,
    backend: 'reference',
    opset: 17,
    host: NODE,
  });
  expect(await found).toBe(`the input parameter.${key}`);
  await weights.close();
});

test('equal layers share the kernels of their gradients, wherever their tensors lie', () => {
  const kernels = [2, 3, 6].map((layers) => {
    const model = modelOf(MICRO.replace('range(2)', `range(${layers})`).replaceAll('accumulate 2', ''));
    const plan = onDevice(built(model, 'two', LIMIT));
    const { steps } = plan.entries.gradient!;
    return new Set(steps.map(({ kernel }) => kernel)).size;
  });
  expect(kernels[2]).toBeLessThanOrEqual(kernels[1]! + 2); // bundles at the ends
});

describe.skipIf(unavailable)('on the device', () => {
  const model = modelOf();
  const stage = built(model, 'two', LIMIT);
  const { plan } = stage;
  const weights = new Map(
    [...model.parameters.values()].map(({ keys: [key], shape }, i) => [key as string, { shape, seed: i }]),
  );
  const weightOf = (key: string) => {
    const { shape, seed } = weights.get(key)!;
    return {
      dtype: 'f32' as const,
      shape,
      data: noise(sizeOf(shape), seed).map((x) => x / 2) as Float32Array<ArrayBuffer>,
    };
  };
  const start = (): TrainState => initialState(plan, new Map(plan.trained.map(({ key }) => [key, weightOf(key)])));

  async function trained(of: Built, from: TrainState, saved: TrainState[] = []) {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: onDevice(of), weights: async (key) => weightOf(key), device: gpu });
    const records: LogRecord[] = [];
    const state = await train(from, {
      plan: of.plan,
      runner: session,
      data: { name: 'micro', batch: async (i) => ({ feeds: microBatch(i), tokens: 1, rows: 6 }) },
      steps: 4,
      seed: 5,
      onRecord: (record) => void records.push(record),
      onState: async (after) => void saved.push(await hostState(after)),
    });
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
    return { state, losses: records.map((record) => ('loss' in record ? [record.loss, record.grad_norm] : [])) };
  }

  it('a run gives the bits that it gives with each tensor apart, and goes on from either', async () => {
    const [here, there]: [TrainState[], TrainState[]] = [[], []];
    const together = await trained(stage, start(), here);
    const apart = await trained(built(model, 'two'), start(), there);
    expect(together).toEqual(apart);
    expect([...together.state.parameters.keys()]).toEqual(plan.trained.map(({ key }) => key));
    expect(here).toEqual(there);
    expect((await trained(stage, there[1]!)).state).toEqual(together.state);
    expect((await trained(built(model, 'two'), here[1]!)).state).toEqual(together.state);
  });
});
