/** A session over a WebGPU plan that was just made. */
import { manifestOf, Session, webgpuBackend } from '../../runtime/index.ts';
import type { WebGpuPlan } from '../../shared/webgpu.ts';
import type { WeightProvider } from './weights/provider.ts';

/** @throws RuntimeError R1001, R1002 when there is no adapter for it */
export async function openPlanned(plan: WebGpuPlan, weights: WeightProvider): Promise<Session> {
  const backend = await webgpuBackend({ plan, weights: (key) => weights.read(key) });
  return Session.open(manifestOf(plan), { backend });
}
