/** The driver: accumulation, sharing, frozen branches, outputs, origins, errors; and random graphs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { typeOf } from '../../../src/compiler/ir/graph.ts';
import { printGraph } from '../../../src/compiler/ir/print.ts';
import { readGraph } from '../../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';
import { differentiate, isBackward, savedActivations, unreached } from '../../../src/compiler/passes/autodiff/index.ts';
import { dce } from '../../../src/compiler/passes/dce.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import { symbol } from '../../../src/shared/dim.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { buildRandom, instructions, randomInputs, randomParameter } from '../random-graphs.ts';
import { finiteDifferences, gradientsOf, noise, run, withLoss } from './support.ts';

const f32 = (shape: readonly number[], elements: readonly number[]): WideTensor => tensor('f32', shape, elements);
const scalar = (value: number): WideTensor => f32([], [value]);
const B = symbol('B');

function graphOf(build: (b: GraphBuilder) => void): Graph {
  const b = new GraphBuilder('g');
  build(b);
  return b.build();
}

const of = (...parameters: string[]) => ({ output: 'loss', parameters: new Set(parameters) });

test('prints as the text before and after', () => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'f32', [B, 2]);
    const origin = { path: 'net.fc', source: 'net.mdl:3:7' };
    const h = b.node(
      'linear',
      [x, b.parameter('fc.weight', 'f32', [3, 2]), b.parameter('fc.bias', 'f32', [3])],
      {},
      origin,
    );
    b.output('loss', b.node('sum', [h], { axes: [0, 1], keepdims: false }, { path: 'net' }));
  });
  const text = printGraph(runPipeline(differentiate(graph, of('fc.weight', 'fc.bias'))));
  expect(text).toBe(
    [
      'graph g',
      '  %0 = input x: f32[B, 2]',
      '  %1 = param fc.weight: f32[3, 2]',
      '  %2 = param fc.bias: f32[3]',
      '  %3 = const f32[1, 1]: 1',
      '  %4 = linear(%0, %1, %2): f32[B, 3]  @ net.fc net.mdl:3:7',
      '  %5 = sum(%4, axes=[0, 1], keepdims=false): f32[]  @ net',
      '  %6 = expand(%3, shape=[B, 3]): f32[B, 3]  @ "net (gradient)"',
      '  %7 = matmul(%6, %0, transpose_a=true, transpose_b=false): f32[3, 2]  @ "net.fc (gradient)" net.mdl:3:7',
      '  %8 = sum(%6, axes=[0], keepdims=true): f32[1, 3]  @ "net.fc (gradient)" net.mdl:3:7',
      '  %9 = reshape(%8, shape=[3]): f32[3]  @ "net.fc (gradient)" net.mdl:3:7',
      '  output loss = %5',
      '  output gradient.fc.weight = %7',
      '  output gradient.fc.bias = %9',
      '',
    ].join('\n'),
  );
});

describe('sums over the users of a value', () => {
  test('of a value used twice by one node and again by another', () => {
    // loss = x³ + 2x at 3
    const graph = graphOf((b) => {
      const x = b.parameter('x', 'f32', []);
      const square = b.node('mul', [x, x], {});
      const cube = b.node('mul', [square, x], {});
      b.output('loss', b.node('add', [cube, b.node('mul', [b.scalar(2), x], {})], {}));
    });
    expect([...gradientsOf(graph, new Map([['x', scalar(3)]]), ['x']).get('x')!.data]).toEqual([29]);
  });

  test('of a parameter shared by two layers', () => {
    const graph = graphOf((b) => {
      const w = b.parameter('w', 'f32', [3, 3]);
      const h = b.node('tanh', [b.node('linear', [b.input('x', 'f32', [B, 3]), w], {})], {});
      const y = b.node('linear', [h, b.parameter('w', 'f32', [3, 3])], {});
      b.output('loss', b.node('mean', [b.node('tanh', [y], {})], { axes: [0, 1], keepdims: false }));
    });
    const tensors = new Map([
      ['x', noise([2, 3])],
      ['w', noise([3, 3], 2)],
    ]);
    expect(finiteDifferences(graph, tensors, ['w', 'x'])).toBeUndefined();
  });

  test('of a parameter that is the output itself', () => {
    const graph = graphOf((b) => b.output('loss', b.parameter('w', 'f32', [1, 1])));
    expect(gradientsOf(graph, new Map([['w', f32([1, 1], [5])]]), ['w']).get('w')).toEqual(f32([1, 1], [1]));
  });
});

describe('outputs', () => {
  const graph = graphOf((b) => {
    const h = b.node('exp', [b.parameter('w', 'f32', [2])], {});
    const loss = b.node('sum', [h], { axes: [0], keepdims: false });
    b.output('hidden', h);
    b.output('loss', loss);
    b.output('doubled', b.node('mul', [loss, b.scalar(2)], {}));
    b.output('again', loss);
  });
  const w = f32([2], [0, Math.log(3)]);

  test('stay, and only the one asked for is differentiated', () => {
    const backward = differentiate(graph, of('w'));
    verifyGraph(backward);
    expect(backward.outputs.map(({ name }) => name)).toEqual(['hidden', 'loss', 'doubled', 'again', 'gradient.w']);
    const results = run(backward, new Map([['w', w]]));
    expect(results.get('hidden')!.data[1]).toBeCloseTo(3, 12);
    expect(results.get('doubled')!.data[0]).toBeCloseTo(8, 12);
    expect([...results.get('gradient.w')!.data].map((x) => Number(x.toFixed(12)))).toEqual([1, 3]);
  });

  test('read back from text', () => {
    const text = printGraph(differentiate(graph, of('w')));
    expect(printGraph(readGraph(text))).toBe(text);
  });
});

describe('what the loss does not depend on', () => {
  const graph = graphOf((b) => {
    const frozen = b.node('tanh', [b.parameter('frozen', 'f32', [3])], {}, { path: 'frozen_branch' });
    const w = b.parameter('w', 'f32', [3]);
    const hidden = b.node('mul', [frozen, w], {}, { path: 'head' });
    b.output('side', b.node('exp', [b.parameter('aside', 'f32', [2, 2])], {}));
    const square = b.node('mul', [hidden, hidden], {}, { path: 'head' });
    b.output('loss', b.node('sum', [square], { axes: [0], keepdims: false }, { path: 'head' }));
  });
  const tensors = new Map([
    ['frozen', noise([3])],
    ['w', noise([3], 2)],
    ['aside', noise([2, 2], 3)],
  ]);

  test('gets zeros, and is listed', () => {
    expect(unreached(graph, of('w', 'aside'))).toEqual(['aside']);
    const backward = differentiate(graph, of('w', 'aside'));
    verifyGraph(backward);
    expect(run(backward, tensors).get('gradient.aside')).toEqual(f32([2, 2], [0, 0, 0, 0]));
  });

  test('a frozen branch has no backward op, and only what it gives is saved', () => {
    const backward = runPipeline(differentiate(graph, of('w')));
    const paths = backward.nodes.filter(isBackward).map(({ origin }) => origin.path);
    expect(paths.filter((path) => path.startsWith('frozen_branch'))).toEqual([]);
    expect(savedActivations(backward).values.map(({ op, origin }) => [op, origin.path])).toEqual([
      ['tanh', 'frozen_branch'],
      ['mul', 'head'],
    ]);
    // the other way round the tanh is on the path
    const other = runPipeline(differentiate(graph, of('frozen')));
    expect(other.nodes.filter(isBackward).some(({ origin }) => origin.path === 'frozen_branch (gradient)')).toBe(true);
  });

  test('nothing trains: the graph as it was', () => {
    expect(printGraph(dce(differentiate(graph, of())))).toBe(printGraph(dce(graph)));
  });
});

test('savedActivations counts bytes under given dims, and a reshape with what it shows once', () => {
  const T = symbol('T');
  const graph = graphOf((b) => {
    const h = b.node('exp', [b.node('mul', [b.input('x', 'f32', [B, T, 4]), b.parameter('w', 'f32', [4])], {})], {});
    const rows = b.node('reshape', [h], { shape: [B, T, 2, 2] });
    const y = b.node('mul', [rows, rows], {});
    const mask = b.node('less', [b.scalar(0), y], {});
    const kept = b.node('where', [mask, y, b.scalar(0)], {});
    b.output('loss', b.node('sum', [kept], { axes: [0, 1, 2, 3], keepdims: false }));
  });
  const saved = savedActivations(runPipeline(differentiate(graph, of('w'))));
  expect(saved.values.map(({ op, dtype }) => [op, dtype])).toEqual([
    ['exp', 'f32'],
    ['less', 'bool'],
  ]);
  const dims = new Map([
    ['B', 2],
    ['T', 3],
  ]);
  expect(saved.bytes(dims)).toBe(2 * 3 * 4 * (4 + 1));
  expect(() => saved.bytes(new Map())).toThrow('dimension B has no value');
});

describe('errors', () => {
  const graph = graphOf((b) => {
    const w = b.parameter('w', 'f32', [2]);
    b.output('logits', b.node('mul', [w, b.input('x', 'f32', [B, 2])], {}));
    b.output('choice', b.node('argmax', [w], { axis: 0 }));
    b.output('table', b.parameter('table', 'i64', []));
    b.output('loss', b.node('sum', [w], { axes: [0], keepdims: false }));
  });
  interface Asked {
    readonly output: string;
    readonly parameters: readonly string[];
    readonly inputs?: readonly string[];
  }
  test.each<[Asked, string]>([
    [{ output: 'los', parameters: ['w'] }, 'graph g has no output los: its outputs are logits, choice, table, loss'],
    [{ output: 'logits', parameters: ['w'] }, 'gradients are of an f32 scalar, and output logits is f32[B, 2]'],
    [{ output: 'choice', parameters: ['w'] }, 'gradients are of an f32 scalar, and output choice is i64[]'],
    [{ output: 'loss', parameters: ['v'] }, 'graph g has no parameter v'],
    [{ output: 'loss', parameters: ['table'] }, 'table is i64, and only f32 has a gradient'],
    [{ output: 'loss', parameters: [], inputs: ['y'] }, 'graph g has no input y'],
  ])('%j', ({ output, parameters, inputs }, message) => {
    const request = { output, parameters: new Set(parameters), ...(inputs ? { inputs: new Set(inputs) } : {}) };
    expect(() => differentiate(graph, request)).toThrow(message);
  });

  test('an op without a derivative on the path says why, and where it is', () => {
    const pooled = graphOf((b) => {
      const x = b.parameter('x', 'f32', [1, 1, 2, 2]);
      const dy = b.input('dy', 'f32', [1, 1, 1, 1]);
      const attributes = { kernel: [2, 2], stride: [1, 1], padding: [0, 0] } as const;
      const y = b.node('max_pool2d_grad', [x, dy], attributes, { path: 'net', source: 'net.mdl:2:3' });
      b.output('loss', b.node('sum', [y], { axes: [0, 1, 2, 3], keepdims: false }));
    });
    expect(() => differentiate(pooled, of('x'))).toThrow(
      'max_pool2d_grad %2 at net net.mdl:2:3 is not differentiable: it is a gradient itself',
    );
  });
});

test('second derivatives: the gradient of a gradient', () => {
  // loss = Σ gradient of Σ tanh(x · w) in w
  const first = graphOf((b) => {
    const y = b.node('gelu', [b.node('mul', [b.input('x', 'f32', [3]), b.parameter('w', 'f32', [3])], {})], {
      approximate: 'tanh',
    });
    b.output('inner', b.node('sum', [y], { axes: [0], keepdims: false }));
  });
  const gradient = differentiate(first, { output: 'inner', parameters: new Set(['w']) });
  const only = {
    ...gradient,
    outputs: [{ ...gradient.outputs.find(({ name }) => name === 'gradient.w')!, name: 'dw' }],
  };
  const tensors = new Map([
    ['x', noise([3])],
    ['w', noise([3], 2)],
    ['cotangent.dw', noise([3], 3)],
  ]);
  expect(finiteDifferences(withLoss(only), tensors, ['w', 'x'])).toBeUndefined();
});

/** Whether all numbers are finite and small: beyond that central differences measure rounding. */
const tame = ({ data }: WideTensor): boolean => data.every((x) => Math.abs(x) < 1e4);

test('random graphs: gradients match finite differences, and every pass keeps them', () => {
  // what is not smooth is off the path: casts to integers stop gradients, ties of maximum and where are avoided by the draw
  fc.assert(
    fc.property(instructions, (list) => {
      const random = buildRandom(list.filter(([index]) => index !== 6 && index !== 9));
      if (!random.outputs.some(({ value }) => typeOf(random, value).dtype === 'f32')) return;
      const graph = withLoss(random, { midGraph: true });
      const tensors = new Map<string, WideTensor>([...randomInputs, ['w', randomParameter()]]);
      for (const [name, output] of run(random, tensors)) {
        if (!tame(output)) return;
        if (output.dtype === 'f32') tensors.set(`cotangent.${name}`, noise(output.shape, 7));
      }
      const wanted = ['x', 'y', ...random.parameters.map(({ key }) => key)];
      const gradients = gradientsOf(graph, tensors, wanted);
      if ([...gradients.values()].every(tame)) expect(finiteDifferences(graph, tensors, wanted)).toBeUndefined();
      const request = { output: 'loss', parameters: new Set(wanted.slice(2)), inputs: new Set(['x', 'y']) };
      runPipeline(differentiate(graph, request), {
        after(_, current) {
          verifyGraph(current);
          const results = run(current, tensors);
          for (const [name, { data }] of gradients) {
            for (const [i, value] of data.entries()) {
              expect(results.get(`gradient.${name}`)!.data[i]).toBeCloseTo(value, 8);
            }
          }
        },
      });
    }),
    { numRuns: 100, seed: 7 },
  );
});
