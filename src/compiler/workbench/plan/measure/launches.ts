/**
 * Times a plan's launches one by one, by the code that runs them (src/runtime/webgpu). Buffers hold zeros and live as long
 * as the launch is measured, so that no weights are needed, and memory is that of the largest launch.
 */

import type { Workgroups } from '../../../../runtime/webgpu/dispatch.ts';
import type { Gpu } from '../../../../runtime/webgpu/gpu.ts';
import type { EntryLayout, LaunchLayout } from '../../../../runtime/webgpu/layout.ts';
import { Recorder } from '../../../../runtime/webgpu/recorder.ts';
import type { WebGpuPlan } from '../../../../shared/webgpu.ts';
import { wordsOfBuffer } from '../buffers.ts';
import { millisecondsOf } from './clock.ts';

export interface Measurable {
  readonly launch: LaunchLayout;
  readonly workgroups: Workgroups;
}

/**
 * Milliseconds of each launch.
 * @param symbols sizes of the dynamic dims, and the capacity of caches
 * @throws RuntimeError R1003, R1004, R1005 (a buffer larger than the device allows), R1006, R1013
 */
export async function measureLaunches(
  gpu: Gpu,
  { plan, layout, symbols }: { plan: WebGpuPlan; layout: EntryLayout; symbols: ReadonlyMap<string, number> },
  launches: readonly Measurable[],
): Promise<number[]> {
  const pipelines = await gpu.wait(
    Promise.all(launches.map(async ({ launch }) => [launch, await gpu.pipelines.get(launch.kernel)] as const)),
  );
  const recorder = new Recorder(gpu, layout, new Map(pipelines));
  try {
    const values = layout.sizes.evaluate(symbols);
    recorder.writeParameters(values);
    const times: number[] = [];
    for (const launched of launches) {
      times.push(
        await measure(gpu, recorder, launched, (buffer) => wordsOfBuffer(plan, layout, buffer, symbols, values)),
      );
    }
    return times;
  } finally {
    recorder.dispose();
  }
}

async function measure(
  gpu: Gpu,
  recorder: Recorder,
  launched: Measurable,
  wordsOf: (buffer: number) => number,
): Promise<number> {
  const buffers: GPUBuffer[] = [];
  const { origin, plan } = launched.launch;
  try {
    for (const buffer of new Set(plan.buffers))
      buffers[buffer] = gpu.buffers.take(4 * wordsOf(buffer), `buffer ${buffer} of ${origin}`);
    return await millisecondsOf(gpu, (encoder, repeats, timestamps) =>
      recorder.repeat(encoder, buffers, launched, { repeats, timestamps }),
    );
  } finally {
    recorder.forget();
    for (const buffer of new Set(plan.buffers)) if (buffers[buffer]) gpu.buffers.free(buffers[buffer]);
  }
}
