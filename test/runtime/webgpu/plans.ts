/**
 * Small plans written by hand, so that these tests do not depend on the compiler.
 *
 *     relu:   x [B, 4], bias [4] → y = max(x, 0) + bias
 *     chain:  x [B, 4] → scratch = 2x → y = scratch + 1, count i64 [1] = number of elements
 *     append: x [B, T, 2], past.0.key [B, P, 2] → present.0.key [B, P + T, 2], total [B] = sum over present
 *     update: parameter.w [N], rate [] → new.parameter.w = w − rate, in place
 */
import type { TensorPort } from '../../../src/shared/artifact.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { CAPACITY, type KernelPlan, PLAN_VERSION, type StepPlan, type WebGpuPlan } from '../../../src/shared/webgpu.ts';

export const f32 = (shape: readonly number[], ...values: number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});

export const port = (name: string, dtype: TensorPort['dtype'], ...shape: (number | string)[]): TensorPort => ({
  name,
  dtype,
  shape,
});

export const values = (tensor: { readonly data?: unknown } | undefined): number[] =>
  Array.from(tensor!.data as ArrayLike<number | bigint>, Number);

const ID =
  '@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32';
const INDEX = '  let i = (wg.y * groups.x + wg.x) * 64 + lane;\n';

/** A pointwise kernel: buffers by name, the body at index i, and as many u32 parameters. */
export function kernel(
  label: string,
  buffers: Readonly<Record<string, readonly ['read' | 'read_write', 'f32' | 'i32' | 'u32']>>,
  params: number,
  body: string,
): KernelPlan {
  const names = Object.keys(buffers);
  const bindings = names.map((name, at) => {
    const [access, type] = buffers[name]!;
    return `@group(0) @binding(${at}) var<storage, ${access}> ${name}: array<${type}>;`;
  });
  if (params > 0) {
    const count = Math.ceil(params / 4);
    bindings.push(`@group(0) @binding(${names.length}) var<uniform> params: array<vec4<u32>, ${count}>;`);
  }
  return {
    label,
    wgsl: `// ${label}\n${bindings.join('\n')}\n@compute @workgroup_size(64)\nfn main(${ID}) {\n${INDEX}${body}\n}\n`,
    bindings: names.map((name) => buffers[name]![0]),
    params,
    workgroup: [64, 1, 1],
  };
}

export function step(
  index: number,
  of: number | string,
  buffers: readonly number[],
  params: readonly (number | string)[],
  extra: Partial<StepPlan> = {},
): StepPlan {
  return {
    kernel: index,
    groups: [
      { of, per: 64 },
      { of: 1, per: 1 },
      { of: 1, per: 1 },
    ],
    origin: `step of kernel ${index} · test.mdl:1:1`,
    buffers,
    params,
    flops: of,
    bytes: of,
    ...extra,
  };
}

const READ_F32 = ['read', 'f32'] as const;
const WRITE_F32 = ['read_write', 'f32'] as const;

const KERNELS: readonly KernelPlan[] = [
  kernel(
    'relu → add',
    { x: READ_F32, bias: READ_F32, y: WRITE_F32 },
    1,
    '  if (i < params[0].x) { y[i] = max(x[i], 0.0) + bias[i % 4]; }',
  ),
  kernel('double', { x: READ_F32, y: WRITE_F32 }, 1, '  if (i < params[0].x) { y[i] = 2.0 * x[i]; }'),
  kernel('add one', { x: READ_F32, y: WRITE_F32 }, 1, '  if (i < params[0].x) { y[i] = x[i] + 1.0; }'),
  kernel('count', { y: ['read_write', 'i32'] }, 1, '  if (i == 0) { y[0] = i32(params[0].x); }'),
  kernel(
    'append',
    { x: READ_F32, cache: WRITE_F32 },
    4,
    // params: elements, T, P, capacity
    `  let p = params[0];
  if (i >= p.x) { return; }
  let c = i % 2; let t = (i / 2) % p.y; let b = i / (2 * p.y);
  cache[(b * p.w + p.z + t) * 2 + c] = x[i];`,
  ),
  kernel(
    'sum',
    { cache: READ_F32, y: WRITE_F32 },
    3,
    // params: B, positions, capacity
    `  let p = params[0];
  if (i >= p.x) { return; }
  var sum = 0.0;
  for (var k = 0u; k < 2 * p.y; k++) { sum += cache[i * p.z * 2 + k]; }
  y[i] = sum;`,
  ),
  kernel('update', { rate: READ_F32, w: WRITE_F32 }, 1, '  if (i < params[0].x) { w[i] -= rate[0]; }'),
];

export const PLAN: WebGpuPlan = {
  format: 'mdl-webgpu',
  version: PLAN_VERSION,
  compiler: 'test',
  model: { name: 'tiny', source: 'tiny.mdl', config_name: 'tiny', flags: {}, config: {} },
  needs: {
    maxStorageBuffersPerShaderStage: 8,
    maxStorageBufferBindingSize: 1 << 27,
    maxBufferSize: 1 << 28,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
  },
  kernels: KERNELS,
  constants: [],
  parameters: [{ key: 'bias', dtype: 'f32', shape: [4], storage: 'f32' }],
  packs: [],
  entries: {
    relu: {
      inputs: [port('x', 'f32', 'B', 4)],
      outputs: [port('y', 'f32', 'B', 4)],
      cache: [],
      buffers: [
        { kind: 'input', port: 0 },
        { kind: 'parameter', parameter: 0 },
        { kind: 'output', port: 0 },
      ],
      steps: [step(0, '4*B', [0, 1, 2], ['4*B'])],
    },
    chain: {
      inputs: [port('x', 'f32', 'B', 4)],
      outputs: [port('y', 'f32', 'B', 4), port('count', 'i64', 1)],
      cache: [],
      buffers: [
        { kind: 'input', port: 0 },
        { kind: 'scratch', elements: ['4*B', 3] },
        { kind: 'output', port: 0 },
        { kind: 'output', port: 1 },
      ],
      steps: [step(1, '4*B', [0, 1], ['4*B']), step(2, '4*B', [1, 2], ['4*B']), step(3, 1, [3], ['4*B'])],
    },
    append: {
      inputs: [port('x', 'f32', 'B', 'T', 2), port('past.0.key', 'f32', 'B', 'P', 2)],
      outputs: [port('present.0.key', 'f32', 'B', 'P + T', 2), port('total', 'f32', 'B')],
      cache: [{ past: 'past.0.key', present: 'present.0.key', axis: 1 }],
      buffers: [
        { kind: 'input', port: 0 },
        { kind: 'cache', cache: 0 },
        { kind: 'output', port: 1 },
      ],
      steps: [step(4, '2*B*T', [0, 1], ['2*B*T', 'T', 'P', CAPACITY]), step(5, 'B', [1, 2], ['B', 'P + T', CAPACITY])],
    },
    update: {
      inputs: [port('parameter.w', 'f32', 'N'), port('rate', 'f32')],
      outputs: [port('new.parameter.w', 'f32', 'N')],
      cache: [],
      buffers: [
        { kind: 'output', port: 0, donated: 0 },
        { kind: 'input', port: 1 },
      ],
      steps: [step(6, 'N', [1, 0], ['N'])],
    },
  },
};

/** The weights of PLAN. */
export const BIAS = async (_key: string): Promise<HostTensor> => f32([4], 10, 20, 30, 40);
