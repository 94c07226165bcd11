/** What `npm run generate` writes for the self-test: a plan of small kernels, and what the float64 interpreter says of them. */
import type { WebGpuPlan } from '../../shared/webgpu.ts';

/** An entry of the plan: one family of kernels. */
export interface KernelFamily {
  /** what its kernels compute and no family before it: a model that has one of them needs the family */
  readonly ops: readonly string[];
  /** by output: base64 of little-endian words, f32, or i32 of integers */
  readonly expected: Readonly<Record<string, string>>;
}

export interface SelfTestKernels {
  readonly plan: WebGpuPlan;
  /** by entry of the plan */
  readonly families: Readonly<Record<string, KernelFamily>>;
}
