/** The WebGPU target: a graph becomes an entry of a plan (shared/webgpu.ts), its kernels WGSL. */
import type { OpName } from '../../ops/attributes.ts';
import type { Composite } from './decompose.ts';
import type { InlineOp } from './inline.ts';
import type { CoreOp } from './kernel.ts';
import type { ReduceOp } from './reduce.ts';
import type { PointwiseOp } from './scalar.ts';

export { type EntryOptions, lowerEntry } from './entry.ts';
export { LimitError } from './limit-error.ts';
export { DEFAULT_LIMITS, PlanTables, type WeightStorage } from './plan.ts';

/** Every op is in one of the target's tables: one that is in none is named here by the type checker. */
export const WITHOUT_KERNEL: {
  readonly [N in Exclude<OpName, PointwiseOp | InlineOp | ReduceOp | CoreOp | Composite>]: never;
} = {};
