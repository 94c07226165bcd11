/**
 * An entry of a plan, prepared once: sizes by index, which buffer belongs to which port, which launch the adapter's
 * profile takes, and where each step's parameters lie in the uniform buffer.
 */
import { type Dim, printDim, productOf, symbolsOf } from '../../shared/dim.ts';
import { parseDim } from '../../shared/dim-text.ts';
import {
  type Alternative,
  CAPACITY,
  type EntryPlan,
  type KernelPlan,
  type Launch,
  type StepPlan,
  type WebGpuPlan,
} from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';
import type { Profile } from './gpu.ts';
import { SizeTable } from './sizes.ts';

/** Bytes; what WebGPU asks of a uniform's offset by default. */
const UNIFORM_ALIGNMENT = 256;

export interface StepLayout {
  readonly plan: StepPlan;
  /** of this adapter's profile, the first whose condition holds is taken; the last has none */
  readonly launches: readonly LaunchLayout[];
}

export interface LaunchLayout {
  readonly plan: Launch;
  readonly origin: string;
  readonly kernel: KernelPlan;
  /** taken where this size is at most the limit; absent: always */
  readonly when?: { readonly size: number; readonly atMost: number };
  /** per part and axis: index into the sizes, and what to divide by */
  readonly parts: readonly (readonly { readonly of: number; readonly per: number }[])[];
  /** of the entry's regions; −1: no parameters */
  readonly region: number;
  /** indices of the sizes */
  readonly flops: number;
  readonly bytes: number;
}

/** Parameters of one or more steps in the uniform buffer. */
export interface Region {
  readonly offset: number;
  readonly bytes: number;
  /** per word, index into the sizes */
  readonly words: readonly number[];
}

export interface PortLayout {
  readonly name: string;
  readonly dims: readonly Dim[];
  /** per axis, index into the sizes; none for an input, whose dims are only measured */
  readonly sizes: readonly number[];
}

/** Where an output's value lies after a run. */
export type OutputPlace =
  | { readonly kind: 'buffer'; readonly buffer: number }
  | { readonly kind: 'cache'; readonly cache: number };

export interface EntryLayout {
  readonly name: string;
  readonly plan: EntryPlan;
  readonly sizes: SizeTable;
  readonly inputs: readonly PortLayout[];
  readonly outputs: readonly PortLayout[];
  readonly places: readonly OutputPlace[];
  /** by input: the index of its cache, −1 */
  readonly pasts: readonly number[];
  readonly presents: readonly number[];
  /** by buffer: indices of the sizes of which the largest counts, in words; scratch and outputs */
  readonly elements: readonly (readonly number[])[];
  readonly steps: readonly StepLayout[];
  readonly regions: readonly Region[];
  readonly uniformBytes: number;
}

/** @throws RuntimeError R1012 when the plan contradicts itself */
export function layoutOf(plan: WebGpuPlan, name: string, profile: Profile): EntryLayout {
  const entry = plan.entries[name]!;
  const sizes = new SizeTable(name);
  const refuse = (reason: string): Error =>
    runtimeError('plan_form', { file: plan.model.name, reason: `${reason} in ${name}` });
  const port = ({ name: label, shape }: EntryPlan['inputs'][number], sized: boolean): PortLayout => {
    const dims = shape.map((text) => {
      const dim = parseDim(text);
      if (dim === undefined) throw refuse(`gives ${label} the size ${text}`);
      return dim;
    });
    return { name: label, dims, sizes: sized ? dims.map((dim) => sizes.index(sizeText(dim))) : [] };
  };
  const inputs = entry.inputs.map((one) => port(one, false));
  const outputs = entry.outputs.map((one) => port(one, true));
  const cacheOf = (label: string, side: 'past' | 'present'): number =>
    entry.cache.findIndex((one) => one[side] === label);
  const places = entry.outputs.map((output, index): OutputPlace => {
    const cache = cacheOf(output.name, 'present');
    if (cache >= 0) return { kind: 'cache', cache };
    const buffer = entry.buffers.findIndex((one) => one.kind === 'output' && one.port === index);
    if (buffer < 0) throw refuse(`has no buffer for ${output.name}`);
    return { kind: 'buffer', buffer };
  });
  const elements = entry.buffers.map((buffer) => {
    if (buffer.kind === 'scratch') return buffer.elements.map((size) => sizes.index(size));
    if (buffer.kind === 'watch') return [sizes.index(entry.watched?.length ?? 0)];
    if (buffer.kind !== 'output') return [];
    return [sizes.index(sizeText(productOf(outputs[buffer.port]!.dims)))];
  });
  const regions = new Map<string, Region & { index: number }>();
  let uniformBytes = 0;
  const launchOf = (launch: StepPlan | Alternative, step: StepPlan, when?: Alternative['when']): LaunchLayout => {
    const kernel = plan.kernels[launch.kernel];
    if (!kernel) throw refuse(`names the kernel ${launch.kernel}`);
    const shape = `${kernel.bindings.length} buffers and ${kernel.params} parameters`;
    if (launch.buffers.length !== kernel.bindings.length || launch.params.length !== kernel.params)
      throw refuse(`gives ${kernel.label} other than ${shape}`);
    if (launch.buffers.some((buffer) => !entry.buffers[buffer]))
      throw refuse(`gives ${kernel.label} an unknown buffer`);
    let region = -1;
    if (kernel.params > 0) {
      const key = launch.params.join();
      const before = regions.get(key);
      const bytes = 16 * Math.ceil(kernel.params / 4);
      const words = launch.params.map((size) => sizes.index(size));
      const found = before ?? { index: regions.size, offset: uniformBytes, bytes, words };
      if (!before) {
        regions.set(key, found);
        uniformBytes += UNIFORM_ALIGNMENT * Math.ceil(bytes / UNIFORM_ALIGNMENT);
      }
      region = found.index;
    }
    const parts = [launch.groups, ...(launch.beside ?? [])].map((groups) =>
      groups.map(({ of, per }) => ({ of: sizes.index(of), per })),
    );
    const condition = when && { when: { size: sizes.index(when.size), atMost: when.atMost } };
    const costs = { flops: sizes.index(launch.flops ?? step.flops), bytes: sizes.index(launch.bytes ?? step.bytes) };
    const { origin } = step;
    return { plan: launch, origin, kernel, parts, region, ...costs, ...condition };
  };
  const steps = entry.steps.map((step): StepLayout => {
    const fitting = (step.alternatives ?? []).filter((one) => (one.profile ?? profile) === profile);
    const last = fitting.find(({ when }) => !when) ?? step;
    const launches = fitting.filter(({ when }) => when).map((one) => launchOf(one, step, one.when));
    launches.push(launchOf(last, step));
    return { plan: step, launches };
  });
  const measured = new Set([CAPACITY, ...inputs.flatMap(({ dims }) => dims.flatMap(symbolsOf))]);
  for (const symbol of sizes.symbols())
    if (!measured.has(symbol)) throw refuse(`has sizes of ${symbol}, which no input has,`);
  return {
    name,
    plan: entry,
    sizes,
    inputs,
    outputs,
    places,
    pasts: entry.inputs.map((input) => cacheOf(input.name, 'past')),
    presents: entry.cache.map((cache) => entry.outputs.findIndex((output) => output.name === cache.present)),
    elements,
    steps,
    regions: [...regions.values()],
    uniformBytes,
  };
}

const sizeText = (dim: Dim): number | string => (typeof dim === 'number' ? dim : printDim(dim));
