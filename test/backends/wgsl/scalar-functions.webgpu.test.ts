/**
 * Every scalar function at NaN, ±∞, ±0, subnormals, boundary and large arguments, against torch (test/fixtures/scalar/make.py):
 * on the interpreter, and on WebGPU for both kinds of adapter. WGSL may count a subnormal as 0, as operand and as result.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { gpuOf, PROFILES } from '../../support/webgpu.ts';
import { runGraph } from './support.ts';

interface Fixture {
  readonly x: readonly (number | string)[];
  readonly unary: Readonly<Record<string, readonly (number | string)[]>>;
  readonly pairs: readonly (number | string)[];
  readonly binary: Readonly<Record<string, readonly (number | string)[]>>;
}
const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/scalar/functions.json', import.meta.url), 'utf8'),
) as Fixture;

const X = fixture.x.map(Number);
const PAIRS = fixture.pairs.map(Number);

/** Relative, but for functions that cancel: WGSL allows exp 3 + 2|x| units of the last place, 6e-8 each. */
const RELATIVE: Readonly<Record<string, number>> = {
  exp: 1.2e-5,
  expm1: 1.2e-5,
  pow: 1.2e-5,
  sigmoid: 1.2e-5,
  silu: 1.2e-5,
  softplus: 1.2e-5,
  gelu_tanh: 3e-5,
};
// silu(−88.5) is −88.5 times a subnormal
const ABSOLUTE: Readonly<Record<string, number>> = {
  silu: 1e-36,
  sin: 2e-7,
  cos: 2e-7,
  erf: 3e-7,
  gelu: 1e-6,
  gelu_tanh: 1e-6,
};

const PLAIN = [
  ...([
    'neg',
    'abs',
    'exp',
    'log',
    'sqrt',
    'rsqrt',
    'reciprocal',
    'sin',
    'cos',
    'tanh',
    'erf',
    'sigmoid',
    'relu',
  ] as const),
  ...(['silu', 'softplus', 'round', 'floor', 'expm1', 'log1p', 'atan'] as const),
];
const BINARY = [...(['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'equal', 'less', 'less_equal'] as const)];

function unaryGraph(): Graph {
  const b = new GraphBuilder('unary');
  const x = b.input('x', 'f32', [X.length]);
  for (const op of PLAIN) b.output(op, b.node(op, [x], {}));
  b.output('gelu', b.node('gelu', [x], { approximate: 'none' }));
  b.output('gelu_tanh', b.node('gelu', [x], { approximate: 'tanh' }));
  b.output('clamp', b.node('clamp', [x], { min: -2, max: 3 }));
  b.output('bool', asNumber(b, b.node('cast', [x], { to: 'bool' })));
  return b.build();
}

function binaryGraph(): Graph {
  const b = new GraphBuilder('binary');
  const [column, row] = [b.input('column', 'f32', [PAIRS.length, 1]), b.input('row', 'f32', [1, PAIRS.length])];
  for (const op of BINARY) {
    const made = b.node(op, [column, row], {});
    b.output(op, b.typeOf(made).dtype === 'bool' ? asNumber(b, made) : made);
  }
  return b.build();
}

const asNumber = (b: GraphBuilder, mask: ValueId): ValueId => b.node('cast', [mask], { to: 'f32' });

const UNARY_INPUTS = new Map([['x', tensor('f32', [X.length], X)]]);
const BINARY_INPUTS = new Map([
  ['column', tensor('f32', [PAIRS.length, 1], PAIRS)],
  ['row', tensor('f32', [1, PAIRS.length], PAIRS)],
]);

const SUBNORMAL = 2 ** -126;
const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < SUBNORMAL;

/** What differs from torch's numbers, each with its arguments. */
function wrong(
  name: string,
  results: Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>,
  expected: readonly (number | string)[],
  argumentsOf: (index: number) => readonly number[],
): string[] {
  const found = Array.from(results[name]!.data, Number);
  return expected.flatMap((text, index) => {
    const close = (wanted: number): boolean => {
      const [got, want] = [found[index]!, Math.fround(wanted)];
      if (Object.is(got, want) || got === want) return true;
      const limit = Math.max(SUBNORMAL, ABSOLUTE[name] ?? 0, (RELATIVE[name] ?? 1e-6) * Math.abs(want));
      return Math.abs(got - want) <= limit;
    };
    const given = argumentsOf(index);
    if (close(Number(text))) return [];
    if (
      given.length === 1 &&
      isSubnormal(given[0]!) &&
      close(Number(expected[fixture.x.indexOf(given[0]! < 0 ? '-0' : 0)]))
    )
      return [];
    return [`${name}(${given.join(', ')}) is ${found[index]}, torch has ${Math.fround(Number(text))}`];
  });
}

const pairAt = (index: number): readonly number[] => [
  PAIRS[Math.floor(index / PAIRS.length)]!,
  PAIRS[index % PAIRS.length]!,
];

function suite(run: (graph: Graph, inputs: ReadonlyMap<string, WideTensor>) => Promise<Parameters<typeof wrong>[1]>) {
  const ran = new Map<Graph, ReturnType<typeof run>>();
  const once = (graph: Graph, inputs: ReadonlyMap<string, WideTensor>): ReturnType<typeof run> => {
    if (!ran.has(graph)) ran.set(graph, run(graph, inputs));
    return ran.get(graph)!;
  };
  const [unary, binary] = [unaryGraph(), binaryGraph()];
  test.each(Object.keys(fixture.unary))('%s', async (name) => {
    const results = await once(unary, UNARY_INPUTS);
    expect(wrong(name, results, fixture.unary[name]!, (index) => [X[index]!])).toEqual([]);
  });
  test.each(Object.keys(fixture.binary))('%s', async (name) => {
    const results = await once(binary, BINARY_INPUTS);
    expect(wrong(name, results, fixture.binary[name]!, pairAt)).toEqual([]);
  });
}

describe('the interpreter', () => {
  suite(async (graph, inputs) => Object.fromEntries(interpret(graph, { inputs, parameters: none })));
});

describe.skipIf(unavailable).each(PROFILES)('on a device, profile %s', (profile) => {
  suite(async (graph, inputs) => runGraph(await gpuOf(profile), graph, inputs));
});

const none = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};
