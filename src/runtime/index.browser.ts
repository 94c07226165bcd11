/** The runtime in a page. Node's twin is index.ts: same API, other backends and sources. */

import { openAdapter } from './adapter.browser.ts';
import { type OnnxWebOptions, onnxBackend } from './backend.onnx.browser.ts';
import type { ModelSource } from './backend.ts';
import { type ChoiceOptions, chooseSession } from './choose.ts';
import { openModel } from './model.browser.ts';
import { runSelfTestWith, type SelfTestOptions, type SelfTestResult } from './self-test/self-test.ts';
import type { Session } from './session.ts';
import { type WebGpuOptions, webgpuBackendWith } from './webgpu/backend.webgpu.ts';
import { acquireDevice } from './webgpu/device.browser.ts';
import { openPlanSource } from './webgpu/plan-source.browser.ts';
import type { PlanSource } from './webgpu/plan-source.ts';

export * from './api.ts';
export { openCheckpoint } from './weights/checkpoint.browser.ts';
export { blobSource, urlSource } from './weights/source.browser.ts';
export { acquireDevice, onnxBackend, openModel, openPlanSource };

export interface OpenOptions extends ChoiceOptions, OnnxWebOptions {}

/** A backend over a plan, for `Session.open`. @throws RuntimeError R1001, R1002 */
export const webgpuBackend = (options: WebGpuOptions): ReturnType<typeof webgpuBackendWith> =>
  webgpuBackendWith(acquireDevice, options);

/**
 * Whether the WebGPU adapter computes what it should: small kernels of each family, beside numbers of the float64 interpreter.
 * @throws RuntimeError R1001, R1002, R1003
 */
export const runSelfTest = (options: SelfTestOptions = {}): Promise<SelfTestResult> =>
  runSelfTestWith(acquireDevice, options);

/**
 * Opens a compiled model: the URL of the directory that the compiler wrote, of its manifest or plan, or a source of your own.
 * @throws RuntimeError R0202–R0205 (model), R0216 (backend), R1001, R1002 (device), R1012 (plan), R1017 (selfTest)
 */
export function openSession(model: string | ModelSource | PlanSource, options: OpenOptions = {}): Promise<Session> {
  return chooseSession(
    {
      openModel,
      openPlan: openPlanSource,
      onnx: (source) => onnxBackend(source, options),
      acquire: acquireDevice,
      openAdapter,
    },
    model,
    options,
  );
}
