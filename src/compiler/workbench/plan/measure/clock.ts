/** How long a dispatch takes on a device, by its own timestamps. */

import type { Gpu } from '../../../../runtime/webgpu/gpu.ts';
import { Timestamps } from '../../../../runtime/webgpu/profile.ts';

/** Milliseconds that a sample should take, so that what a pass costs does not show, and the repetitions that suffice. */
const SAMPLE = 20;
const MOST_REPEATS = 500;
const SAMPLES = 5;
/** Milliseconds from which a sample is one dispatch, and one more of them is enough. */
const SLOW = 250;

/**
 * Median milliseconds of what `record` puts into a pass once.
 * @param record puts it there so many times
 * @throws RuntimeError R1013 without timestamps, R1003 when the device is lost
 */
export async function millisecondsOf(
  gpu: Gpu,
  record: (encoder: GPUCommandEncoder, repeats: number, timestamps: Timestamps) => void,
): Promise<number> {
  const sample = async (repeats: number): Promise<number> => {
    const timestamps = new Timestamps(gpu, 1);
    const encoder = gpu.device.createCommandEncoder({ label: 'measured' });
    record(encoder, repeats, timestamps);
    timestamps.record(encoder);
    gpu.device.queue.submit([encoder.finish()]);
    const [[start, end]] = (await timestamps.read()) as [readonly [number, number]];
    return (end - start) / repeats;
  };
  await sample(1); // the first pays for memory that is touched for the first time
  const once = await sample(1);
  if (once > SLOW) return Math.min(once, await sample(1));
  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.round(SAMPLE / Math.max(once, 1e-3))));
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) samples.push(await sample(repeats));
  return samples.sort((a, b) => a - b)[SAMPLES >> 1]!;
}
