/**
 * What the records say of integers (`integers`): for every case, each node's numbers lie in what its rule makes of its operands'
 * numbers, and every node of integers has a rule.
 */
import { describe, expect, test } from 'vitest';
import { IN_32_BITS } from '../../src/compiler/backends/wgsl/integers.ts';
import { intervalsOf, Sizes } from '../../src/compiler/checks/intervals.ts';
import { bindDims, shapedInputs } from '../../src/compiler/ir/bind.ts';
import { integersOf } from '../../src/compiler/ir/facts.ts';
import { type Graph, typeOf, type ValueId } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { type Dim, evaluateDim } from '../../src/shared/dim.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { buildExtraCase, EXTRA_CASES } from './extra-cases.ts';
import { buildCase, caseInputs, loadCases } from './reference-cases.ts';
import { buildSpecial, loadSpecialCases } from './special-cases.ts';

interface Run {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, WideTensor>;
}

const RUNS: readonly (readonly [string, Run])[] = [
  ...loadCases().map((one) => [one.name, { graph: buildCase(one), inputs: caseInputs(one) }] as const),
  ...EXTRA_CASES.map((one) => {
    const inputs = new Map(one.inputs.map(({ name, tensor }) => [name, tensor]));
    return [one.name, { graph: buildExtraCase(one), inputs }] as const;
  }),
  ...loadSpecialCases().map((one) => [one.name, { graph: buildSpecial(one, 'static'), inputs: one.inputs }] as const),
];

const isInteger = (graph: Graph, value: ValueId): boolean => typeOf(graph, value).dtype === 'i64';
const withIntegers = RUNS.filter(([, { graph }]) =>
  graph.nodes.some(({ outputs }) => outputs.some((value) => isInteger(graph, value))),
);

/** The numbers of every value of a run. */
function valuesOf({ graph, inputs }: Run): ReadonlyMap<ValueId, WideTensor> {
  const made = graph.nodes.flatMap(({ outputs }) => outputs.map((value) => ({ name: `%${value}`, value })));
  const results = interpret({ ...graph, outputs: made }, { inputs, parameters: none });
  return new Map([
    ...graph.inputs.map(({ name, value }) => [value, inputs.get(name)!] as const),
    ...graph.constants.map(({ value, tensor }) => [value, tensor] as const),
    ...made.map(({ name, value }) => [value, results.get(name)!] as const),
  ]);
}

const none = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};

/** [least, largest] of the numbers themselves. */
function spread({ data }: WideTensor): { readonly low: number; readonly high: number } {
  return { low: Math.min(...data), high: Math.max(...data) };
}

describe.each(withIntegers)('%s', (_, run) => {
  const { graph, inputs } = run;
  const values = valuesOf(run);

  test('the rule holds over bounds of 32 bits', () => {
    for (const node of graph.nodes) {
      const [value] = node.outputs;
      if (!isInteger(graph, value) || values.get(value)!.data.length === 0) continue;
      const known = integersOf(
        node,
        (id) => typeOf(graph, id),
        IN_32_BITS,
        (id) => spread(values.get(id)!),
      );
      expect(known, `${node.op} has no rule`).toBeDefined();
      const { low, high } = spread(values.get(value)!);
      expect(known!.low).toBeLessThanOrEqual(low);
      expect(known!.high).toBeGreaterThanOrEqual(high);
    }
  });

  test('what is known by dims holds', () => {
    const sizes = bindDims(shapedInputs(graph), new Map([...inputs].map(([name, { shape }]) => [name, shape])));
    const at = (dim: Dim): number => evaluateDim(dim, sizes);
    // of the inputs, what is fed
    const fed = graph.inputs
      .filter(({ value }) => isInteger(graph, value) && values.get(value)!.data.length > 0)
      .map(({ value }) => [value, { ...spread(values.get(value)!), exact: false }] as const);
    const of = intervalsOf(graph, new Sizes(graph.requires), new Map(fed));
    for (const { outputs } of graph.nodes) {
      for (const value of outputs) {
        if (!isInteger(graph, value) || values.get(value)!.data.length === 0) continue;
        const [found, { low, high }] = [spread(values.get(value)!), of(value)];
        if (low !== undefined) expect(at(low)).toBeLessThanOrEqual(found.low);
        if (high !== undefined) expect(at(high)).toBeGreaterThanOrEqual(found.high);
      }
    }
  });
});

test('most families have such a case', () => {
  expect(new Set(withIntegers.flatMap(([, { graph }]) => graph.nodes.map(({ op }) => op))).size).toBeGreaterThan(15);
});
