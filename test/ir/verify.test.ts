/** Each rule of the verifier, broken once. */
import { describe, expect, test } from 'vitest';
import type { AnyNode, Graph } from '../../src/compiler/ir/graph.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';

const graph = (...lines: string[]): Graph => readGraph(['graph g', ...lines].join('\n'));

describe('verifyGraph', () => {
  test('accepts a sound graph', () => {
    verifyGraph(
      graph('%0 = input x: f32[B, 4]', '%1 = param w: f32[3, 4]', '%2 = linear(%0, %1): f32[B, 3]', 'output y = %2'),
    );
  });

  const broken: readonly (readonly [string, Graph, string])[] = [
    [
      'a use before the definition',
      graph('%0 = input x: f32[2]', '%1 = exp(%2): f32[2] @ mlp a.mdl:3:1', '%2 = exp(%0): f32[2]', 'output y = %2'),
      'graph g: exp %1 at mlp a.mdl:3:1 uses %2 before it is defined',
    ],
    [
      'a type that the op does not give',
      graph('%0 = input x: f32[2, 3]', '%1 = transpose(%0, permutation=[1, 0]): f32[2, 3]', 'output y = %1'),
      'graph g: transpose %1 has type f32[2, 3] for %1 and its type rule gives f32[3, 2]',
    ],
    [
      'operands that the op does not take',
      graph('%0 = input x: i64[2]', '%1 = exp(%0): f32[2]'),
      'graph g: exp %1: exp takes f32 as x and got i64',
    ],
    [
      'too many operands',
      graph('%0 = input x: f32[2]', '%1 = exp(%0, %0): f32[2]'),
      'graph g: exp %1: exp takes 1 operands and got 2',
    ],
    [
      'too many outputs',
      graph('%0 = input x: f32[2]', '%1, %2 = exp(%0): f32[2], f32[2]'),
      'graph g: exp %1, %2 has 2 outputs and its type rule gives 1',
    ],
    [
      'two inputs of one name',
      graph('%0 = input x: f32[2]', '%1 = input x: f32[2]'),
      'graph g: two inputs are called x',
    ],
    [
      'two parameters of one key',
      graph('%0 = param w: f32[2]', '%1 = param w: f32[2]'),
      'graph g: two parameters are called w',
    ],
    [
      'two outputs of one name',
      graph('%0 = input x: f32[2]', 'output y = %0', 'output y = %0'),
      'graph g: two outputs are called y',
    ],
    [
      'an output from nowhere',
      graph('%0 = input x: f32[2]', 'output y = %7'),
      'graph g: output y is %7, which is not defined',
    ],
  ];
  test.each(broken)('finds %s', (_, wrong, message) => expect(() => verifyGraph(wrong)).toThrow(new Error(message)));

  const sound = graph('%0 = input x: f32[2]', '%1 = const f32[]: 1', '%2 = add(%0, %1): f32[2]', 'output y = %2');
  test('finds a second definition', () => {
    const wrong: Graph = { ...sound, nodes: [...sound.nodes, ...sound.nodes] };
    expect(() => verifyGraph(wrong)).toThrow('graph g: add %2 defines %2, which is defined already');
  });
  test('finds a value without a definition', () => {
    expect(() => verifyGraph({ ...sound, types: [...sound.types, sound.types[0]!] })).toThrow(
      'graph g: %3 has a type and no definition',
    );
  });
  test('finds an id outside the graph', () => {
    expect(() => verifyGraph({ ...sound, inputs: [{ name: 'x', value: 9 }] })).toThrow(
      'graph g: input x defines %9, and values are %0 to %2',
    );
  });
  test('finds a constant that is not of its type', () => {
    const constants = [{ value: 1, tensor: { dtype: 'i64' as const, shape: [], data: Float64Array.of(1) } }];
    expect(() => verifyGraph({ ...sound, constants })).toThrow('graph g: constant %1 is i64[] and its type is f32[]');
  });
  test('finds an unknown op', () => {
    const nodes = [{ ...sound.nodes[0]!, op: 'wobble' } as unknown as AnyNode];
    expect(() => verifyGraph({ ...sound, nodes })).toThrow('graph g: node wobble is no op of the ir');
  });
});
