/** WebGPU's numeric constants: pages have them as globals, Node only after they were installed. */

export const USAGE = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
  QUERY_RESOLVE: 0x200,
} as const;

/** What a tensor's buffer is for: kernels, uploads, copies. */
export const TENSOR_USAGE: number = USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST;
export const MAP_READ = 0x1;
export const STAGE_COMPUTE = 0x4;
