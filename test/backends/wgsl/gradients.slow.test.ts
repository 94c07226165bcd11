/** Gradients of torch's cases by the kernels for GPUs, which a software adapter takes a second each to compile. */
import { describe, test } from 'vitest';
import { unavailable } from '../../support/adapter.ts';
import { expectGradients, gradientCases } from './gradients.ts';

describe.skipIf(unavailable)('on a device of the profile gpu', () => {
  test.each(gradientCases)('$name', ({ gradientCase }) => expectGradients(gradientCase, 'gpu'));
});
