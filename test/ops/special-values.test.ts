/** What ops and their gradients give for NaN, infinities, −0, ties, and sizes 0 and 1, on the interpreter: torch's numbers. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { gradientsOf, withLoss } from '../passes/autodiff/support.ts';
import { wideDifference } from '../support/compare.ts';
import { buildSpecial, loadSpecialCases, sizesOf } from './special-cases.ts';

const parameters = (key: string): never => {
  throw new Error(`no parameter ${key}`);
};

describe.each(loadSpecialCases())('$name', (special) => {
  test.each(sizesOf(special))('matches torch, %s sizes', (sizes) => {
    const results = interpret(buildSpecial(special, sizes), { inputs: special.inputs, parameters });
    expect(wideDifference(results.get('out')!, special.output)).toBeUndefined();
  });

  const { cotangent, gradients } = special;
  if (!cotangent) return;
  test.each(sizesOf(special))('has the gradients of torch, %s sizes', (sizes) => {
    const tensors = new Map([...special.inputs, ['cotangent.out', cotangent]]);
    const graph = withLoss(buildSpecial(special, sizes));
    for (const [name, gradient] of gradientsOf(graph, tensors, [...gradients.keys()]))
      expect(wideDifference(gradient, gradients.get(name)!), `gradient of ${name}`).toBeUndefined();
  });
});
