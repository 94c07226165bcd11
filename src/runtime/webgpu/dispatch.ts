/** How many workgroups a step takes, within what a device allows along an axis. */
import { runtimeError } from '../errors.ts';
import type { LaunchLayout, StepLayout } from './layout.ts';

export type Workgroups = readonly [number, number, number];

/**
 * As many workgroups as the step's parts have together, in rows of equal length. The last row may be longer than what is
 * left: kernels read their index as y · (workgroups along x) + x and leave out what is too many.
 *
 * @param values the entry's sizes
 * @param limit maxComputeWorkgroupsPerDimension
 * @returns undefined when there is nothing to do
 * @throws RuntimeError R1011 past limit², which is more than an index of 32 bits has where the limit is 65,535
 */
export function workgroupsOf(
  entry: string,
  { origin, parts }: Pick<LaunchLayout, 'origin' | 'parts'>,
  values: Float64Array,
  limit: number,
): Workgroups | undefined {
  const counts = parts.map((axes) =>
    axes.reduce((product, { of, per }) => product * Math.max(0, Math.ceil(values[of]! / per)), 1),
  );
  const groups = counts.reduce((sum, count) => sum + count, 0);
  if (groups === 0) return undefined;
  const rows = Math.ceil(groups / limit);
  if (rows > limit) throw runtimeError('too_many_workgroups', { entry, origin, groups, limit: limit * limit });
  return [Math.ceil(groups / rows), rows, 1];
}

/** The launch that a step takes at these sizes. */
export function launchAt({ launches }: StepLayout, values: Float64Array): LaunchLayout {
  return launches.find(({ when }) => !when || values[when.size]! <= when.atMost)!;
}
