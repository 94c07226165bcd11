/**
 * One graph → one entry of the plan: decompose, fuse until every kernel fits the device, write the kernels, share memory.
 */
import type { CachePort } from '../../../shared/artifact.ts';
import { addDims, type Dim, equalShapes, mulDims, productOf, symbol } from '../../../shared/dim.ts';
import type { DType } from '../../../shared/dtype.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { type BufferPlan, CAPACITY, type EntryPlan, type Groups, type StepPlan } from '../../../shared/webgpu.ts';
import { type AnyNode, type Graph, typeOf, type ValueId } from '../../ir/graph.ts';
import { bundle } from './bundle.ts';
import type { Element } from './code.ts';
import { decompose } from './decompose.ts';
import { dependsOnProfile, type Emitted, emitKernels, workgroupOf } from './emit.ts';
import { factsOf, type GraphFacts, type Storage, type Stored } from './evaluator.ts';
import type { Profile } from './families/contract.ts';
import { type CacheAppend, type Fused, fuse } from './fuse.ts';
import { isCore, type Kernel } from './kernel.ts';
import { assignSlots, type Lifetime, sizeText } from './memory.ts';
import type { PlanTables } from './plan.ts';
import { isReduction } from './reduce.ts';
import { isPointwise } from './scalar.ts';
import { signatureOf } from './signature.ts';
import { contiguous, rowMajor } from './strided.ts';

export interface EntryOptions {
  readonly cache?: readonly CachePort[];
  /** output → the input whose buffer it takes over */
  readonly donations?: ReadonlyMap<string, string>;
}

/** Elements that a parameter may have to be packed with others. */
const PACKED = 16_384;

const ELEMENTS: { readonly [D in DType]: Element } = { f32: 'f32', i64: 'i32', bool: 'u32' };

export function lowerEntry(original: Graph, tables: PlanTables, options: EntryOptions = {}): EntryPlan {
  const { graph, described } = decompose(original);
  return new EntryLowering(graph, tables, options, described).lower();
}

class EntryLowering {
  private readonly graph: Graph;
  private readonly facts: GraphFacts;
  private readonly tables: PlanTables;
  private readonly options: EntryOptions;
  private readonly caches: readonly CacheAppend[];
  private readonly places = new Map<ValueId, Stored>();
  private readonly buffers: BufferPlan[] = [];
  private readonly bufferOf = new Map<string, number>();
  /** values that kernels write */
  private stored: ReadonlySet<ValueId> = new Set();

  constructor(
    graph: Graph,
    tables: PlanTables,
    options: EntryOptions,
    described: ReturnType<typeof decompose>['described'],
  ) {
    this.graph = graph;
    this.facts = factsOf(graph);
    this.tables = tables;
    this.options = options;
    this.caches = cachesOf(graph, this.facts, options.cache ?? []);
    this.placeLeaves(described);
  }

  lower(): EntryPlan {
    const copies = this.copies();
    const fused = this.fuse();
    this.stored = fused.stored;
    const kernels = [...fused.kernels, ...copies];
    this.placeOutputs(kernels);
    for (const value of fused.stored) if (!this.places.has(value)) this.place(value, `value:${value}`);
    const storage: Storage = { stored: (value) => this.places.get(value) };
    const emitted = this.bundles(fused, copies, storage).map((together) => {
      const keys = new Set(together.flatMap((kernel) => [...this.buffersOf(kernel, fused.stored)]));
      return { together, ...this.emit(together, this.storageFor(keys)) };
    });
    this.shareMemory(emitted.map(({ gpu }) => gpu.buffers));
    // an output without elements has no kernel, and a buffer all the same
    for (const [port, { value }] of this.graph.outputs.entries()) {
      const { key } = (this.places.get(-1 - port) ?? this.places.get(value))!;
      if (key.startsWith('output')) this.buffer(key);
    }
    const steps = emitted.map(({ together, gpu, software }) => this.step(together, gpu, software));
    const port = ({ name, value }: { readonly name: string; readonly value: ValueId }) => {
      const { dtype, shape } = typeOf(this.graph, value);
      return { name, dtype, shape: shape.map(sizeText) };
    };
    return {
      inputs: this.graph.inputs.map(port),
      outputs: this.graph.outputs.map(port),
      cache: this.options.cache ?? [],
      buffers: this.buffers,
      steps,
    };
  }

  // --- where values lie ------------------------------------------------------------------------------------

  private place(value: ValueId, key: string): void {
    const { dtype, shape } = typeOf(this.graph, value);
    this.places.set(value, { key, element: ELEMENTS[dtype], layout: contiguous(shape) });
  }

  private placeLeaves(described: ReturnType<typeof decompose>['described']): void {
    for (const [port, { value }] of this.graph.inputs.entries()) this.place(value, `input:${port}`);
    for (const { key, value } of this.graph.parameters) {
      const { dtype, shape } = typeOf(this.graph, value);
      const { index, element, shards } = this.tables.parameter(key, dtype, shape as readonly number[]);
      this.places.set(value, {
        key: `parameter:${index}`,
        element,
        layout: contiguous(shape),
        ...(shards.length > 0 ? { shards } : {}),
      });
    }
    for (const { value, tensor } of this.graph.constants) {
      this.places.set(value, {
        key: `constant:${this.tables.constant(tensor, described.get(tensor))}`,
        element: ELEMENTS[tensor.dtype],
        layout: contiguous(tensor.shape),
      });
    }
    for (const [index, { past, present, axis }] of this.caches.entries()) {
      for (const value of [past, present]) {
        const { shape, dtype } = typeOf(this.graph, value);
        const room = shape.map((dim, at) => (at === axis ? symbol(CAPACITY) : dim));
        this.places.set(value, {
          key: `cache:${this.cacheIndex(index)}`,
          element: ELEMENTS[dtype],
          layout: { shape, strides: rowMajor(room), offset: 0 },
        });
      }
    }
  }

  private cacheIndex(index: number): number {
    const name = this.graph.inputs.find(({ value }) => value === this.caches[index]!.past)!.name;
    return this.options.cache!.findIndex(({ past }) => past === name);
  }

  /** Outputs that no kernel of their own writes: inputs and parameters handed through, values given twice. */
  private copies(): Kernel[] {
    const copies: Kernel[] = [];
    const seen = new Set<ValueId>();
    for (const [port, { value }] of this.graph.outputs.entries()) {
      const cached = this.caches.some(({ present }) => present === value);
      const made = this.facts.producers.has(value) && !seen.has(value);
      seen.add(value);
      if (made || cached) continue;
      const into = -1 - port;
      const { dtype, shape } = typeOf(this.graph, value);
      this.places.set(into, { key: `output:${port}`, element: ELEMENTS[dtype], layout: contiguous(shape) });
      copies.push({
        outputs: [{ value, into }],
        shape,
        columns: 0,
        core: undefined,
        phases: [],
        order: this.graph.nodes.length + port,
      });
    }
    return copies;
  }

  private placeOutputs(kernels: readonly Kernel[]): void {
    for (const [port, { name, value }] of this.graph.outputs.entries()) {
      if (this.places.has(value)) continue;
      this.place(value, this.donated(name, value, kernels) ?? `output:${port}`);
    }
  }

  /** The key of the input that this output may overwrite: only its own kernel reads it, and only at the same place. */
  private donated(name: string, value: ValueId, kernels: readonly Kernel[]): string | undefined {
    const input = this.graph.inputs.findIndex((other) => other.name === this.options.donations?.get(name));
    if (input < 0) return undefined;
    const donor = this.graph.inputs[input]!.value;
    // handed through as an output, which is copied last; or taken over already
    const taken = [...this.places.values()].filter(({ key }) => key === `input:${input}`).length > 1;
    if (taken || this.graph.outputs.some((output) => output.value === donor)) return undefined;
    const writer = kernels.find(({ outputs }) => outputs.some(({ into }) => into === value));
    if (!writer || writer.core || writer.phases.length > 0) return undefined;
    if (!equalShapes(typeOf(this.graph, donor).shape, writer.shape)) return undefined;
    const users = this.graph.nodes.filter(({ inputs }) => inputs.includes(donor));
    const inside = new Set(this.computedBy(writer));
    const safe = users.every((node) => inside.has(node)) && [...inside].every((node) => isPointwise(node.op));
    const alone = kernels.every(
      (kernel) => kernel === writer || !this.computedBy(kernel).some((node) => users.includes(node)),
    );
    return safe && alone ? `input:${input}` : undefined;
  }

  private readonly computed = new Map<Kernel, readonly AnyNode[]>();

  /** Nodes that a kernel computes beside its core and phases; asked for again and again once fusion is done. */
  private computedBy(kernel: Kernel): readonly AnyNode[] {
    const before = this.computed.get(kernel);
    if (before) return before;
    const seen = new Set<AnyNode>();
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const open = [
      ...roots,
      ...[...kernel.phases, ...(kernel.core ? [kernel.core] : [])].flatMap((node) => node.inputs),
    ];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      const node = this.facts.producers.get(value);
      if (!node || seen.has(node) || isCore(node) || isReduction(node.op)) continue;
      if (this.stored.has(value) && !roots.has(value)) continue;
      seen.add(node);
      open.push(...node.inputs);
    }
    const nodes = [...seen];
    this.computed.set(kernel, nodes);
    return nodes;
  }

  // --- kernels ---------------------------------------------------------------------------------------------

  /** Fuses, and where a kernel binds more buffers than the device allows splits it, until all fit. */
  private fuse(): Fused {
    const forced = new Set<ValueId>();
    const alone = new Set<ValueId>();
    for (;;) {
      const fused = fuse(this.facts, { caches: this.caches, forced, alone });
      const split = fused.kernels.flatMap((kernel) => this.tooManyBuffers(kernel, fused) ?? []);
      const fresh = split.filter((value) => !alone.has(value));
      if (fresh.length === 0) return fused;
      for (const value of fresh) {
        forced.add(value);
        alone.add(value);
      }
    }
  }

  /** Values in buffers that a kernel reads. */
  private reads(kernel: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<ValueId> {
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const leaves = new Set<ValueId>();
    const seen = new Set<ValueId>(roots);
    const open = [...roots];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (this.facts.constants.get(value)?.data.length === 1) continue;
      const node = this.facts.producers.get(value);
      if (!node || (stored.has(value) && !roots.has(value))) leaves.add(value);
      else {
        for (const operand of node.inputs) {
          if (seen.has(operand)) continue;
          seen.add(operand);
          open.push(operand);
        }
      }
    }
    return leaves;
  }

  /** The same for each value on the way to them. */
  private leaves(kernel: Kernel, stored: ReadonlySet<ValueId>): Map<ValueId, ReadonlySet<ValueId>> {
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const found = new Map<ValueId, Set<ValueId>>();
    const visit = (value: ValueId): Set<ValueId> => {
      const before = found.get(value);
      if (before) return before;
      const leaves = new Set<ValueId>();
      found.set(value, leaves);
      const node = this.facts.producers.get(value);
      if (this.facts.constants.get(value)?.data.length === 1) return leaves;
      if (!node || (stored.has(value) && !roots.has(value))) leaves.add(value);
      else for (const operand of node.inputs) for (const leaf of visit(operand)) leaves.add(leaf);
      return leaves;
    };
    for (const root of roots) visit(root);
    // what an earlier kernel of the same core left for this one
    const shared = kernel.core?.outputs.at(-1);
    if (kernel.pass !== undefined && kernel.pass !== 'statistics')
      for (const root of roots) found.get(root)!.add(shared!);
    return found;
  }

  /**
   * A value to store by a kernel of its own so that this one binds fewer buffers; undefined when it fits or nothing can
   * be split off. A parameter in several shards takes as many buffers.
   */
  private tooManyBuffers(kernel: Kernel, { stored }: Fused): ValueId | undefined {
    const limit = this.tables.limits.maxStorageBuffersPerShaderStage;
    const roots = new Set(kernel.outputs.map(({ value }) => value));
    const buffersOf = (leaves: ReadonlySet<ValueId>): number =>
      [...leaves].reduce((sum, value) => sum + 1 + (this.places.get(value)?.shards?.length ?? 0), 0);
    const all = this.reads(kernel, stored);
    const written = new Set(kernel.outputs.map(({ into }) => into)).size;
    if (buffersOf(all) + written <= limit || this.fits(this.buffersOf(kernel, stored))) return undefined;
    // outputs that joined: the one that joined last leaves
    if (kernel.outputs.length > 1 && (kernel.core?.outputs.length ?? 1) === 1) return kernel.outputs[0]!.value;
    // the value with the most buffers behind it that is not nearly everything
    const candidates = [...this.leaves(kernel, stored)].flatMap(([value, leaves]) => {
      const node = this.facts.producers.get(value);
      const own = node && !roots.has(value) && !stored.has(value) && !isCore(node);
      return own && buffersOf(leaves) > 1 && leaves.size < all.size ? [{ value, buffers: buffersOf(leaves) }] : [];
    });
    candidates.sort((a, b) => b.buffers - a.buffers);
    return candidates.find(({ buffers }) => buffers + 1 <= limit)?.value;
  }

  private bundles(fused: Fused, copies: readonly Kernel[], storage: Storage): readonly (readonly Kernel[])[] {
    const buffers = new Map<Kernel, ReadonlySet<string>>();
    const classes = new Map<Kernel, string>();
    const once = <T>(map: Map<Kernel, T>, kernel: Kernel, make: () => T): T => {
      if (!map.has(kernel)) map.set(kernel, make());
      return map.get(kernel)!;
    };
    const context = { facts: this.facts, storage };
    return bundle(
      [...fused.kernels, ...copies].filter(({ shape }) => !shape.includes(0)),
      {
        readersOf: (kernel) => {
          const copying = copies.filter(({ outputs: [copy] }) =>
            kernel.outputs.some(({ into }) => into === copy!.value),
          );
          return [...fused.readersOf(kernel), ...copying].filter(({ shape }) => !shape.includes(0));
        },
        buffersOf: (kernel) => once(buffers, kernel, () => this.buffersOf(kernel, fused.stored)),
        classOf: (kernel) =>
          once(classes, kernel, () =>
            kernel.core
              ? this.tables.common(
                  signatureOf([kernel], this.facts, storage),
                  () => `core ${workgroupOf(kernel, context, 'gpu')} ${workgroupOf(kernel, context, 'software')}`,
                )
              : 'plain',
          ),
        fits: (keys) => this.fits(keys),
      },
    );
  }

  /** Within the device's limit, if need be with the small parameters in one buffer. */
  private fits(keys: ReadonlySet<string>): boolean {
    const limit = this.tables.limits.maxStorageBuffersPerShaderStage;
    const small = this.smallParameters(keys).length;
    return keys.size <= limit || (small > 1 && keys.size - small + 1 <= limit);
  }

  /** Indices of the parameters among these buffers that may be packed. */
  private smallParameters(keys: ReadonlySet<string>): number[] {
    return [...keys].flatMap((key) => {
      const [kind, index] = key.split(':') as [string, string];
      if (kind !== 'parameter' || index.includes('#')) return [];
      const { shape, storage } = this.tables.parameters[Number(index)]!;
      return storage === 'f32' && sizeOf(shape) <= PACKED ? [Number(index)] : [];
    });
  }

  /** Where a bundle finds its values: its small parameters in one buffer, when it would bind too many otherwise. */
  private storageFor(keys: ReadonlySet<string>): Storage {
    const plain = (value: ValueId): Stored | undefined => this.places.get(value);
    if (keys.size <= this.tables.limits.maxStorageBuffersPerShaderStage) return { stored: plain };
    const { index, starts } = this.tables.pack(this.smallParameters(keys).sort((a, b) => a - b));
    return {
      stored: (value) => {
        const place = plain(value);
        const at = place?.key.startsWith('parameter:') ? starts.get(Number(place.key.slice(10))) : undefined;
        if (!place || at === undefined) return place;
        return { ...place, key: `pack:${index}`, layout: { ...place.layout, offset: at } };
      },
    };
  }

  private buffersOf(kernel: Kernel, stored: ReadonlySet<ValueId>): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const value of [...this.reads(kernel, stored), ...kernel.outputs.map(({ into }) => into)]) {
      const place = this.places.get(value);
      keys.add(place?.key ?? `value:${value}`); // a place of its own, later
      if (!place) continue;
      for (const shard of place.shards?.keys() ?? []) keys.add(`${place.key}#${shard + 1}`);
    }
    return keys;
  }

  private emit(
    kernels: readonly Kernel[],
    storage: Storage,
  ): { readonly gpu: Emitted; readonly software: Emitted | undefined } {
    const context = { facts: this.facts, storage };
    const headers = kernels.map((kernel) => this.headerOf(kernel));
    const signature = signatureOf(kernels, this.facts, storage);
    const write = (profile: Profile): Emitted =>
      this.tables.emitted(signature, [profile, ...headers].join('\n'), () =>
        emitKernels(kernels, context, profile, headers),
      );
    const gpu = write('gpu');
    if (!kernels.some((kernel) => dependsOnProfile(kernel, this.facts))) return { gpu, software: undefined };
    const software = write('software');
    return { gpu, software: software.wgsl === gpu.wgsl ? undefined : software };
  }

  /** `layer_norm → linear   phi-2.mdl:42:9`: the ops of the source in order, and the line of the last */
  private headerOf(kernel: Kernel): string {
    const source = this.nodesOf(kernel).at(-1)?.origin.source;
    return `${this.labelOf(kernel)}${source === undefined ? '' : `   ${source}`}`;
  }

  private nodesOf(kernel: Kernel): AnyNode[] {
    const own = [...this.computedBy(kernel), ...kernel.phases, ...(kernel.core ? [kernel.core] : [])];
    return own.sort((a, b) => this.facts.order.get(a)! - this.facts.order.get(b)!);
  }

  private labelOf(kernel: Kernel): string {
    const ops = this.nodesOf(kernel).map(({ op }) => op);
    const shown = ops.filter((op, index) => op !== ops[index - 1]);
    if (shown.length === 0) return 'copy';
    return shown.length <= 8 ? shown.join(' → ') : [...shown.slice(0, 3), '…', ...shown.slice(-4)].join(' → ');
  }

  // --- the plan --------------------------------------------------------------------------------------------

  private shareMemory(uses: readonly (readonly string[])[]): void {
    const lifetimes = new Map<string, { first: number; last: number }>();
    for (const [step, keys] of uses.entries()) {
      for (const key of keys) {
        if (!key.startsWith('value:')) continue;
        const life = lifetimes.get(key) ?? { first: step, last: step };
        lifetimes.set(key, { first: life.first, last: step });
      }
    }
    const list = [...lifetimes].map(([key, life]): Lifetime => {
      const { shape } = typeOf(this.graph, Number(key.slice('value:'.length)));
      return { key, elements: productOf(shape), ...life };
    });
    const { slotOf, sizes } = assignSlots(list);
    const base = this.buffers.length;
    for (const elements of sizes) this.buffers.push({ kind: 'scratch', elements: elements.map(sizeText) });
    for (const [key, slot] of slotOf) this.bufferOf.set(key, base + slot);
  }

  private buffer(key: string): number {
    const before = this.bufferOf.get(key);
    if (before !== undefined) return before;
    const made = this.buffers.push(this.bufferPlan(key)) - 1;
    this.bufferOf.set(key, made);
    return made;
  }

  private bufferPlan(key: string): BufferPlan {
    const [kind, rest] = key.split(':') as [string, string];
    const [index, shard] = rest.split('#').map(Number) as [number, number?];
    switch (kind) {
      case 'input': {
        const output = this.graph.outputs.findIndex(({ value }) => this.places.get(value)?.key === key);
        return output < 0 ? { kind, port: index } : { kind: 'output', port: output, donated: index };
      }
      case 'output':
        return { kind, port: index };
      case 'parameter':
        return { kind, parameter: index, ...this.tables.shard(index, shard ?? 0) };
      case 'pack':
        return { kind, pack: index };
      case 'constant':
        return { kind, constant: index };
      case 'cache':
        return { kind, cache: index };
      default:
        throw new Error(`no buffer is called ${key}`);
    }
  }

  private step(kernels: readonly Kernel[], gpu: Emitted, software: Emitted | undefined): StepPlan {
    const label = kernels.map((kernel) => this.labelOf(kernel)).join(' ‖ ');
    const launch = (emitted: Emitted) => {
      const [groups, ...beside] = emitted.parts.map(
        (part) => part.map(({ of, per }) => ({ of: sizeText(of), per })) as unknown as Groups,
      );
      return {
        kernel: this.tables.kernel(label, emitted),
        groups: groups!,
        ...(beside.length > 0 ? { beside } : {}),
        linear: emitted.linear,
        buffers: emitted.buffers.map((key) => this.buffer(key)),
        params: emitted.params.map(sizeText),
      };
    };
    return {
      ...launch(gpu),
      origin: kernels.map((kernel) => this.originOf(kernel)).join(' ‖ '),
      ...(software ? { alternatives: [{ profile: 'software', ...launch(software) }] } : {}),
      flops: sizeText(kernels.reduce<Dim>((sum, kernel) => addDims(sum, this.flopsOf(kernel)), 0)),
      bytes: sizeText(this.bytesOf(gpu)),
    };
  }

  /** `llama_model.model.layers.3 · models/phi-2.mdl:42:9`: where the last node came from */
  private originOf(kernel: Kernel): string {
    const { path, source } = this.nodesOf(kernel).at(-1)?.origin ?? { path: this.graph.name };
    return [path, source].filter((part) => part !== undefined && part !== '').join(' · ');
  }

  private flopsOf(kernel: Kernel): Dim {
    const points = productOf(kernel.shape);
    let flops: Dim = mulDims(points, this.computedBy(kernel).filter(({ op }) => isPointwise(op)).length);
    for (const phase of kernel.phases) flops = addDims(flops, productOf(typeOf(this.graph, phase.inputs[0]!).shape));
    if (!kernel.core) return flops;
    return addDims(flops, coreFlops(this.graph, kernel.core));
  }

  /** a value of each buffer key, once all places are known */
  private valueOf: ReadonlyMap<string, ValueId> | undefined;

  private bytesOf({ buffers }: Emitted): Dim {
    this.valueOf ??= new Map([...this.places].map(([value, { key }]) => [key, value] as const));
    const shapes = this.valueOf;
    return buffers.reduce<Dim>((sum, key) => {
      if (key.startsWith('pack:')) return addDims(sum, 4 * this.tables.packs[Number(key.slice(5))]!.elements);
      const value = shapes.get(key.split('#')[0]!);
      if (value === undefined || key.includes('#')) return sum;
      const { shape } =
        value < 0 ? typeOf(this.graph, this.graph.outputs[-1 - value]!.value) : typeOf(this.graph, value);
      return addDims(sum, mulDims(this.places.get(value)!.element === 'f16' ? 2 : 4, productOf(shape)));
    }, 0);
  }
}

/** Multiplications and additions of a contraction. */
function coreFlops(graph: Graph, core: NonNullable<Kernel['core']>): Dim {
  const shapes = core.inputs.map((value) => typeOf(graph, value).shape);
  const out = productOf(typeOf(graph, core.outputs[0]!).shape);
  if (core.op === 'linear') return mulDims(mulDims(2, out), shapes[1]![1]!);
  if (core.op === 'matmul') {
    const shape = shapes[0]!;
    const k = shape.length > 1 && core.attributes.transpose_a ? shape.at(-2)! : shape.at(-1)!;
    return mulDims(mulDims(2, out), k);
  }
  // scores and values: 2 · 2 · B·H·T·S·D, as often in each pass of the gradients
  return mulDims(4, mulDims(productOf(shapes[0]!), shapes[1]![2]!));
}

/** The concats that append to a cache: past is an input, the result an output, and nothing but views of it is needed. */
function cachesOf(graph: Graph, facts: GraphFacts, ports: readonly CachePort[]): CacheAppend[] {
  return ports.flatMap(({ past, present, axis }) => {
    const input = graph.inputs.find(({ name }) => name === past);
    const output = graph.outputs.find(({ name }) => name === present);
    const node = output && facts.producers.get(output.value);
    if (!input || node?.op !== 'concat' || node.inputs.length !== 2 || node.inputs[0] !== input.value) return [];
    return [{ past: input.value, present: output!.value, axis }];
  });
}
