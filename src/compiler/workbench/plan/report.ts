/**
 * What an entry of a plan does at given sizes: the launches that a device of a profile would take, worked out by the
 * same code that takes them (src/runtime/webgpu), with equal ones counted together.
 */

import { launchAt, type Workgroups, workgroupsOf } from '../../../runtime/webgpu/dispatch.ts';
import { type EntryLayout, type LaunchLayout, layoutOf, type StepLayout } from '../../../runtime/webgpu/layout.ts';
import { widthOf } from '../../../shared/cache-storage.ts';
import { evaluateDim } from '../../../shared/dim.ts';
import { parseDim } from '../../../shared/dim-text.ts';
import { storageBytes } from '../../../shared/quantisation.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { type BufferPlan, CAPACITY, type ParameterPlan, type WebGpuPlan } from '../../../shared/webgpu.ts';
import type { Limits } from './measure/limits.ts';

/** Workgroups along an axis that every device allows. */
const MOST_WORKGROUPS = 65535;

export interface KernelRow {
  /** how many launches are alike: as a rule, one per layer */
  readonly count: number;
  readonly label: string;
  /** file:line:column of the .mdl source; '' where the compiler made it up */
  readonly source: string;
  /** what it is spread over: points, rows, or m × n of a product; several parts side by side */
  readonly over: readonly (readonly number[])[];
  /** shapes of the parameters it reads */
  readonly parameters: readonly (readonly number[])[];
  readonly workgroups: readonly [number, number, number];
  /** of one launch */
  readonly flops: number;
  /** of one launch, at least */
  readonly bytes: number;
  /** with --measure */
  readonly measured?: MeasuredRow;
}

export interface MeasuredRow {
  /** of one launch */
  readonly ms: number;
  /** what the adapter's limits allow, as a part of `ms` */
  readonly of_limit: number;
}

export interface PlanReport {
  readonly entry: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly profile: 'gpu' | 'software';
  readonly kernels: readonly KernelRow[];
  /** lists of modules (`llama_model.model.layers`): how many items take how many dispatches */
  readonly lists: readonly {
    readonly path: string;
    readonly counts: readonly { readonly items: number; readonly dispatches: number }[];
  }[];
  readonly dispatches: number;
  readonly distinct_kernels: number;
  readonly flops: number;
  /** that the kernels move, each its operands and results once */
  readonly bytes: number;
  /** parameters, inputs, caches and outputs, each once; less where of a table only rows are looked up */
  readonly minimum_bytes: number;
  readonly parameters: { readonly tensors: number; readonly elements: number; readonly bytes: number };
  /** buffers for what lies between kernels, shared by liveness */
  readonly scratch_bytes: number;
  readonly cache_bytes: number;
  /** with --measure */
  readonly measured?: {
    readonly adapter: string;
    readonly limits: Limits;
    /** of all launches, each alone */
    readonly ms: number;
    /** that the limits would allow them */
    readonly limit_ms: number;
  };
}

interface Launched {
  readonly step: StepLayout;
  readonly launch: LaunchLayout;
  readonly workgroups: Workgroups;
}

/** An entry at given sizes: what is launched, in order. */
export interface EntryAt {
  readonly plan: WebGpuPlan;
  readonly layout: EntryLayout;
  readonly dims: Dims;
  /** `dims`, and the capacity of caches */
  readonly symbols: Dims;
  /** of the layout's sizes */
  readonly values: Float64Array;
  readonly launched: readonly Launched[];
  readonly profile: PlanReport['profile'];
}

export function entryAt(plan: WebGpuPlan, entry: string, dims: Dims, profile: PlanReport['profile']): EntryAt {
  const layout = layoutOf(plan, entry, profile);
  const symbols = new Map([...dims, [CAPACITY, capacityOf(layout, dims)]]);
  const values = layout.sizes.evaluate(symbols);
  const launched = layout.steps.flatMap((step) => {
    const launch = launchAt(step, values);
    const workgroups = workgroupsOf(entry, launch, values, MOST_WORKGROUPS);
    return workgroups ? [{ step, launch, workgroups }] : [];
  });
  return { plan, layout, dims, symbols, values, launched, profile };
}

/** Kinds of launches, each with the first of its kind. */
export type Kinds = readonly { readonly row: KernelRow; readonly first: Launched }[];

function kindsOf({ plan, layout, values, launched }: EntryAt): Kinds {
  const kinds = new Map<string, { row: KernelRow; first: Launched }>();
  for (const one of launched) {
    const { step, launch, workgroups } = one;
    const [path, ...rest] = step.plan.origin.split(' · ');
    const row = {
      label: launch.kernel.label,
      source: rest.at(-1)?.split(' ‖ ')[0] ?? (path!.includes('.mdl:') ? path! : ''),
      over: launch.parts.map((part) => extents(part.map(({ of }) => values[of]!))),
      parameters: parametersRead(
        plan,
        launch.plan.buffers.map((index) => layout.plan.buffers[index]!),
      ).map(({ shape }) => shape),
      workgroups,
      flops: values[launch.flops]!,
      bytes: values[launch.bytes]!,
    };
    const key = JSON.stringify([launch.plan.kernel, row]);
    const before = kinds.get(key);
    kinds.set(key, { row: { ...row, count: (before?.row.count ?? 0) + 1 }, first: before?.first ?? one });
  }
  return [...kinds.values()];
}

export function reportOf(at: EntryAt): { readonly report: PlanReport; readonly kinds: Kinds } {
  const { plan, layout, dims, values, launched, profile } = at;
  const perItem = new Map<string, Map<string, number>>();
  for (const { step } of launched) countItem(perItem, step.plan.origin.split(' · ')[0]!);
  const kinds = kindsOf(at);
  const kernels = kinds.map(({ row }) => row);
  const sum = (of: (row: KernelRow) => number): number =>
    kernels.reduce((total, row) => total + row.count * of(row), 0);
  const read = parametersRead(plan, layout.plan.buffers);
  const bytes = read.reduce((total, parameter) => total + bytesOf(parameter), 0);
  const report: PlanReport = {
    entry: layout.name,
    dims: Object.fromEntries(dims),
    profile,
    kernels,
    lists: listsOf(perItem),
    dispatches: launched.length,
    distinct_kernels: new Set(launched.map(({ launch }) => launch.plan.kernel)).size,
    flops: sum((row) => row.flops),
    bytes: sum((row) => row.bytes),
    minimum_bytes: Math.min(
      bytes + portBytes(layout, dims),
      sum((row) => row.bytes),
    ),
    parameters: {
      tensors: read.length,
      elements: read.reduce((total, { shape }) => total + sizeOf(shape), 0),
      bytes,
    },
    scratch_bytes: layout.plan.buffers.reduce(
      (total, { kind }, index) =>
        kind === 'scratch' ? total + 4 * Math.max(...layout.elements[index]!.map((size) => values[size]!)) : total,
      0,
    ),
    cache_bytes: layout.presents.reduce(
      (total, output, cache) =>
        total + widthOf(layout.plan.cache[cache]!.stored) * elementsOf(layout.outputs[output]!.dims, dims),
      0,
    ),
  };
  return { report, kinds };
}

/** Sizes of dynamic dims, by name. */
export type Dims = ReadonlyMap<string, number>;

const elementsOf = (shape: EntryLayout['inputs'][number]['dims'], dims: Dims): number =>
  shape.reduce<number>((product, dim) => product * evaluateDim(dim, dims), 1);

/** The positions that caches hold after the run. */
function capacityOf(layout: EntryLayout, dims: Dims): number {
  return Math.max(
    0,
    ...layout.plan.cache.map(({ axis }, cache) =>
      evaluateDim(layout.outputs[layout.presents[cache]!]!.dims[axis]!, dims),
    ),
  );
}

/** A cache is read as far as it was filled, and written where it grows: its present, once. */
function portBytes(layout: EntryLayout, dims: Dims): number {
  const inputs = layout.inputs.filter((_, index) => layout.pasts[index]! < 0);
  const stored = new Map(
    layout.presents.map((output, cache) => [layout.outputs[output], layout.plan.cache[cache]!.stored]),
  );
  return [...inputs, ...layout.outputs].reduce(
    (total, port) => total + widthOf(stored.get(port)) * elementsOf(port.dims, dims),
    0,
  );
}

function parametersRead(plan: WebGpuPlan, buffers: readonly BufferPlan[]): ParameterPlan[] {
  const indices = buffers.flatMap((buffer) => {
    if (buffer.kind === 'pack') return plan.packs[buffer.pack]!.parts.map(({ parameter }) => parameter);
    return buffer.kind === 'parameter' ? [buffer.parameter] : [];
  });
  return [...new Set(indices)].map((index) => plan.parameters[index]!);
}

const bytesOf = ({ shape, storage }: ParameterPlan): number => storageBytes(storage, sizeOf(shape));

/** Without the axes that are 1. */
function extents(sizes: readonly number[]): number[] {
  const kept = sizes.filter((size) => size !== 1);
  return kept.length > 0 ? kept : [1];
}

/** `llama_model.model.layers.3.mlp` counts for item 3 of `llama_model.model.layers`. */
function countItem(perItem: Map<string, Map<string, number>>, path: string): void {
  const found = /^(.*?)\.(\d+)(?:\.|$| )/.exec(path.split(' ‖ ')[0]!);
  if (!found) return;
  const items = perItem.get(found[1]!) ?? new Map<string, number>();
  items.set(found[2]!, (items.get(found[2]!) ?? 0) + 1);
  perItem.set(found[1]!, items);
}

function listsOf(perItem: ReadonlyMap<string, ReadonlyMap<string, number>>): PlanReport['lists'] {
  return [...perItem].map(([path, items]) => {
    const counts = new Map<number, number>();
    for (const dispatches of items.values()) counts.set(dispatches, (counts.get(dispatches) ?? 0) + 1);
    const sorted = [...counts].sort(([, a], [, b]) => b - a);
    return { path, counts: sorted.map(([dispatches, alike]) => ({ items: alike, dispatches })) };
  });
}

/** The dynamic dims of an entry's inputs. */
export function dimsOf(plan: WebGpuPlan, entry: string): string[] {
  const { inputs } = plan.entries[entry]!;
  const texts = inputs.flatMap(({ shape }) => shape.filter((dim) => typeof dim === 'string'));
  const names = texts.flatMap((text) => String(text).match(/[A-Za-z_]\w*/g) ?? []);
  return [...new Set(names)].filter((name) => parseDim(name) !== undefined).sort();
}
