/** Binding of symbolic dims, the errors of feeding a graph, and how much the interpreter holds and runs. */
import { describe, expect, test } from 'vitest';
import { bindDims, resolveAttributes } from '../../src/compiler/ir/bind.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { readGraph, readType } from '../../src/compiler/ir/read.ts';
import { addDims, symbol } from '../../src/shared/dim.ts';
import { tensor } from '../ops/extra-cases.ts';

const graph = (...lines: string[]): Graph => readGraph(['graph g', ...lines].join('\n'));

/** Binds inputs `name: [dims]` to sizes. */
function bind(inputs: Readonly<Record<string, readonly [string, readonly number[]]>>): Record<string, number> {
  const declared = Object.entries(inputs).map(([name, [dims]]) => ({ name, shape: readType(`f32${dims}`).shape }));
  return Object.fromEntries(
    bindDims(declared, new Map(Object.entries(inputs).map(([name, [, sizes]]) => [name, sizes]))),
  );
}

describe('bindDims', () => {
  test('takes symbols from plain axes, and the rest from sums and products', () => {
    expect(bind({ mask: ['[B, P + T]', [2, 7]], ids: ['[B, T]', [2, 3]] })).toEqual({ B: 2, T: 3, P: 4 });
    expect(bind({ x: ['[4*B, B*T]', [8, 6]] })).toEqual({ B: 2, T: 3 });
    expect(bind({ x: ['[T + 1]', [1]] })).toEqual({ T: 0 });
  });
  const wrong: readonly (readonly [string, Parameters<typeof bind>[0], string])[] = [
    ['a static axis', { x: ['[B, 4]', [2, 5]] }, 'input x has 5 elements on axis 1, expected 4'],
    ['a rank', { x: ['[B, 4]', [2]] }, 'input x has 1 axes [2], expected 2 [B, 4]'],
    ['a symbol', { x: ['[B]', [2]], y: ['[3, B]', [3, 5]] }, 'input y has 5 elements on axis 1, expected 2 (B)'],
    [
      'a sum',
      { mask: ['[P + T]', [9]], p: ['[P]', [4]], t: ['[T]', [3]] },
      'input mask has 9 elements on axis 0, expected 7 (P + T with P = 4, T = 3)',
    ],
    [
      'a past below 0',
      { mask: ['[P + T]', [2]], t: ['[T]', [3]] },
      'input mask has 2 elements on axis 0, expected P + T with T = 3, which no P of at least 0 gives',
    ],
    [
      'an undetermined symbol',
      { mask: ['[P + T]', [2]] },
      'dimensions P and T of input mask, axis 0 (P + T), are no axis of their own in any input',
    ],
  ];
  test.each(wrong)('finds a clash with %s', (_, inputs, message) =>
    expect(() => bind(inputs)).toThrow(new Error(message)),
  );
});

test('resolveAttributes replaces dims and nothing else', () => {
  const bindings = new Map([
    ['T', 5],
    ['P', 2],
  ]);
  expect(resolveAttributes<'reshape'>({ shape: [addDims(symbol('P'), symbol('T')), 3] }, bindings)).toEqual({
    shape: [7, 3],
  });
  expect(resolveAttributes<'attention'>({ causal: true, scale: null }, bindings)).toEqual({
    causal: true,
    scale: null,
  });
});

describe('interpret', () => {
  const noParameters = (key: string): never => {
    throw new Error(`asked for ${key}`);
  };
  const two = graph(
    '%0 = input x: f32[B]',
    '%1 = param used: f32[1]',
    '%2 = param other: f32[1]',
    '%3 = mul(%0, %1): f32[B]',
    '%4 = mul(%0, %2): f32[B]',
    'output y = %3',
    'output z = %4',
  );
  const x = tensor('f32', [2], [1, 2]);
  const feed = new Map([['x', x]]);

  test('runs what `only` needs, and asks for those parameters alone', () => {
    const asked: string[] = [];
    const parameters = (key: string) => {
      asked.push(key);
      return tensor('f32', [1], [10]);
    };
    const results = interpret(two, { inputs: feed, parameters }, { only: ['y'] });
    expect([...results.keys()]).toEqual(['y']);
    expect([...results.get('y')!.data]).toEqual([10, 20]);
    expect(asked).toEqual(['used']);
  });

  test('gives inputs, parameters and constants that are outputs themselves', () => {
    const same = graph(
      '%0 = input x: f32[B]',
      '%1 = param w: f32[1]',
      '%2 = const i64[]: 3',
      'output a = %0',
      'output b = %1',
      'output c = %2',
    );
    const results = interpret(same, { inputs: feed, parameters: () => tensor('f32', [1], [5]) });
    expect([...results].map(([name, { data }]) => [name, ...data])).toEqual([
      ['a', 1, 2],
      ['b', 5],
      ['c', 3],
    ]);
  });

  const feeding: readonly (readonly [string, () => unknown, string])[] = [
    ['a missing input', () => interpret(two, { inputs: new Map(), parameters: noParameters }), 'input x is missing'],
    [
      'an unknown input',
      () =>
        interpret(two, {
          inputs: new Map([
            ['x', x],
            ['y', x],
          ]),
          parameters: noParameters,
        }),
      'graph g has no input y',
    ],
    [
      'another dtype',
      () => interpret(two, { inputs: new Map([['x', tensor('i64', [2], [1, 2])]]), parameters: noParameters }),
      'input x is i64, expected f32',
    ],
    [
      'too few elements',
      () => interpret(two, { inputs: new Map([['x', tensor('f32', [2], [1])]]), parameters: noParameters }),
      'input x holds 1 elements and its shape [2] has 2',
    ],
    [
      'a parameter of another shape',
      () => interpret(two, { inputs: feed, parameters: () => x }),
      'parameter used has shape [2], expected [1]',
    ],
    [
      'an unknown output',
      () => interpret(two, { inputs: feed, parameters: noParameters }, { only: ['w'] }),
      'graph g has no output w',
    ],
    [
      'a dimension that no input has',
      () =>
        interpret(graph('%0 = input x: f32[B]', '%1 = iota(shape=[S], axis=0): i64[S]', 'output y = %1'), {
          inputs: feed,
          parameters: noParameters,
        }),
      'dimension S of %1 [S] is not an axis of any input of graph g',
    ],
    [
      'an op that fails',
      () =>
        interpret(
          graph(
            '%0 = input x: f32[B]',
            '%1 = const i64[]: 2',
            '%2 = gather(%0, %1, axis=0): f32[] @ head m.mdl:7:3',
            'output y = %2',
          ),
          {
            inputs: feed,
            parameters: noParameters,
          },
        ),
      'gather %2 at head m.mdl:7:3: gather got index 2 for axis 0 of size 2',
    ],
  ];
  test.each(feeding)('explains %s', (_, run, message) => expect(run).toThrow(message));
});
