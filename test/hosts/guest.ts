/** A plan's entries on another host's adapter, with the runtime that pages use: bundled, it runs in Chromium and in Deno. */
import {
  bytesSource,
  Checkpoint,
  Gpu,
  openPlan,
  type Profile,
  type Session,
  type WebGpuPlan,
} from '../../src/runtime/webgpu/index.browser.ts';
import { type PackedTensors, packAll, unpackAll } from './packed.ts';

let session: Session | undefined;

async function weightsAt(url: string): Promise<Checkpoint> {
  const answer = await fetch(url);
  return Checkpoint.ofFiles(url, [bytesSource(new Uint8Array(await answer.arrayBuffer()))]);
}

const noWeights = async (key: string): Promise<never> => {
  throw new Error(`the plan has a parameter ${key}, and no weights were given`);
};

const { gpu } = (globalThis as unknown as { navigator: { gpu: GPU } }).navigator;

export interface GuestFiles {
  /** addresses of plan.json, and of a safetensors file where the plan has parameters */
  readonly plan: string;
  readonly weights?: string;
  /** leave shader-f16 unused, where the adapter has it */
  readonly packed?: boolean;
  /** kernels for which adapters; the adapter's own by default */
  readonly profile?: Profile;
}

const guest = {
  /** @returns the backend's name, and the features of its device */
  async open({
    plan: url,
    weights,
    packed = false,
    profile,
  }: GuestFiles): Promise<{ backend: string; features: string[] }> {
    const plan = (await (await fetch(url)).json()) as WebGpuPlan;
    const adapter = await gpu.requestAdapter();
    if (!adapter) throw new Error('this host has no adapter');
    const requiredFeatures: GPUFeatureName[] = !packed && adapter.features.has('shader-f16') ? ['shader-f16'] : [];
    const device = await adapter.requestDevice({ requiredFeatures });
    const opened = await openPlan({
      plan,
      weights: weights === undefined ? noWeights : await weightsAt(weights),
      device: Gpu.of(device, profile === undefined ? {} : { profile }),
    });
    await Promise.all(Object.keys(plan.entries).map((entry) => opened.load(entry)));
    session = opened;
    return { backend: opened.info().backend, features: [...device.features] };
  },
  async run({ entry, feeds }: { readonly entry: string; readonly feeds: PackedTensors }): Promise<PackedTensors> {
    if (!session) throw new Error('open comes first');
    return packAll(await session.run(entry, unpackAll(feeds)));
  },
};
export type Guest = typeof guest;

Object.assign(globalThis, { guest });
