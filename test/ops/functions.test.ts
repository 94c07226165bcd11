/** Functions and modules of the language on the interpreter: torch's numbers and gradients. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { differentiate } from '../../src/compiler/passes/autodiff/index.ts';
import { run } from '../passes/autodiff/support.ts';
import { wideDifference } from '../support/compare.ts';
import { functionGraphs, loadFunctionCases } from './function-cases.ts';

describe.each(loadFunctionCases())('$name', (one) => {
  const { inputs, parameters, output, cotangent, gradients } = one;
  test('matches torch', () => {
    const results = interpret(functionGraphs(one).forward, { inputs, parameters: (key) => parameters.get(key)! });
    expect(wideDifference(results.get('out')!, output)).toBeUndefined();
  });

  if (!cotangent) return;
  // the gradient of attention as plain ops, and as one op of its own
  test.each(one.program.includes('attention(') ? [false, true] : [false])(
    'has the gradients of torch, fused %s',
    (fused) => {
      const tensors = new Map([...inputs, ...parameters, ['cotangent.out', cotangent]]);
      const graph = differentiate(functionGraphs(one).loss, {
        output: 'loss',
        parameters: new Set(parameters.keys()),
        inputs: new Set([...inputs.keys()].filter((name) => gradients.has(name))),
        fusedAttention: fused,
      });
      const results = run(graph, tensors);
      for (const [name, gradient] of gradients)
        expect(wideDifference(results.get(`gradient.${name}`)!, gradient), `gradient of ${name}`).toBeUndefined();
    },
  );
});
