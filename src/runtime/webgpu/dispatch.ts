/** How many workgroups a step takes, within what a device allows along an axis. */
import { runtimeError } from '../errors.ts';
import type { LaunchLayout, StepLayout } from './layout.ts';

export type Workgroups = readonly [number, number, number];

/**
 * @param values the entry's sizes
 * @param limit maxComputeWorkgroupsPerDimension
 * @returns undefined when there is nothing to do
 * @throws RuntimeError R1011 when there are too many
 */
export function workgroupsOf(
  entry: string,
  { origin, parts, linear }: LaunchLayout,
  values: Float64Array,
  limit: number,
): Workgroups | undefined {
  const counts = parts.map((groups) => groups.map(({ of, per }) => Math.ceil(values[of]! / per)));
  const [x, y, z] =
    counts.length === 1
      ? (counts[0] as [number, number, number])
      : [counts.reduce((sum, [a, b, c]) => sum + a! * b! * c!, 0), 1, 1];
  if (!(x > 0 && y > 0 && z > 0)) return undefined;
  if (x <= limit && y <= limit && z <= limit) return [x, y, z];
  // a linear kernel reads its index as y · (workgroups along x) + x, and has a guard for what is too many
  const rows = Math.ceil(x / limit);
  if (linear && y === 1 && z <= limit && rows <= limit) return [Math.ceil(x / rows), rows, z];
  throw runtimeError('R1011', { entry, origin, groups: [x, y, z], limit });
}

/** The launch that a step takes at these sizes. */
export function launchAt({ launches }: StepLayout, values: Float64Array): LaunchLayout {
  return launches.find(({ when }) => !when || values[when.size]! <= when.atMost)!;
}
