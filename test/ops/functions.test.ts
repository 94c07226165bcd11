/** Functions and modules of the language on the interpreter: torch's numbers and gradients. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { gradientsOf } from '../passes/autodiff/support.ts';
import { wideDifference } from '../support/compare.ts';
import { functionGraphs, loadFunctionCases } from './function-cases.ts';

describe.each(loadFunctionCases())('$name', (one) => {
  const { inputs, parameters, output, cotangent, gradients } = one;
  test('matches torch', () => {
    const results = interpret(functionGraphs(one).forward, { inputs, parameters: (key) => parameters.get(key)! });
    expect(wideDifference(results.get('out')!, output)).toBeUndefined();
  });

  if (!cotangent) return;
  test('has the gradients of torch', () => {
    const tensors = new Map([...inputs, ...parameters, ['cotangent.out', cotangent]]);
    for (const [name, gradient] of gradientsOf(functionGraphs(one).loss, tensors, [...gradients.keys()]))
      expect(wideDifference(gradient, gradients.get(name)!), `gradient of ${name}`).toBeUndefined();
  });
});
