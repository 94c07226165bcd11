/** The text form: what it looks like, that it reads back exactly, and what it says about mistakes. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { mapOperands } from '../../src/compiler/ops/operands.ts';
import { addDims, mulDims, subDims, symbol } from '../../src/shared/dim.ts';

const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];

function sample(): Graph {
  const b = new GraphBuilder('block');
  const origin = { path: 'llama_model.layers.0.mlp', source: 'models/phi-2.mdl:42:9' };
  const x = b.input('inputs_embeds', 'f32', [B, T, 4]);
  b.input('past_key_values.0.key', 'f32', [B, 2, P, 4]);
  const weight = b.parameter('llama_model.layers.0.mlp.fc1.weight', 'f32', [8, 4]);
  const h = b.node('linear', [x, weight], {}, origin);
  const [gate, up] = b.nodeOutputs('split', [h], { axis: 2, sizes: [4, 4] }, { path: 'mlp' });
  const scaled = b.node('mul', [gate, b.scalar(0.1)], {});
  const table = b.constant({ dtype: 'i64', shape: [3], data: Float64Array.of(-1, 0, 7) });
  b.constant({ dtype: 'f32', shape: [2, 2], data: new Float64Array(4).fill(-0) });
  b.constant({ dtype: 'bool', shape: [0], data: new Float64Array(0) });
  b.constant({ dtype: 'f32', shape: [3], data: Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY, 1e-45) });
  const act = b.node(
    'gelu',
    [b.node('add', [scaled, up!], {})],
    { approximate: 'tanh' },
    { path: 'a "b"', source: 'C D' },
  );
  const cut = b.node('slice', [act], { starts: [0, 0, 0], ends: [B, subDims(T, 1), 4], steps: [1, 1, 1] });
  const flat = b.node('reshape', [cut], { shape: [mulDims(4, mulDims(B, subDims(T, 1)))] });
  b.node(
    'attention',
    mapOperands<'attention', ValueId, ValueId>('attention', [x, x, x], (v) =>
      b.node('reshape', [v], { shape: [B, 1, T, 4] }),
    ),
    { causal: true, scale: null },
  );
  b.node('clamp', [flat], { min: Number.NEGATIVE_INFINITY, max: 6.5 });
  b.node('iota', [], { shape: [addDims(P, T)], axis: 0 });
  b.output('logits', flat);
  b.output('table', table);
  b.output('present.0.key', 1);
  return b.build();
}

describe('the text of a graph', () => {
  test('is readable', () => {
    expect(printGraph(sample())).toBe(`graph block
  %0 = input inputs_embeds: f32[B, T, 4]
  %1 = input past_key_values.0.key: f32[B, 2, P, 4]
  %2 = param llama_model.layers.0.mlp.fc1.weight: f32[8, 4]
  %6 = const f32[]: 0.1
  %8 = const i64[3]: -1 0 7
  %9 = const f32[2, 2]: all -0
  %10 = const bool[0]:
  %11 = const f32[3]: NaN -Infinity 1e-45
  requires T - 1 >= 0 for "the slice 0:T - 1 of axis 1"
  %3 = linear(%0, %2): f32[B, T, 8]  @ llama_model.layers.0.mlp models/phi-2.mdl:42:9
  %4, %5 = split(%3, axis=2, sizes=[4, 4]): f32[B, T, 4], f32[B, T, 4]  @ mlp
  %7 = mul(%4, %6): f32[B, T, 4]
  %12 = add(%7, %5): f32[B, T, 4]
  %13 = gelu(%12, approximate="tanh"): f32[B, T, 4]  @ "a \\"b\\"" "C D"
  %14 = slice(%13, starts=[0, 0, 0], ends=[B, T - 1, 4], steps=[1, 1, 1]): f32[B, T - 1, 4]
  %15 = reshape(%14, shape=[-4*B + 4*B*T]): f32[-4*B + 4*B*T]
  %16 = reshape(%0, shape=[B, 1, T, 4]): f32[B, 1, T, 4]
  %17 = reshape(%0, shape=[B, 1, T, 4]): f32[B, 1, T, 4]
  %18 = reshape(%0, shape=[B, 1, T, 4]): f32[B, 1, T, 4]
  %19 = attention(%16, %17, %18, causal=true, scale=null): f32[B, 1, T, 4]
  %20 = clamp(%15, min=-Infinity, max=6.5): f32[-4*B + 4*B*T]
  %21 = iota(shape=[P + T], axis=0): i64[P + T]
  output logits = %15
  output table = %8
  output present.0.key = %1
`);
  });

  test('reads back exactly', () => {
    const graph = sample();
    verifyGraph(graph);
    expect(readGraph(printGraph(graph))).toEqual(graph);
  });

  test('may have comments and blank lines', () => {
    const graph = readGraph('# by hand\ngraph g\n\n  %0 = input x: f32[2]\n  # the result\n  output y = %0\n');
    expect(graph.outputs).toEqual([{ name: 'y', value: 0 }]);
  });
});

describe('mistakes in the text', () => {
  const mistakes: readonly (readonly [string, string])[] = [
    ['', 'line 1: expected graph, found the end of the text'],
    ['model g', 'line 1: expected graph, found model g'],
    ['graph g\n%0 = input x', 'line 2: expected :, found the end of the line'],
    ['graph g\n%0 = input x: f16[2]', 'line 2: expected f32, i64 or bool, found f16'],
    ['graph g\n%0 = input x: f32[2, ]', 'line 2: expected a dimension, found ]'],
    ['graph g\n%0 = input x: f32[2]\n%1 = wobble(%0): f32[2]', 'line 3: wobble is no op of the ir'],
    ['graph g\n%0 = input x: f32[2]\n%0 = exp(%0): f32[2]', 'line 3: %0 is defined twice'],
    ['graph g\n%0 = input x: f32[2]\n%1 = exp(%0): f32[2], f32[2]', 'line 3: 1 results and 2 types'],
    ['graph g\n%0 = const f32[3]: 1 2', "line 2: the constant's type has 3 elements and 2 follow"],
    ['graph g\n%0 = const f32[T]: 1 2', 'line 2: a constant needs a static shape'],
    ['graph g\n%0 = const f32[1]: x', 'line 2: expected a number, found x'],
    ['graph g\n%0 = input x: f32[2] extra', 'line 2: expected the end of the line, found extra'],
    ['graph g\noutput y: %0', 'line 2: expected =, found : %0'],
    ['graph g\n%0 = input x: f32[2]\n%2 = exp(%0): f32[2]', 'graph g has %2 and no %1'],
  ];
  test.each(mistakes)('%j', (text, message) => expect(() => readGraph(text)).toThrow(new Error(message)));
});
