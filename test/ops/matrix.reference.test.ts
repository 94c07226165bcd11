/** Every case of the fixtures through the interpreter, against torch's float64; and hand-made extra cases. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { printGraph } from '../../src/compiler/ir/print.ts';
import { readGraph } from '../../src/compiler/ir/read.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { OP_NAMES } from '../../src/compiler/ops/index.ts';
import { relativeError } from '../support/reference.ts';
import { buildExtraCase, EXTRA_CASES } from './extra-cases.ts';
import { batchInputs, buildCase, CASE_BUILDERS, caseInputs, loadCases } from './reference-cases.ts';

/** Inputs are exact and expected results are rounded to f32: half a unit in the last place is 6e-8. */
const TOLERANCE = 1e-7;

const noParameters = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};

function expectSound(graph: Graph): void {
  verifyGraph(graph);
  const text = printGraph(graph);
  expect(readGraph(text)).toEqual(graph);
  expect(printGraph(readGraph(text))).toBe(text);
}

const cases = loadCases();
const graphs = new Map(cases.map((reference) => [reference.name, buildCase(reference)]));

describe.each(cases)('$name', (reference) => {
  for (const batch of [undefined, ...(batchInputs(reference).length > 0 ? ['B'] : [])]) {
    test(batch === undefined ? 'matches torch' : 'matches torch with a symbolic batch', () => {
      const graph = batch === undefined ? graphs.get(reference.name)! : buildCase(reference, { batch });
      expectSound(graph);
      const results = interpret(graph, { inputs: caseInputs(reference), parameters: noParameters });
      for (const { name, tensor } of reference.outputs) {
        const result = results.get(name)!;
        expect(result.shape).toEqual(tensor.shape);
        expect(result.dtype).toBe(tensor.dtype);
        expect(relativeError(result.data, tensor.data)).toBeLessThan(TOLERANCE);
      }
    });
  }
});

describe.each(EXTRA_CASES)('$name', (extra) => {
  test('matches the result by hand', () => {
    const graph = buildExtraCase(extra);
    expectSound(graph);
    const inputs = new Map(extra.inputs.map(({ name, tensor }) => [name, tensor]));
    const results = interpret(graph, { inputs, parameters: noParameters });
    for (const [index, expected] of extra.outputs.entries()) {
      const { dtype, shape, data } = results.get(`out${index}`)!;
      expect({ dtype, shape, elements: [...data] }).toEqual({
        ...expected,
        data: undefined,
        elements: [...expected.data],
      });
    }
  });
});

test('the table of cases has exactly the operations of the fixtures', () => {
  expect(cases).toHaveLength(176);
  expect(Object.keys(CASE_BUILDERS).sort()).toEqual([...new Set(cases.map(({ op }) => op))].sort());
});

test('every op of the ir is in at least one case', () => {
  const all = [...graphs.values(), ...EXTRA_CASES.map(buildExtraCase)];
  const covered = new Set(all.flatMap(({ nodes }) => nodes.map(({ op }) => op)));
  expect(OP_NAMES.filter((op) => !covered.has(op))).toEqual([]);
});

test('at least 150 cases take a symbolic batch', () => {
  expect(cases.filter((reference) => batchInputs(reference).length > 0).length).toBeGreaterThanOrEqual(150);
});
