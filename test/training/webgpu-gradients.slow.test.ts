/** TinyGPT-V's gradients and steps by the kernels for GPUs, which a software adapter takes minutes to compile. */
import { expect, test } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { STAGE_ON_DEVICE } from '../support/build.ts';
import { expectGradients } from './webgpu-gradients.ts';
import { expectSteps } from './webgpu-steps.ts';

test.skipIf(unavailable)('of all, profile gpu', async () => {
  await expectGradients('all', 'gpu');
  expect.hasAssertions();
});

test.skipIf(unavailable)('five steps of stage1, profile gpu', async () => {
  await expectSteps('stage1', 'gpu', STAGE_ON_DEVICE.arenas!);
  expect.hasAssertions();
});
