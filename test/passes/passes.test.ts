/** Each pass as text before and after. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { cse } from '../../src/compiler/passes/cse.ts';
import { dce } from '../../src/compiler/passes/dce.ts';
import { fold } from '../../src/compiler/passes/fold.ts';
import { PIPELINE, runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { simplify } from '../../src/compiler/passes/simplify.ts';

const textOf = (lines: readonly string[]) => ['graph g', ...lines.map((line) => `  ${line}`), ''].join('\n');

/** The graph is sound before and after, and not touched. */
function check(run: (graph: Graph) => Graph, before: readonly string[], after: readonly string[]): void {
  const graph = readGraph(textOf(before));
  verifyGraph(graph);
  const result = run(graph);
  verifyGraph(result);
  expect(printGraph(result)).toBe(textOf(after));
  expect(printGraph(graph)).toBe(textOf(before));
}

/** `simplify` gives what is `expected` in place of the last node, once unused nodes are gone. */
const simplifies = (before: readonly string[], after: readonly string[]) =>
  check((graph) => dce(simplify(graph)), before, after);

const X = '%0 = input x: f32[B, 4]';

describe('dce', () => {
  test('drops what no output needs and renumbers', () => {
    check(
      dce,
      [
        '%0 = input unused: i64[B]',
        '%1 = input x: f32[B, 4]',
        '%2 = param unused.weight: f32[4]',
        '%3 = param weight: f32[4]',
        '%4 = const f32[]: 1',
        '%5 = const f32[]: 2',
        '%6 = mul(%1, %2): f32[B, 4]',
        '%7 = add(%6, %4): f32[B, 4]',
        '%8 = mul(%1, %3): f32[B, 4]  @ scale m.mdl:2:3',
        '%9 = add(%8, %5): f32[B, 4]',
        'output y = %9',
      ],
      [
        '%0 = input unused: i64[B]',
        '%1 = input x: f32[B, 4]',
        '%2 = param weight: f32[4]',
        '%3 = const f32[]: 2',
        '%4 = mul(%1, %2): f32[B, 4]  @ scale m.mdl:2:3',
        '%5 = add(%4, %3): f32[B, 4]',
        'output y = %5',
      ],
    );
  });
  test('keeps a node of which one result is used', () => {
    const lines = [X, '%1, %2 = split(%0, axis=1, sizes=[1, 3]): f32[B, 1], f32[B, 3]', 'output y = %2'];
    check(dce, lines, lines);
  });
});

describe('fold', () => {
  test('computes nodes of constants, chains of them and iota', () => {
    check(
      (graph) => dce(fold(graph)),
      [
        X,
        '%1 = const f32[]: 4',
        '%2 = sqrt(%1): f32[]',
        '%3 = reciprocal(%2): f32[]',
        '%4 = iota(shape=[2, 2], axis=1): i64[2, 2]',
        '%5 = dim_size(dim=7): i64[]',
        '%6, %7 = split(%4, axis=0, sizes=[1, 1]): i64[1, 2], i64[1, 2]',
        '%8 = mul(%0, %3): f32[B, 4]',
        'output y = %8',
        'output row = %7',
        'output seven = %5',
      ],
      [
        X,
        '%1 = const f32[]: 0.5',
        '%2 = const i64[]: 7',
        '%3 = const i64[1, 2]: 0 1',
        '%4 = mul(%0, %1): f32[B, 4]',
        'output y = %4',
        'output row = %3',
        'output seven = %2',
      ],
    );
  });
  test('leaves symbolic, large and failing nodes', () => {
    const lines = [
      X,
      '%1 = const f32[1]: 0',
      '%2 = const i64[]: 5',
      '%3 = expand(%1, shape=[B]): f32[B]',
      '%4 = dim_size(dim=B): i64[]',
      '%5 = iota(shape=[65537], axis=0): i64[65537]',
      '%6 = gather(%1, %2, axis=0): f32[]',
      'output a = %3',
      'output b = %4',
      'output c = %5',
      'output d = %6',
    ];
    check(fold, lines, lines);
  });
});

describe('cse', () => {
  test('merges equal nodes and constants, in either order of a commutative op', () => {
    check(
      cse,
      [
        X,
        '%1 = const f32[]: 2',
        '%2 = const f32[]: 2',
        '%3 = const f32[]: -0',
        '%4 = const f32[]: 0',
        '%5 = mul(%0, %1): f32[B, 4]  @ first',
        '%6 = mul(%2, %0): f32[B, 4]  @ second',
        '%7 = sub(%0, %5): f32[B, 4]',
        '%8 = sub(%5, %0): f32[B, 4]',
        '%9 = softmax(%6, axis=0): f32[B, 4]',
        '%10 = softmax(%5, axis=1): f32[B, 4]',
        '%11 = softmax(%6, axis=1): f32[B, 4]',
        'output a = %6',
        'output b = %7',
        'output c = %8',
        'output d = %9',
        'output e = %10',
        'output f = %11',
        'output g = %3',
        'output h = %4',
      ],
      [
        X,
        '%1 = const f32[]: 2',
        '%2 = const f32[]: -0',
        '%3 = const f32[]: 0',
        '%4 = mul(%0, %1): f32[B, 4]  @ first',
        '%5 = sub(%0, %4): f32[B, 4]',
        '%6 = sub(%4, %0): f32[B, 4]',
        '%7 = softmax(%4, axis=0): f32[B, 4]',
        '%8 = softmax(%4, axis=1): f32[B, 4]',
        'output a = %4',
        'output b = %5',
        'output c = %6',
        'output d = %7',
        'output e = %8',
        'output f = %8',
        'output g = %2',
        'output h = %3',
      ],
    );
  });
  test('merges every result of a split, and tells dims apart', () => {
    check(
      cse,
      [
        '%0 = input x: f32[B + T]',
        '%1 = input b: f32[B]',
        '%2 = input t: f32[T]',
        '%3, %4 = split(%0, axis=0, sizes=[B, T]): f32[B], f32[T]',
        '%5, %6 = split(%0, axis=0, sizes=[B, T]): f32[B], f32[T]',
        '%7, %8 = split(%0, axis=0, sizes=[T, B]): f32[T], f32[B]',
        'output b = %5',
        'output c = %6',
        'output d = %7',
      ],
      [
        '%0 = input x: f32[B + T]',
        '%1 = input b: f32[B]',
        '%2 = input t: f32[T]',
        '%3, %4 = split(%0, axis=0, sizes=[B, T]): f32[B], f32[T]',
        '%5, %6 = split(%0, axis=0, sizes=[T, B]): f32[T], f32[B]',
        'output b = %3',
        'output c = %4',
        'output d = %5',
      ],
    );
  });
});

describe('simplify', () => {
  const toX: readonly (readonly [string, readonly string[]])[] = [
    ['x + 0', ['%1 = const f32[]: 0', '%2 = add(%0, %1): f32[B, 4]', 'output y = %2']],
    ['0 + x', ['%1 = const f32[4]: all 0', '%2 = add(%1, %0): f32[B, 4]', 'output y = %2']],
    ['x - 0', ['%1 = const f32[1, 1]: 0', '%2 = sub(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x * 1', ['%1 = const f32[]: 1', '%2 = mul(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x / 1', ['%1 = const f32[]: 1', '%2 = div(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x ^ 1', ['%1 = const f32[]: 1', '%2 = pow(%0, %1): f32[B, 4]', 'output y = %2']],
    ['-(-x)', ['%1 = neg(%0): f32[B, 4]', '%2 = neg(%1): f32[B, 4]', 'output y = %2']],
    ['a cast to the same dtype', ['%1 = cast(%0, to="f32"): f32[B, 4]', 'output y = %1']],
    ['a sum over no axis', ['%1 = sum(%0, axes=[], keepdims=true): f32[B, 4]', 'output y = %1']],
    ['a flip of no axis', ['%1 = flip(%0, axes=[]): f32[B, 4]', 'output y = %1']],
    ['a reshape to the same shape', ['%1 = reshape(%0, shape=[B, 4]): f32[B, 4]', 'output y = %1']],
    [
      'a reshape there and back',
      ['%1 = reshape(%0, shape=[4*B]): f32[4*B]', '%2 = reshape(%1, shape=[B, 4]): f32[B, 4]', 'output y = %2'],
    ],
    ['an expand to the same shape', ['%1 = expand(%0, shape=[B, 4]): f32[B, 4]', 'output y = %1']],
    ['a transpose that moves nothing', ['%1 = transpose(%0, permutation=[0, 1]): f32[B, 4]', 'output y = %1']],
    [
      'two transposes that undo each other',
      [
        '%1 = transpose(%0, permutation=[1, 0]): f32[4, B]',
        '%2 = transpose(%1, permutation=[1, 0]): f32[B, 4]',
        'output y = %2',
      ],
    ],
    ['a slice of everything', ['%1 = slice(%0, starts=[0, 0], ends=[B, 4], steps=[1, 1]): f32[B, 4]', 'output y = %1']],
    ['a pad of nothing', ['%1 = pad(%0, before=[0, 0], after=[0, 0], value=0): f32[B, 4]', 'output y = %1']],
    ['a concat of one', ['%1 = concat(%0, axis=0): f32[B, 4]', 'output y = %1']],
    ['a split in one', ['%1 = split(%0, axis=1, sizes=[4]): f32[B, 4]', 'output y = %1']],
  ];
  test.each(toX)('%s is x', (_, lines) => simplifies([X, ...lines], [X, 'output y = %0']));

  test('combines transposes, reshapes and expands', () => {
    simplifies(
      [
        '%0 = input x: f32[1, 2, B]',
        '%1 = transpose(%0, permutation=[1, 2, 0]): f32[2, B, 1]',
        '%2 = transpose(%1, permutation=[1, 2, 0]): f32[B, 1, 2]  @ second',
        '%3 = reshape(%0, shape=[2*B]): f32[2*B]',
        '%4 = reshape(%3, shape=[2, B]): f32[2, B]',
        '%5 = expand(%0, shape=[3, 2, B]): f32[3, 2, B]',
        '%6 = expand(%5, shape=[4, 3, 2, B]): f32[4, 3, 2, B]',
        'output a = %2',
        'output b = %4',
        'output c = %6',
      ],
      [
        '%0 = input x: f32[1, 2, B]',
        '%1 = transpose(%0, permutation=[2, 0, 1]): f32[B, 1, 2]  @ second',
        '%2 = reshape(%0, shape=[2, B]): f32[2, B]',
        '%3 = expand(%0, shape=[4, 3, 2, B]): f32[4, 3, 2, B]',
        'output a = %1',
        'output b = %2',
        'output c = %3',
      ],
    );
  });

  test('divides by a power of two by multiplying', () => {
    simplifies(
      [X, '%1 = const f32[4]: 2 -4 0.5 1', '%2 = div(%0, %1): f32[B, 4]', 'output y = %2'],
      [X, '%1 = const f32[4]: 0.5 -0.25 2 1', '%2 = mul(%0, %1): f32[B, 4]', 'output y = %2'],
    );
  });

  test('blocks in zeros that lie side by side become one, in any order of two neighbours', () => {
    simplifies(
      [
        X,
        '%1 = exp(%0): f32[B, 4]',
        '%2 = neg(%0): f32[B, 4]',
        '%3 = pad(%1, before=[0, 4], after=[0, 5], value=0): f32[B, 13]',
        '%4 = pad(%0, before=[0, 0], after=[0, 9], value=0): f32[B, 13]',
        '%5 = pad(%2, before=[0, 8], after=[0, 1], value=0): f32[B, 13]',
        '%6 = add(%3, %4): f32[B, 13]',
        '%7 = add(%6, %5): f32[B, 13]',
        'output y = %7',
      ],
      [
        X,
        '%1 = exp(%0): f32[B, 4]',
        '%2 = neg(%0): f32[B, 4]',
        '%3 = concat(%0, %1, %2, axis=1): f32[B, 12]',
        '%4 = pad(%3, before=[0, 0], after=[0, 1], value=0): f32[B, 13]',
        'output y = %4',
      ],
    );
  });

  const padded = (first: string, second: string, wide: string): string[] => [
    `%1 = pad(%0, ${first}): ${wide}`,
    `%2 = pad(%0, ${second}): ${wide}`,
    `%3 = add(%1, %2): ${wide}`,
    'output y = %3',
  ];
  const kept: readonly (readonly [string, readonly string[]])[] = [
    [
      'blocks with a gap between them',
      padded('before=[0, 0], after=[0, 5], value=0', 'before=[0, 5], after=[0, 0], value=0', 'f32[B, 9]'),
    ],
    [
      'blocks that overlap',
      padded('before=[0, 0], after=[0, 3], value=0', 'before=[0, 3], after=[0, 0], value=0', 'f32[B, 7]'),
    ],
    [
      'blocks of which one is stretched to the other',
      [
        '%1 = mean(%0, axes=[0], keepdims=true): f32[1, 4]',
        '%2 = pad(%1, before=[0, 0], after=[0, 4], value=0): f32[1, 8]',
        '%3 = pad(%0, before=[0, 4], after=[0, 0], value=0): f32[B, 8]',
        '%4 = add(%2, %3): f32[B, 8]',
        'output y = %4',
      ],
    ],
    [
      'blocks in something else than zeros',
      padded('before=[0, 0], after=[0, 4], value=1', 'before=[0, 4], after=[0, 0], value=1', 'f32[B, 8]'),
    ],
    [
      'blocks that are apart along two axes',
      padded('before=[0, 0], after=[1, 4], value=0', 'before=[1, 4], after=[0, 0], value=0', 'f32[B + 1, 8]'),
    ],
    ['x / 3, whose reciprocal is rounded', ['%1 = const f32[]: 3', '%2 = div(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x / 0', ['%1 = const f32[]: 0', '%2 = div(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x * 0, which may be NaN', ['%1 = const f32[]: 0', '%2 = mul(%0, %1): f32[B, 4]', 'output y = %2']],
    ['x + 0 that stretches x', ['%1 = const f32[2, 1, 1]: all 0', '%2 = add(%0, %1): f32[2, B, 4]', 'output y = %2']],
    ['0 - x', ['%1 = const f32[]: 0', '%2 = sub(%1, %0): f32[B, 4]', 'output y = %2']],
  ];
  test.each(kept)('keeps %s', (_, lines) => simplifies([X, ...lines], [X, ...lines]));
});

describe('the pipeline', () => {
  const before = [
    X,
    '%1 = param w: f32[4]',
    '%2 = const f32[]: 16',
    '%3 = sqrt(%2): f32[]',
    '%4 = div(%0, %3): f32[B, 4]',
    '%5 = const f32[]: 0.25',
    '%6 = mul(%5, %0): f32[B, 4]',
    '%7 = add(%4, %6): f32[B, 4]  @ scale',
    'output y = %7',
  ];
  const after = [
    X,
    '%1 = const f32[]: 0.25',
    '%2 = mul(%0, %1): f32[B, 4]',
    '%3 = add(%2, %2): f32[B, 4]  @ scale',
    'output y = %3',
  ];

  test('uses what each pass leaves to the next', () => {
    const result = runPipeline(readGraph(textOf(before)));
    // which of the two equal products stays, and how its operands are ordered, is cse's first
    expect(printGraph(result)).toBe(textOf(after));
  });

  test('shows the graph after each pass, sound each time', () => {
    const names: string[] = [];
    runPipeline(readGraph(textOf(before)), {
      after(name, graph) {
        names.push(name);
        verifyGraph(graph);
      },
    });
    expect(names).toEqual(PIPELINE.map(({ name }) => name));
  });

  test('changes nothing the second time', () => {
    const once = runPipeline(readGraph(textOf(before)));
    expect(printGraph(runPipeline(once))).toBe(printGraph(once));
  });
});
