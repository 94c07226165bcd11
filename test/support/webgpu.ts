/**
 * The device of a test file, as both kinds of adapter and as a backend of sessions. It grants the specification's
 * default limits (8 storage buffers per stage, 16 KiB of workgroup memory), as the poorest user has it.
 *
 * All memory of tensors is filled with NaN before it is used, so what a kernel reads before it is written, reads outside
 * of a tensor, or forgets to write, shows in the results.
 */
import { hostBackend } from '../../src/runtime/backend.host.ts';
import type { Backend, Tensors } from '../../src/runtime/backend.ts';
import { TENSOR_USAGE } from '../../src/runtime/webgpu/flags.ts';
import { Gpu, type Profile } from '../../src/runtime/webgpu/gpu.ts';
import { WebGpuProgram } from '../../src/runtime/webgpu/program.ts';
import { ModelBuffers } from '../../src/runtime/webgpu/weights.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { ownOutputs, type WebGpuPlan } from '../../src/shared/webgpu.ts';
import { testDevice } from './adapter.ts';
import { atFileEnd } from './file-end.ts';

export const PROFILES: readonly Profile[] = ['gpu', 'software'];

/** A quiet NaN as f32, a large number as i32, true as bool. */
const POISON = 0x7fc0dead;

/** Fills every buffer of tensors with POISON when it is taken, and so the rest of a buffer behind a tensor's end. */
function poisoned(gpu: Gpu): Gpu {
  const { buffers, device } = gpu;
  const take = buffers.take.bind(buffers);
  buffers.take = (bytes, what, usage = TENSOR_USAGE) => {
    const buffer = take(bytes, what, usage);
    if (usage === TENSOR_USAGE) device.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(POISON));
    return buffer;
  };
  return gpu;
}

/** The worker's device: compiling is most of what tests on a software adapter wait for, and files share many kernels. */
let device: Promise<GPUDevice> | undefined;

/** Pipelines after which the next file begins on another device: they are kept as long as theirs is. */
const MANY_PIPELINES = 1000;

let shared: Promise<ReadonlyMap<Profile, Gpu>> | undefined;

async function open(): Promise<ReadonlyMap<Profile, Gpu>> {
  device ??= testDevice();
  const own = await device;
  const gpus = new Map(PROFILES.map((profile) => [profile, poisoned(Gpu.of(own, { profile }))]));
  atFileEnd(() => {
    shared = undefined;
    for (const { buffers } of gpus.values()) buffers.destroy();
    const { pipelines, lost } = gpus.get('gpu')!;
    if (pipelines.size < MANY_PIPELINES && lost === undefined) return;
    device = undefined;
    own.destroy();
  });
  return gpus;
}

/** The file's view of the worker's device, with buffers of its own; pipelines are compiled once for both profiles. */
export async function gpuOf(profile: Profile): Promise<Gpu> {
  shared ??= open();
  return (await shared).get(profile)!;
}

/** What a session needs to know of a plan. */
export function manifestOf(plan: WebGpuPlan): Manifest {
  const entries = Object.entries(plan.entries).map(
    ([name, { buffers: _buffers, steps: _steps, ...ports }]) =>
      [name, { ...ports, outputs: ownOutputs(ports) }] as const,
  );
  return {
    format: 'mdl',
    version: 2,
    compiler: plan.compiler,
    model: plan.model,
    targets: { webgpu: { plan: 'plan.json', weights: [] } },
    entries: Object.fromEntries(entries),
    weights: { origin: 'test', trained: true },
  };
}

/** A backend whose results are all read to the host. */
export function backendOf(gpu: Gpu, plan: WebGpuPlan, read: (key: string) => Promise<HostTensor>): Backend {
  const buffers = new ModelBuffers(gpu, plan, read);
  return hostBackend({
    name: `webgpu (${gpu.profile})`,
    async loadEntry(name) {
      const program = await WebGpuProgram.open(gpu, plan, name, buffers);
      return {
        run: async (feeds, fetch) => (await program.run(feeds, fetch)) as Tensors,
        dispose: () => program.dispose(),
      };
    },
  });
}
