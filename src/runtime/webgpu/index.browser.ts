/** The WebGPU half of the runtime in a page: what a generated module imports. Node's twin is index.ts. */
import type { Backend } from '../backend.ts';
import { runSelfTestWith, type SelfTestOptions, type SelfTestResult } from '../self-test/self-test.ts';
import { Session } from '../session.ts';
import { manifestOf, type WebGpuOptions, webgpuBackendWith } from './backend.webgpu.ts';
import { acquireDevice } from './device.browser.ts';

export { openCheckpoint } from '../weights/checkpoint.browser.ts';
export { blobSource, urlSource } from '../weights/source.browser.ts';
export * from './api.ts';
export { acquireDevice };

/** @throws RuntimeError R1001, R1002, R1003 */
export function webgpuBackend(options: WebGpuOptions): Promise<Backend> {
  return webgpuBackendWith(acquireDevice, options);
}

/**
 * Whether the adapter computes what it should: small kernels of each family, beside numbers of the float64 interpreter.
 * @throws RuntimeError R1001, R1002, R1003
 */
export function runSelfTest(options: SelfTestOptions = {}): Promise<SelfTestResult> {
  return runSelfTestWith(acquireDevice, options);
}

/**
 * A session over a plan: entries load, with their kernels and parameters, at their first run or by `session.load`.
 * @throws RuntimeError R1001, R1002, R1003
 */
export async function openPlan(options: WebGpuOptions): Promise<Session> {
  return Session.open(manifestOf(options.plan), { backend: await webgpuBackend(options) });
}
