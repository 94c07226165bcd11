/**
 * Updates of optimisers as WebAssembly: against the float64 interpreter, and bit for bit against ONNX Runtime where no function
 * but IEEE 754's is in the graph (adam has tanh of a number, which libraries round differently).
 */
import { describe, expect, it } from 'vitest';
import { wasmKernels } from '../../../src/compiler/backends/wasm/kernels.ts';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { OPTIMISERS, type OptimiserName } from '../../../src/compiler/training/optimisers.ts';
import { updateGraph } from '../../../src/compiler/training/update.ts';
import { LentTensor } from '../../../src/runtime/lent.ts';
import type { HostTensor, WideTensor } from '../../../src/shared/tensor.ts';
import { PORTS } from '../../../src/shared/training.ts';
import { difference, noise, runOnnx } from '../onnx/support.ts';
import { kernelsOf, onHost, programOf } from './support.ts';

const SETTINGS: { readonly [N in OptimiserName]: Record<string, number | boolean> } = {
  adamw: { weight_decay: 0.1 },
  adam: { weight_decay: 0.1 },
  sgd: { weight_decay: 0.1, momentum: 0.9, nesterov: true },
  lion: { weight_decay: 0.1 },
};
/** Sizes at and beside the width of a vector, and empty. */
const SHAPES = [[0], [1], [3], [4], [5], [7, 9], [256, 17]];
const TRAINED = SHAPES.map((shape, i) => ({ key: `t${i}`, shape, layer: '', decay: shape.length > 1 }));

const graphFor = (name: OptimiserName): Graph => updateGraph({ trained: TRAINED }, OPTIMISERS[name](SETTINGS[name]));

function feedsOf(graph: Graph, seed: number): Map<string, WideTensor> {
  return new Map(
    graph.inputs.map(({ name, value }, i) => {
      const shape = graph.types[value]!.shape as number[];
      const numbers = noise(shape, seed + i);
      // second moments are not negative
      const data = name.includes('exp_avg_sq') ? numbers.data.map((x) => Math.abs(Number(x))) : numbers.data;
      const scalar = { [PORTS.learningRate]: 1e-3, [PORTS.step]: 3, [PORTS.gradientScale]: 0.5 }[name];
      return [name, scalar === undefined ? { ...numbers, data } : { ...numbers, data: Float64Array.of(scalar) }];
    }) as [string, WideTensor][],
  );
}

const none = (key: string): never => {
  throw new Error(`an update has no parameter ${key}`);
};

const inOrt = (graph: Graph, feeds: ReadonlyMap<string, WideTensor>) =>
  runOnnx(graph, Object.fromEntries(feeds), { opset: 17 });

const bits = ({ data }: HostTensor): number[] => [...new Uint32Array((data as Float32Array).slice().buffer)];

describe.each(Object.keys(OPTIMISERS) as OptimiserName[])('%s', (name) => {
  const graph = graphFor(name);

  it('is the interpreter’s, at every size', async () => {
    const feeds = feedsOf(graph, 1);
    const expected = interpret(graph, { inputs: feeds, parameters: none });
    const results = await (await programOf(graph)).run(onHost(feeds));
    expect(Object.keys(results).sort()).toEqual([...expected.keys()].sort());
    for (const [output, tensor] of expected) expect(difference(results[output]!, tensor, 1e-6)).toBeUndefined();
  });

  it('tensors of equal code are calls of one function', () => {
    const { calls } = kernelsOf(graph);
    expect(calls).toHaveLength(SHAPES.length);
    expect(new Set(calls.map(({ kernel }) => kernel)).size).toBe(2); // with decay and without
  });
});

describe.each(['sgd', 'lion'] as const)('%s', (name) => {
  const graph = graphFor(name);

  it('is ONNX Runtime’s, bit for bit', async () => {
    const feeds = feedsOf(graph, 5);
    const expected = await inOrt(graph, feeds);
    const results = await (await programOf(graph)).run(onHost(feeds));
    for (const [output, tensor] of Object.entries(results))
      expect(bits(tensor), output).toEqual(bits(expected[output]!));
  });
});

describe('outside of the usual numbers', () => {
  const SPECIAL = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-42, 3e38, -1];

  it.each(['sgd', 'lion'] as const)('%s does what IEEE 754 says, as ONNX Runtime does', async (name) => {
    const trained = [{ key: 't', shape: [SPECIAL.length ** 2], layer: '', decay: true }];
    const graph = updateGraph({ trained }, OPTIMISERS[name](SETTINGS[name]));
    const pairs = SPECIAL.flatMap((x) => SPECIAL.map((y) => [x, y] as const));
    const feeds = feedsOf(graph, 1);
    const of = (pick: (pair: readonly [number, number]) => number): WideTensor => ({
      dtype: 'f32',
      shape: [pairs.length],
      data: Float64Array.from(pairs, pick),
    });
    for (const input of feeds.keys()) {
      if (input.startsWith('state'))
        feeds.set(
          input,
          of(([x]) => x),
        );
      if (input.startsWith('gradient.'))
        feeds.set(
          input,
          of(([, y]) => y),
        );
    }
    const expected = await inOrt(graph, feeds);
    const results = await (await programOf(graph)).run(onHost(feeds));
    for (const [output, { data }] of Object.entries(results))
      expect([...data].map(String), output).toEqual([...expected[output]!.data].map(String));
  });
});

describe('where tensors lie', () => {
  const trained = [
    { key: 'a', shape: [5], layer: '', decay: true },
    { key: 'b', shape: [5], layer: '', decay: true },
  ];
  const graph = updateGraph({ trained }, OPTIMISERS.sgd(SETTINGS.sgd));
  const [A, B] = ['a', 'b'].map((key) => PORTS.parameter(key)) as [string, string];
  const [nextA, nextB] = [PORTS.next(A), PORTS.next(B)];
  const lent = (tensor: HostTensor): LentTensor => {
    expect(tensor).toBeInstanceOf(LentTensor);
    return tensor as LentTensor;
  };

  it('what was kept and is fed again is used up, and its memory is the result’s', async () => {
    const program = await programOf(graph);
    const feeds = onHost(feedsOf(graph, 1));
    const first = lent((await program.run(feeds, undefined, 'all'))[nextA]!);
    const memory = first.data;
    const before = [...memory];
    const second = lent((await program.run({ ...feeds, [A]: first }, undefined, 'all'))[nextA]!);
    expect(() => first.data).toThrow('was released');
    expect(second.data).toBe(memory);
    expect([...second.data]).not.toEqual(before);
  });

  it('what was kept and is not fed keeps its numbers, in memory of its own', async () => {
    const program = await programOf(graph);
    const kept = lent((await program.run(onHost(feedsOf(graph, 1)), undefined, 'all'))[nextA]!);
    const before = [...kept.data];
    const other = await program.run(onHost(feedsOf(graph, 9)), undefined, 'all');
    expect([...kept.data]).toEqual(before);
    expect([...other[nextA]!.data]).not.toEqual(before);
    await program.dispose();
    expect([...kept.data]).toEqual(before);
  });

  it('tensors in each other’s places are read before they are overwritten', async () => {
    const program = await programOf(graph);
    const feeds = onHost(feedsOf(graph, 1));
    const once = await program.run(feeds, undefined, 'all');
    const crossed = { ...feeds, [A]: copied(once[nextB]!), [B]: copied(once[nextA]!) };
    const expected = await (await programOf(graph)).run(crossed);
    const results = await program.run({ ...feeds, [A]: once[nextB]!, [B]: once[nextA]! });
    for (const output of [nextA, nextB]) expect([...results[output]!.data]).toEqual([...expected[output]!.data]);
  });

  const copied = ({ dtype, shape, data }: HostTensor): HostTensor =>
    ({ dtype, shape, data: data.slice() }) as HostTensor;
});

describe('what is left to the graph', () => {
  const inPlace = (output: string): string => output.slice('new.'.length);

  it.each<[string, (b: GraphBuilder) => void]>([
    ['another op', (b) => b.output('new.x', b.node('exp', [b.input('x', 'f32', [4])], {}))],
    ['an output that takes no input’s place', (b) => b.output('new.y', b.node('sqrt', [b.input('x', 'f32', [4])], {}))],
    ['an output of rank 0', (b) => b.output('new.x', b.node('sqrt', [b.input('x', 'f32', [])], {}))],
    [
      'a tensor that is stretched',
      (b) => b.output('new.x', b.node('add', [b.input('x', 'f32', [4, 2]), b.input('y', 'f32', [2])], {})),
    ],
    [
      'a cast of what is no comparison',
      (b) => b.output('new.x', b.node('cast', [b.input('x', 'f32', [4])], { to: 'f32' })),
    ],
  ])('%s', (_, build) => {
    const b = new GraphBuilder('update');
    build(b);
    expect(wasmKernels(b.build(), inPlace)).toBeUndefined();
  });
});
