/** The gradient of every reference case, on the interpreter: against torch, and against finite differences in mid-graph. */
import { describe, expect, test } from 'vitest';
import { finiteDifferences, gradientsOf, loadGradientCases, noise, withLoss } from '../passes/autodiff/support.ts';
import { relativeError } from '../support/reference.ts';
import { batchInputs, buildCase } from './reference-cases.ts';

/** Expected gradients are rounded to f32: half a unit in the last place is 6e-8. */
const TOLERANCE = 1e-6;

const cases = loadGradientCases().map((gradientCase) => ({ name: gradientCase.reference.name, gradientCase }));

test('torch gave gradients for 171 cases', () => {
  expect(cases).toHaveLength(171);
});

describe.each(cases)('$name', ({ gradientCase: { reference, tensors, gradients } }) => {
  const wanted = [...gradients.keys()];
  for (const batch of [undefined, ...(batchInputs(reference).length > 0 ? ['B'] : [])]) {
    test(batch === undefined ? 'matches torch' : 'matches torch with a symbolic batch', () => {
      const graph = withLoss(buildCase(reference, batch === undefined ? {} : { batch }));
      for (const [name, gradient] of gradientsOf(graph, tensors, wanted)) {
        const expected = gradients.get(name)!;
        expect(gradient.shape).toEqual(expected.shape);
        expect(relativeError(gradient.data, expected.data), `gradient of ${name}`).toBeLessThan(TOLERANCE);
      }
    });
  }
  test('matches finite differences in mid-graph', () => {
    const graph = withLoss(buildCase(reference), { midGraph: true });
    const given = new Map(tensors);
    for (const [i, { name, tensor }] of reference.outputs.entries()) {
      if (tensor.dtype === 'f32') given.set(`cotangent.${name}`, noise(tensor.shape, i + 3));
    }
    expect(finiteDifferences(graph, given, wanted)).toBeUndefined();
  });
});
