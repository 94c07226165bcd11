import type { EntryPlan, WatchedInteger } from '../../../shared/webgpu.ts';
import { type Graph, type Requirement, typeOf, type ValueId } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import { type Decomposed, decompose } from './decompose.ts';
import { KERNELS } from './dialect.ts';
import type { EntryOptions } from './entry-options.ts';
import { BufferBudget } from './fusion/budget.ts';
import { bundle } from './fusion/bundle.ts';
import { type Fused, fuse } from './fusion/fuse.ts';
import { outputPieces } from './fusion/pieces.ts';
import { safeIntegers } from './integers.ts';
import type { Kernel } from './kernel.ts';
import type { BufferRef, EntryStorage } from './plan/buffer.ts';
import { Descriptions } from './plan/describe.ts';
import { EntryBuffers } from './plan/entry-buffers.ts';
import { kernelInputs, type NumberedInputs } from './plan/kernel-input.ts';
import { kernelReports } from './plan/kernel-report.ts';
import { LimitError } from './plan/limit-error.ts';
import { sizeText } from './plan/memory.ts';
import { Places } from './plan/places.ts';
import { type StepContext, stepOf, type Variants } from './plan/steps.ts';
import type { BoundKernel, PlanTables } from './plan/tables.ts';
import { bytesOf } from './plan/traffic.ts';
import { splitProducts } from './split-products.ts';
import { type Decoding, decodingOf } from './text/decode-attention.ts';
import { type Emitted, emitKernels, workgroupOf } from './text/emit.ts';
import { factsOf, type GraphFacts } from './text/evaluator.ts';
import type { KernelInput } from './text/input.ts';

/** What `after` is called with, in order. */
export const KERNEL_PASSES = ['integers', 'decompose', 'statistics', 'split-products', 'pieces'] as const;

/** An entry of the plan, and what its integers need of sizes beside what the graph requires. */
export interface LoweredEntry {
  readonly plan: EntryPlan;
  readonly requires: readonly Requirement[];
}

/** @throws LimitError, IntegerError */
export function lowerEntry(original: Graph, tables: PlanTables, options: EntryOptions = {}): LoweredEntry {
  const { graph, watched, requires } = safeIntegers(original, options.ranges ?? new Map());
  options.after?.('integers', graph);
  return { plan: new EntryLowering(decompose(graph, options.after), watched, tables, options).lower(), requires };
}

class EntryLowering {
  /** its outputs are those that kernels write, one by one (pieces.ts) */
  private readonly graph: Graph;
  private readonly ports: Pick<Graph, 'inputs' | 'outputs'>;
  private readonly facts: GraphFacts;
  private readonly watched: readonly WatchedInteger[];
  private readonly tables: PlanTables;
  private readonly options: EntryOptions;
  private readonly places: Places;
  private readonly buffers: EntryBuffers;
  private readonly budget: BufferBudget;
  private describe!: Descriptions;
  /** of kernels that have been looked at by themselves */
  private readonly alone = new Map<Kernel, NumberedInputs>();

  /** @param watched integers that the graph's last output counts */
  constructor(decomposed: Decomposed, watched: readonly WatchedInteger[], tables: PlanTables, options: EntryOptions) {
    const graph = splitProducts(decomposed.graph, {
      startsOf: (parameter) => {
        const { dtype, shape } = typeOf(decomposed.graph, parameter.value);
        return tables.parameter(parameter.key, dtype, shape as readonly number[]).shards;
      },
      most: tables.limits.maxStorageBuffersPerShaderStage,
    });
    options.after?.('split-products', graph);
    const facts = factsOf(graph);
    const written = outputPieces(facts);
    this.ports = graph;
    this.graph = made({ ...graph, outputs: written }, KERNELS);
    options.after?.('pieces', this.graph);
    this.facts = { ...facts, graph: this.graph };
    this.watched = watched;
    this.tables = tables;
    this.options = options;
    this.places = new Places(this.facts, written, tables, options, decomposed.described);
    this.buffers = new EntryBuffers(this.graph, written, this.places, tables, watched.length > 0);
    tables.keys.share(graph.types);
    tables.keys.share(graph.nodes.map(({ attributes }) => attributes));
    tables.keys.share([...this.places.known.values()].map(({ layout }) => layout));
    this.budget = new BufferBudget(this.facts, tables, this.places.known);
  }

  lower(): EntryPlan {
    const { known: places, caches } = this.places;
    const copies = this.places.copies();
    const fused = this.fuse(copies);
    this.options.onKernels?.(kernelReports(fused, this.describe, this.facts));
    for (const value of fused.stored) if (!places.has(value)) this.places.place(value, { kind: 'value', value });
    const bundles = this.bundles(fused, copies);
    const fits = (kernel: Kernel): boolean => this.budget.fits(this.budget.buffersOf(kernel, fused.stored));
    const decoding = decodingOf(bundles, { facts: this.facts, fused, copies, caches, fits });
    const emitted = bundles.map((together) => this.variants(together, decoding, fused.stored));
    this.buffers.shareScratch(emitted.map(({ many, one }) => [...many.gpu.buffers, ...(one?.gpu.buffers ?? [])]));
    // an output without elements has no kernel, and a buffer all the same
    for (const [port, { value }] of this.graph.outputs.entries()) {
      const { buffer } = (places.get(-1 - port) ?? places.get(value))!;
      if (buffer.kind === 'output') this.buffers.index(buffer);
    }
    const { graph, tables, describe } = this;
    const reads = (kernel: Kernel) => this.budget.reads(kernel, fused.stored);
    const context: StepContext = {
      kernel: (label, text) => tables.kernel(label, text),
      buffer: (ref) => this.buffers.index(ref),
      bytesOf: (kernels, buffers) => bytesOf(kernels, buffers, { graph, places, tables, describe, reads }),
      describe,
    };
    const steps = emitted.map((variants) => stepOf(variants, context));
    const port = ({ name, value }: { readonly name: string; readonly value: ValueId }) => {
      const { dtype, shape } = typeOf(this.graph, value);
      return { name, dtype, shape: shape.map(sizeText) };
    };
    const { watched } = this;
    const outputs = watched.length > 0 ? this.ports.outputs.slice(0, -1) : this.ports.outputs;
    return {
      inputs: this.ports.inputs.map(port),
      outputs: outputs.map(port),
      cache: this.options.cache ?? [],
      buffers: this.buffers.plans,
      steps,
      ...(watched.length > 0 ? { watched } : {}),
    };
  }

  /** Fuses, and where a kernel binds more buffers than the device allows splits it, until all fit. */
  private fuse(copies: readonly Kernel[]): Fused {
    const forced = new Set<ValueId>();
    const alone = new Set<ValueId>();
    for (;;) {
      const fused = fuse(this.facts, { caches: this.places.caches, forced, alone });
      this.describe = new Descriptions(this.facts, fused.stored);
      // before buffers are counted: an output in place of an input needs none of its own
      const placed = this.places.placeOutputs([...fused.kernels, ...copies], this.describe);
      const split = fused.kernels.flatMap((kernel) => this.budget.tooManyBuffers(kernel, fused) ?? []);
      const fresh = split.filter((value) => !alone.has(value));
      if (fresh.length === 0) return fused;
      for (const value of placed) this.places.known.delete(value);
      for (const value of fresh) {
        forced.add(value);
        alone.add(value);
      }
    }
  }

  private bundles(fused: Fused, copies: readonly Kernel[]): readonly (readonly Kernel[])[] {
    const buffers = new Map<Kernel, ReadonlySet<BufferRef>>();
    const classes = new Map<Kernel, string>();
    const once = <T>(map: Map<Kernel, T>, kernel: Kernel, make: () => T): T => {
      if (!map.has(kernel)) map.set(kernel, make());
      return map.get(kernel)!;
    };
    return bundle(
      [...fused.kernels, ...copies].filter(({ shape }) => !shape.includes(0)),
      {
        readersOf: (kernel) => {
          const copying = copies.filter(({ outputs: [copy] }) =>
            kernel.outputs.some(({ into }) => into === copy!.value),
          );
          return [...fused.readersOf(kernel), ...copying].filter(({ shape }) => !shape.includes(0));
        },
        buffersOf: (kernel) => once(buffers, kernel, () => this.budget.buffersOf(kernel, fused.stored)),
        classOf: (kernel) => once(classes, kernel, () => (kernel.contraction ? this.shareKey(kernel) : 'plain')),
        fits: (all) => this.budget.fits(all),
      },
    );
  }

  private inputsOf(kernels: readonly Kernel[], storage: EntryStorage): NumberedInputs {
    return kernelInputs(kernels, this.facts, storage, this.tables.keys);
  }

  /** Kernels with a template are one dispatch where their workgroups are equal. */
  private shareKey(kernel: Kernel): string {
    const alone = this.inputsOf([kernel], this.budget.plain);
    this.alone.set(kernel, alone);
    const [input] = alone.inputs as [KernelInput];
    return this.tables.shareKey(
      alone,
      () => `contraction ${workgroupOf(input, 'gpu')} ${workgroupOf(input, 'software')}`,
    );
  }

  /** What a person calls a buffer: a parameter's key, a port, the layer and the op that make a value. */
  private pathOf(ref: BufferRef): string {
    switch (ref.kind) {
      case 'parameter':
        return this.tables.parameters[ref.parameter]!.key;
      case 'input':
        return this.ports.inputs[ref.port]!.name;
      case 'output':
        return this.ports.outputs[ref.port]?.name ?? ref.kind;
      case 'cache':
        return this.options.cache![ref.cache]!.past;
      case 'value':
        return this.describe.nameOf(ref.value) ?? ref.kind;
      case 'pack':
        return 'packed';
      case 'constant':
        return ref.kind;
    }
  }

  /** What a step does on each profile, and instead where there is one new position. */
  private variants(together: readonly Kernel[], decoding: Decoding, stored: ReadonlySet<ValueId>): Variants {
    const write = (kernels: readonly Kernel[]) => {
      const buffers = new Set(kernels.flatMap((kernel) => [...this.budget.buffersOf(kernel, stored)]));
      return { kernels, ...this.emit(kernels, this.budget.storageFor(buffers)) };
    };
    const many = write(together);
    const own = decoding.of.get(together[0]!);
    const left = own ? [own] : together.filter((kernel) => !decoding.taken.has(kernel));
    if (!own && left.length === together.length) return { many };
    return { many, one: left.length > 0 ? write(left) : { ...many, kernels: [] }, when: decoding.when };
  }

  private emit(
    kernels: readonly Kernel[],
    storage: EntryStorage,
  ): { readonly gpu: BoundKernel; readonly software: BoundKernel | undefined } {
    const before = storage === this.budget.plain && kernels.length === 1 ? this.alone.get(kernels[0]!) : undefined;
    const numbered = before ?? this.inputsOf(kernels, storage);
    const { inputs, buffers, bases } = numbered;
    const pathOf = (buffer: number): string => this.pathOf(buffers[buffer]!);
    const { gpu, software } = this.tables.emitted(numbered, () => emitKernels(inputs));
    const header = kernels.map((kernel) => this.describe.headerOf(kernel));
    const bound = (emitted: Emitted): BoundKernel => {
      return { emitted, header, pathOf, buffers: emitted.buffers.map((buffer) => buffers[buffer]!), bases };
    };
    this.checkBuffers(kernels, bound(gpu));
    return { gpu: bound(gpu), software: software && bound(software) };
  }

  /** @throws LimitError when a parameter lies in more buffers than a kernel can bind */
  private checkBuffers(kernels: readonly Kernel[], { buffers }: BoundKernel): void {
    const limit = this.tables.limits.maxStorageBuffersPerShaderStage;
    if (buffers.length <= limit) return;
    const parts = buffers.flatMap((ref) => (ref.kind === 'parameter' ? [ref.parameter] : []));
    const count = (index: number): number => parts.filter((part) => part === index).length;
    const largest = parts.toSorted((a, b) => count(b) - count(a))[0];
    throw new LimitError({
      entry: this.graph.name,
      origin: this.describe.originsOf(kernels),
      found: buffers.length,
      limit,
      parameter: largest === undefined ? '' : this.tables.parameters[largest]!.key,
      shards: largest === undefined ? 0 : count(largest),
    });
  }
}
