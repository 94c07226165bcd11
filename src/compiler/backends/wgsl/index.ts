/** The WebGPU target: a graph becomes an entry of a plan (shared/webgpu.ts), its kernels WGSL. */
import type { OpName } from '../../ops/attributes.ts';
import type { Composite } from './decompose.ts';
import type { ContractionOp } from './kernel.ts';
import type { InlineOp } from './text/inline.ts';
import type { ReduceOp } from './text/reduce.ts';
import type { PointwiseOp } from './text/scalar.ts';

export { KERNEL_PASSES, lowerEntry } from './entry.ts';
export type { EntryOptions } from './entry-options.ts';
export { loweredEntry } from './lowered-entries.ts';
export { IntegerError } from './plan/integer-error.ts';
export type { KernelReport } from './plan/kernel-report.ts';
export { LimitError } from './plan/limit-error.ts';
export { DEFAULT_LIMITS, PlanTables, type WeightStorage } from './plan/tables.ts';

/** Every op is in one of the target's tables: one that is in none is named here by the type checker. */
export const WITHOUT_KERNEL: {
  readonly [N in Exclude<OpName, PointwiseOp | InlineOp | ReduceOp | ContractionOp | Composite>]: never;
} = {};
