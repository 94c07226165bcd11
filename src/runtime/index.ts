/** The runtime in Node. The page's twin is index.browser.ts: same API, other backends and sources. */

import { openAdapter } from './adapter.node.ts';
import { onnxBackend } from './backend.onnx.node.ts';
import type { ModelSource } from './backend.ts';
import { type ChoiceOptions, chooseSession } from './choose.ts';
import { openModel } from './model.node.ts';
import { runSelfTestWith, type SelfTestOptions, type SelfTestResult } from './self-test/self-test.ts';
import type { Session } from './session.ts';
import { type WebGpuOptions, webgpuBackendWith } from './webgpu/backend.webgpu.ts';
import { acquireDevice } from './webgpu/device.node.ts';
import { openPlanSource } from './webgpu/plan-source.node.ts';
import type { PlanSource } from './webgpu/plan-source.ts';

export * from './api.ts';
export { openCheckpoint } from './weights/checkpoint.node.ts';
export { fileSource } from './weights/source.node.ts';
export { writeSafetensors } from './weights/write.node.ts';
export { acquireDevice, onnxBackend, openModel, openPlanSource };

export interface OpenOptions extends ChoiceOptions {
  /** of ONNX Runtime, inside one operator */
  readonly threads?: number;
}

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
 * Opens a compiled model: the directory that the compiler wrote, its manifest or plan, or a source of your own.
 * @throws RuntimeError R0202–R0205 (model), R0216 (backend), R1001, R1002 (device), R1012 (plan), R1017 (selfTest)
 */
export function openSession(model: string | ModelSource | PlanSource, options: OpenOptions = {}): Promise<Session> {
  return chooseSession(
    {
      openModel,
      openPlan: openPlanSource,
      onnx: (source) => onnxBackend(source, options.threads === undefined ? {} : { threads: options.threads }),
      acquire: acquireDevice,
      openAdapter,
    },
    model,
    options,
  );
}
