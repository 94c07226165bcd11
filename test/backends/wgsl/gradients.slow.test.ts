/** Gradients of torch's cases by the kernels for GPUs, which a software adapter takes a second each to compile, and with a symbolic batch. */
import { describe, expect, test } from 'vitest';
import { batchInputs } from '../../ops/reference-cases.ts';
import { unavailable } from '../../support/adapter.ts';
import { expectGradients, gradientCases } from './gradients.ts';

describe.skipIf(unavailable)('on a device of the profile gpu', () => {
  test.each(gradientCases)('$name', ({ gradientCase }) => expectGradients(gradientCase, 'gpu'));
});

const symbolic = gradientCases.filter(({ gradientCase }) => batchInputs(gradientCase.reference).length > 0);

test('some cases allow a symbolic batch', () => {
  expect(symbolic.length).toBeGreaterThan(100);
});

describe.skipIf(unavailable)('a symbolic batch', () => {
  test.each(symbolic)('$name', ({ gradientCase }) => expectGradients(gradientCase, 'software', 'B'));
});
