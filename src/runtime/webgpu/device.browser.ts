/** A device in a page. Node's twin is device.node.ts. */
import { type AcquireOptions, acquireFrom, GLOBAL_GPU } from './device.ts';
import type { Gpu } from './gpu.ts';

/** @throws RuntimeError R1001 when there is no adapter, R1002 when it is below the needs */
export function acquireDevice(options: AcquireOptions = {}): Promise<Gpu> {
  return acquireFrom([GLOBAL_GPU], options);
}
