/** Graphs of the WebGPU target keep the rules of the IR and of its own dialect; each of the dialect's rules, broken once. */
import { describe, expect, test } from 'vitest';
import { decompose } from '../../../src/compiler/backends/wgsl/decompose.ts';
import { KERNELS } from '../../../src/compiler/backends/wgsl/dialect.ts';
import { splitProducts } from '../../../src/compiler/backends/wgsl/split-products.ts';
import type { AnyNode, Graph } from '../../../src/compiler/ir/graph.ts';
import { made } from '../../../src/compiler/ir/made.ts';
import { readGraph } from '../../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';

const attention = (...lines: string[]): Graph =>
  readGraph(
    [
      'graph g',
      '%0 = input q: f32[2, 1, 3, 4]',
      '%1 = input k: f32[2, 1, 5, 4]',
      '%2 = input v: f32[2, 1, 5, 4]',
      '%3 = input dy: f32[2, 1, 3, 4]',
      ...lines,
    ].join('\n'),
  );
const gradient =
  '%5, %6, %7 = attention_grad(%0, %1, %2, %3, causal=true, scale=null): f32[2, 1, 3, 4], f32[2, 1, 5, 4], f32[2, 1, 5, 4]';
const forward = '%4 = attention(%0, %1, %2, causal=true, scale=null): f32[2, 1, 3, 4]';

/** The graph with one node's operands or results changed. */
const changed = (graph: Graph, op: AnyNode['op'], change: (node: AnyNode) => object): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => (node.op === op ? ({ ...node, ...change(node) } as AnyNode) : node)),
});

describe('the dialect of kernels', () => {
  test('has the statistics of attention, which the IR has not', () => {
    const { graph } = decompose(attention(forward, gradient, 'output y = %4', 'output dq = %5'));
    verifyGraph(graph, KERNELS);
    expect(() => verifyGraph(graph)).toThrow('attention %');
  });

  test('refuses statistics of another shape', () => {
    const { graph } = decompose(attention(forward, gradient, 'output y = %4', 'output dq = %5'));
    const wrong = changed(graph, 'attention_grad', ({ inputs }) => ({ inputs: [...inputs.slice(0, -1), inputs[0]] }));
    expect(() => verifyGraph(wrong, KERNELS)).toThrow(
      'attention_grad takes statistics of f32[2, 1, 3, 2] and got f32[2, 1, 3, 4]',
    );
  });

  test('refuses a result that no rule gives', () => {
    const { graph } = decompose(attention(forward, gradient, 'output y = %4', 'output dq = %5'));
    const wrong = changed(graph, 'attention', ({ outputs }) => ({ outputs: [...outputs, outputs[0]] }));
    expect(() => verifyGraph(wrong, KERNELS)).toThrow('has 3 outputs and its type rule gives 2');
  });

  test('tells the parts of a large parameter apart, and no two alike', () => {
    const graph = readGraph(
      [
        'graph g',
        '%0 = input x: f32[2, 4]',
        '%1 = param w: f32[6, 4]',
        '%2 = linear(%0, %1): f32[2, 6]',
        'output y = %2',
      ].join('\n'),
    );
    const split = splitProducts(graph, { startsOf: () => [12], most: 8 });
    verifyGraph(split, KERNELS);
    expect(() => verifyGraph(split)).toThrow('two parameters are called w');
    const twice = { ...split, parameters: split.parameters.map((parameter) => ({ ...parameter, part: 0 })) };
    expect(() => verifyGraph(twice, KERNELS)).toThrow('two parameters are called w part 0');
  });
});

test('a graph that breaks a rule is an error where it is made, in every test', () => {
  const graph = attention(forward, 'output y = %4');
  const wrong = changed(graph, 'attention', ({ inputs }) => ({ inputs: inputs.slice(0, 2) }));
  expect(() => made(wrong)).toThrow('attention takes 3 to 5 operands and got 2');
});
