/** Five steps of AdamW on TinyGPT-V on WebGPU beside those of the authors' code. */
import { Session } from '../../src/runtime/session.ts';
import type { Profile } from '../../src/runtime/webgpu/gpu.ts';
import { planOf } from '../support/build.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';
import { expectAdamW } from './adamw-steps.ts';

/** @param arenas elements that an arena may have */
export const expectSteps = (name: 'stage1' | 'stage2', profile: Profile, arenas: number): Promise<void> =>
  expectAdamW(name, { arenas }, async (graphs, read) => {
    const plan = planOf(graphs);
    return Session.open(manifestOf(plan), {
      backend: backendOf(await gpuOf(profile), plan, async (key) => read(key)),
    });
  });
