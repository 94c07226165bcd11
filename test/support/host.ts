/** The host of tests: Node, with the worker's device instead of a new one for every session. */
import { NODE } from '../../src/compiler/workbench/session.ts';
import { webgpuBackend } from '../../src/runtime/index.ts';
import { gpuOf } from './webgpu.ts';

export const TEST_HOST: typeof NODE = {
  ...NODE,
  webgpu: async (options) => webgpuBackend({ ...options, device: await gpuOf('software') }),
};
