/** Runs in the page, bundled by plans.ts: a plan's entries on the page's adapter, with the runtime that pages use. */
import {
  bytesSource,
  Checkpoint,
  openPlan,
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

const plans = {
  /** @returns the backend's name */
  async open({ plan: url, weights }: { readonly plan: string; readonly weights?: string }): Promise<string> {
    const plan = (await (await fetch(url)).json()) as WebGpuPlan;
    const opened = await openPlan({ plan, weights: weights === undefined ? noWeights : await weightsAt(weights) });
    await Promise.all(Object.keys(plan.entries).map((entry) => opened.load(entry)));
    session = opened;
    return opened.info().backend;
  },
  async run({ entry, feeds }: { readonly entry: string; readonly feeds: PackedTensors }): Promise<PackedTensors> {
    if (!session) throw new Error('open comes first');
    return packAll(await session.run(entry, unpackAll(feeds)));
  },
};
export type Plans = typeof plans;

Object.assign(globalThis, { plans });
