/**
 * WebGPU's types as the package's declarations name them: the global ones where the program that imports us has them
 * (TypeScript's DOM library from 6 on, or @webgpu/types), else opaque. Naming the globals themselves would not compile
 * without them, and bringing @webgpu/types along clashes with the DOM library that has them.
 */
type Global<Name extends string> = typeof globalThis extends { readonly [N in Name]: { prototype: infer T } }
  ? T
  : object;

export type GPU = Global<'GPU'>;
export type GPUAdapterInfo = Global<'GPUAdapterInfo'>;
export type GPUBindGroupLayout = Global<'GPUBindGroupLayout'>;
export type GPUBuffer = Global<'GPUBuffer'>;
export type GPUCommandEncoder = Global<'GPUCommandEncoder'>;
export type GPUComputePipeline = Global<'GPUComputePipeline'>;
export type GPUDevice = Global<'GPUDevice'>;
export type GPUQuerySet = Global<'GPUQuerySet'>;
export type GPUSupportedLimits = Global<'GPUSupportedLimits'>;

/** https://www.w3.org/TR/webgpu/#enumdef-gpupowerpreference */
export type GPUPowerPreference = 'low-power' | 'high-performance';

/** https://www.w3.org/TR/webgpu/#dictdef-gpucomputepasstimestampwrites */
export interface GPUComputePassTimestampWrites {
  querySet: GPUQuerySet;
  beginningOfPassWriteIndex?: number;
  endOfPassWriteIndex?: number;
}
