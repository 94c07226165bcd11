/** The WebGPU target: a graph becomes an entry of a plan (shared/webgpu.ts), its kernels WGSL. */
export { type EntryOptions, lowerEntry } from './entry.ts';
export { DEFAULT_LIMITS, PlanTables, type WeightStorage } from './plan.ts';
