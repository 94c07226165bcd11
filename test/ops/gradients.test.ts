/** Gradients of the hand-made cases on the interpreter, alone and in mid-graph; and that every differentiable op has a test. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { OP_NAMES } from '../../src/compiler/ops/index.ts';
import { GRADIENTS } from '../../src/compiler/passes/autodiff/gradients.ts';
import { differentiate } from '../../src/compiler/passes/autodiff/index.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { buildHandMade, differentiable, HAND_MADE, type HandMadeCase } from '../passes/autodiff/cases.ts';
import { finiteDifferences, gradientsOf, loadGradientCases, noise, withLoss } from '../passes/autodiff/support.ts';
import { buildCase } from './reference-cases.ts';

/** Inputs, and a cotangent for each f32 output: ones, or numbers that differ. */
function tensorsOf(handMade: HandMadeCase, graph: Graph, uniform: boolean): Map<string, WideTensor> {
  const tensors = new Map(handMade.inputs.map(({ name, tensor }) => [name, tensor]));
  const outputs = interpret(graph, { inputs: tensors, parameters: (key) => tensors.get(key)! });
  for (const [i, [name, { shape, dtype, data }]] of [...outputs].entries()) {
    const ones: WideTensor = { dtype, shape, data: new Float64Array(data.length).fill(1) };
    if (dtype === 'f32') tensors.set(`cotangent.${name}`, uniform ? ones : noise(shape, i + 5));
  }
  return tensors;
}

describe.each(HAND_MADE)('$name', (handMade) => {
  const graph = buildHandMade(handMade);
  const wanted = differentiable(handMade);
  if (handMade.expected) {
    test('has the gradients by hand', () => {
      for (const [name, { data }] of gradientsOf(withLoss(graph), tensorsOf(handMade, graph, true), wanted)) {
        const expected = handMade.expected![name]!;
        expect(data).toHaveLength(expected.length);
        for (const [i, value] of expected.entries()) expect(data[i], `${name}[${i}]`).toBeCloseTo(value, 12);
      }
    });
  } else {
    test.each([false, true])('matches finite differences, mid-graph %s', (midGraph) => {
      const tensors = tensorsOf(handMade, graph, false);
      expect(finiteDifferences(withLoss(graph, { midGraph }), tensors, wanted)).toBeUndefined();
    });
  }
});

test('every differentiable op is on the path of a gradient test, and no other is', () => {
  const handMade = HAND_MADE.map((one) => ({ graph: withLoss(buildHandMade(one)), wanted: differentiable(one) }));
  const torch = loadGradientCases().map(({ reference, gradients }) => ({
    graph: withLoss(buildCase(reference)),
    wanted: [...gradients.keys()],
  }));
  const covered = new Set<string>();
  for (const { graph, wanted } of [...handMade, ...torch]) {
    const moved = new Set(graph.inputs.filter(({ name }) => wanted.includes(name)).map(({ value }) => value));
    for (const { op, inputs, outputs } of graph.nodes) {
      if (!inputs.some((value) => moved.has(value))) continue;
      if (!outputs.some((value) => graph.types[value]!.dtype === 'f32')) continue;
      covered.add(op);
      for (const value of outputs) if (graph.types[value]!.dtype === 'f32') moved.add(value);
    }
    // differentiable as a whole
    differentiate(graph, { output: 'loss', parameters: new Set(), inputs: new Set(wanted) });
  }
  const withRule = OP_NAMES.filter((op) => typeof GRADIENTS[op] === 'function');
  expect([...covered].sort()).toEqual([...withRule].sort());
  for (const op of OP_NAMES) {
    const rule = GRADIENTS[op];
    if (typeof rule !== 'function') expect(rule.because, op).toMatch(/^[a-z].*[^.]$/);
  }
});
