/** One plan in several places: in Node, on the package `webgpu`, in Chromium and in Deno; and whether they agree. */
import type { Feeds } from '../../src/runtime/feeds.ts';
import type { Runner } from '../../src/runtime/session.ts';
import { manifestOf, openPlan, type WebGpuOptions } from '../../src/runtime/webgpu/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { testDevice } from '../support/adapter.ts';

type Tensors = Readonly<Record<string, HostTensor>>;

/** Runs entries of a plan. */
export interface Place {
  readonly backend: string;
  /** of its device */
  readonly features: readonly string[];
  run(entry: string, feeds: Feeds): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}

/** The weights of a plan without parameters. */
export const noWeights = async (key: string): Promise<never> => {
  throw new Error(`the plan has a parameter ${key}, and no weights were given`);
};

/** @param weights of the plan's parameters */
export async function openInNode(plan: WebGpuPlan, weights: WebGpuOptions['weights']): Promise<Place> {
  const device = await testDevice();
  const session = await openPlan({ plan, weights, device });
  await Promise.all(Object.keys(plan.entries).map((entry) => session.load(entry)));
  return {
    backend: session.info().backend,
    features: [...device.features],
    run: (entry, feeds) => session.run(entry, feeds),
    async close() {
      await session.dispose();
      device.destroy();
    },
  };
}

/** What generation and training run entries on. */
export const runnerOf = (plan: WebGpuPlan, { run }: Place): Runner => ({ manifest: manifestOf(plan), run });

/**
 * Runs everything in both places, with the same inputs, and goes on with the second's results.
 * @param differences gets a line for each run that is not the same
 */
export function runnerOfBoth(
  plan: WebGpuPlan,
  [first, second]: readonly [Place, Place],
  differences: string[],
): Runner {
  return {
    manifest: manifestOf(plan),
    async run(entry, feeds) {
      const [here, there] = await Promise.all([first.run(entry, feeds), second.run(entry, feeds)]);
      const different = bitDifference(here, there);
      if (different !== undefined) differences.push(`${entry}: ${different}`);
      return there;
    },
  };
}

/** Undefined where all tensors are the same to the bit; else the first that is not, and by how much of its largest number. */
export function bitDifference(here: Tensors, there: Tensors): string | undefined {
  const bits = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (const [name, tensor] of Object.entries(here)) {
    const other = there[name];
    if (other?.dtype !== tensor.dtype || other.shape.join() !== tensor.shape.join()) return `${name} has another type`;
    const theirs = bits(other);
    if (bits(tensor).every((byte, i) => byte === theirs[i])) continue;
    const [a, b] = [numbers(tensor), numbers(other)];
    const off = Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / Math.max(...a.map(Math.abs));
    return `${name} is off by ${off.toExponential(1)}`;
  }
  return undefined;
}

const numbers = ({ data }: HostTensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
