/**
 * Whether an adapter computes what it should: small kernels of each family, run on it, beside numbers of the float64
 * interpreter that were stored when this package was made. Drivers are wrong now and then, and say nothing.
 *
 * The kernels (`kernels.generated.ts`) are a chunk of their own, fetched when a test is asked for.
 */
import type { TensorPort } from '../../shared/artifact.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { WebGpuPlan } from '../../shared/webgpu.ts';
import { RuntimeError, runtimeError } from '../errors.ts';
import type { AcquireOptions } from '../webgpu/device.ts';
import { Gpu, type Profile } from '../webgpu/gpu.ts';
import { WebGpuProgram } from '../webgpu/program.ts';
import type { GPUDevice } from '../webgpu/types.ts';
import { ModelBuffers } from '../webgpu/weights.ts';
import { LIMIT, worst } from './compare.ts';
import type { KernelFamily, SelfTestKernels } from './kernels.ts';
import { madeUpTensor } from './made-up.ts';

export interface SelfTestOptions {
  /** a device of yours, which stays yours; one is taken, and freed again, when absent */
  readonly device?: Gpu | GPUDevice;
  /** how to ask for one, where none is given */
  readonly acquire?: AcquireOptions;
  /** only the families that this plan's kernels belong to; all when absent, or where the plan does not list its ops */
  readonly plan?: WebGpuPlan;
}

/** What a family of kernels gave. */
export interface SelfTestFamily {
  /** `attention`, `convolution` */
  readonly family: string;
  /** those that it tests */
  readonly ops: readonly string[];
  readonly ok: boolean;
  /** max |difference| / max |expected| over its outputs, ∞ where integers or what is not finite differ; absent when it did not run */
  readonly error?: number;
  /** what the device said in place of numbers */
  readonly failed?: string;
}

export interface SelfTestResult {
  /** every family is right */
  readonly ok: boolean;
  /** `apple metal-3` */
  readonly adapter: string;
  /** whose kernels were run */
  readonly profile: Profile;
  /** the largest `error` that is right */
  readonly limit: number;
  readonly families: readonly SelfTestFamily[];
  /** ops of the plan that no family computes; empty without a plan */
  readonly untested: readonly string[];
  readonly milliseconds: number;
}

/** @throws RuntimeError R1001, R1002 (no adapter), R1003 (the device is lost meanwhile) */
export async function runSelfTestWith(
  acquire: (options: AcquireOptions) => Promise<Gpu>,
  { device, acquire: how, plan }: SelfTestOptions,
): Promise<SelfTestResult> {
  const { KERNELS } = await import('./kernels.generated.ts');
  if (device !== undefined) return testOn(device instanceof Gpu ? device : Gpu.of(device), KERNELS, plan);
  const gpu = await acquire({ needs: KERNELS.plan.needs, ...how });
  try {
    return await testOn(gpu, KERNELS, plan);
  } finally {
    gpu.destroy();
  }
}

async function testOn(gpu: Gpu, kernels: SelfTestKernels, plan: WebGpuPlan | undefined): Promise<SelfTestResult> {
  const began = performance.now();
  gpu.requireLimits(kernels.plan.needs);
  const model = new ModelBuffers(gpu, kernels.plan, noWeights);
  const wanted = plan?.ops && new Set(plan.ops);
  const chosen = Object.entries(kernels.families).filter(
    ([, { ops }]) => wanted === undefined || ops.some((op) => wanted.has(op)),
  );
  try {
    // side by side: most of the time goes into compiling
    const families = await Promise.all(
      chosen.map(([family, record]) => testFamily(gpu, kernels.plan, family, record, model)),
    );
    const covered = new Set(chosen.flatMap(([, { ops }]) => ops));
    return {
      ok: families.every(({ ok }) => ok),
      adapter: gpu.name,
      profile: gpu.profile,
      limit: LIMIT,
      families,
      untested: [...(wanted ?? [])].filter((op) => !covered.has(op)),
      milliseconds: performance.now() - began,
    };
  } finally {
    await model.dispose();
  }
}

const noWeights = (key: string): never => {
  throw new Error(`the kernels of the self-test have no weights, and ${key} was asked for`);
};

async function testFamily(
  gpu: Gpu,
  plan: WebGpuPlan,
  family: string,
  { ops, expected }: KernelFamily,
  model: ModelBuffers,
): Promise<SelfTestFamily> {
  const { inputs, outputs } = plan.entries[family]!;
  const feeds = Object.fromEntries(
    inputs.map(({ name, dtype, shape }, input) => [name, madeUpTensor(dtype, shape as readonly number[], input)]),
  );
  let program: WebGpuProgram | undefined;
  try {
    program = await WebGpuProgram.open(gpu, plan, family, model);
    const found = (await program.run(feeds)) as Readonly<Record<string, HostTensor>>;
    const stored = Object.fromEntries(outputs.map((port) => [port.name, storedTensor(port, expected[port.name]!)]));
    const error = worst(stored, found);
    return { family, ops, ok: error <= LIMIT, error };
  } catch (error) {
    gpu.check(); // a lost device is no finding about kernels
    if (!(error instanceof RuntimeError)) throw error;
    return { family, ops, ok: false, failed: error.message.split('\n')[0]! };
  } finally {
    await program?.dispose();
  }
}

function storedTensor({ dtype, shape }: TensorPort, base64: string): HostTensor {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const sizes = shape as readonly number[];
  const view = new DataView(bytes.buffer);
  const at = { length: sizeOf(sizes) };
  switch (dtype) {
    case 'f32':
      return { dtype, shape: sizes, data: Float32Array.from(at, (_, i) => view.getFloat32(4 * i, true)) };
    case 'i64':
      return { dtype, shape: sizes, data: BigInt64Array.from(at, (_, i) => BigInt(view.getInt32(4 * i, true))) };
    case 'bool':
      return { dtype, shape: sizes, data: Uint8Array.from(at, (_, i) => view.getInt32(4 * i, true)) };
  }
}

/** @throws RuntimeError R1016 naming what is off */
export function requireRight({ ok, adapter, families }: SelfTestResult): void {
  if (ok) return;
  const off = families
    .filter((family) => !family.ok)
    .map(({ family, error, failed }) => `${family} ${failed ?? `by ${error!.toExponential(1)}`}`);
  throw runtimeError('self_test', { adapter, off, of: families.length });
}
