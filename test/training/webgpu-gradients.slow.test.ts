/** Gradients of every parameter of TinyGPT-V by the kernels for GPUs, which a software adapter takes minutes to compile. */
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { expectGradients } from './webgpu-gradients.ts';

test.skipIf(unavailable)('of all, profile gpu', async () => {
  await expectGradients('all', 'gpu');
  expect.hasAssertions();
});
